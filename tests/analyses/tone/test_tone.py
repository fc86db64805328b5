"""Tone and consonant probing: the probe of the paper, held-out voices and strings, contours that a mean loses."""

import logging
from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from auscult.analyses.tone.analysis import tone_activations, tone_contours
from auscult.analyses.tone.columns import CONTOUR, PUBLISHED, SELECTED
from auscult.analyses.tone.contours import contours
from auscult.analyses.tone.items import CONSONANTS, contrast_items
from auscult.analyses.tone.probes import PENALTIES, choose_layer, majority, probe_cells
from auscult.analyses.tone.resampling import crossed_draws
from auscult.analyses.tone.settings import ToneSettings
from auscult.analyses.tone.summary import summarise_tone
from auscult.corpora.mandarin import parse_syllable
from auscult.errors import AnalysisError
from auscult.models.acoustic import TIMING, log_f0, mfcc
from auscult.statistics.intervals import percentile_interval

STRINGS = [onset + rime for onset in ("sh", "ch", "zh", "z") for rime in ("a", "an", "ang", "u", "uan", "e")]
POINTS = ("rime_20", "rime_50", "rime_80")


def syllable_table(n_voices=8, n_each=40, strings=STRINGS, seed=0):
    """Return ``n_each`` syllables per voice, with the columns of a corpus."""
    random, rows = np.random.default_rng(seed), []
    for voice in range(n_voices):
        for number in range(n_each):
            label = f"{random.choice(strings)}{random.integers(1, 5)}"
            syllable = parse_syllable(label)
            rows.append(
                {
                    "utterance": f"v{voice}-{number // 5}",
                    "index": number % 5,
                    "label": label,
                    "tone": syllable.tone,
                    "lexical_tone": syllable.tone,
                    "onset_consonant": syllable.onset,
                    "rime": syllable.rime,
                    "speaker": f"v{voice}",
                    "gender": ("female", "male")[voice % 2],
                }
            )
    return pd.DataFrame(rows)


TABLE = syllable_table()


@dataclass
class Fake:
    """Activations in memory."""

    index: pd.DataFrame
    vectors: dict

    @property
    def layers(self):
        return tuple(self.vectors)

    def load(self, layer, rows=None):
        return self.vectors[layer] if rows is None else self.vectors[layer][rows]


def contour_activations(table=TABLE, strength=6.0, seed=1):
    """Return activations in which three moments of the rime encode the tone and the mean of the syllable does not.

    A rising tone is low, then high, a falling one the opposite, a third one dips, a first is level: each sums to zero.
    """
    random = np.random.default_rng(seed)
    shapes = {"1": (0, 0, 0), "2": (-1, 0, 1), "3": (0.7, -1.4, 0.7), "4": (1, 0, -1)}
    pitch = np.array([shapes[tone] for tone in table["tone"]])
    parts = {"syllable": pitch.mean(axis=1)} | dict(zip(POINTS, pitch.T))
    index = pd.concat([table.assign(tier=tier) for tier in parts], ignore_index=True)
    direction = random.normal(0, 1, 12)
    signal = np.concatenate([*parts.values()])[:, None] * direction * strength
    deep = (signal + random.normal(0, 1, (len(index), 12))).astype(np.float32)
    return Fake(index, {"cnn": random.normal(0, 1, deep.shape).astype(np.float32), "T1": deep})


SETTINGS = ToneSettings(
    contrasts={"tone": ["mean", "contour"]},
    poolings={"mean": ["syllable"], "contour": POINTS},
    n_folds=4,
    n_resamples=100,
)
FEW = ToneSettings(n_resamples=100)


def probe(sweep, **changed):
    return tone_activations(sweep, corpus="mandarin", model="hubert", settings=replace(SETTINGS, **changed))


@pytest.fixture(scope="module")
def probed():
    noise = contour_activations(strength=0.0)
    return probe({"0": noise, "100": contour_activations()})


def value(table, **wanted):
    mine = table[(table[list(wanted)] == pd.Series(wanted)).all(axis=1)]
    assert len(mine) == 1
    return mine["value"].iloc[0]


def test_a_contour_that_the_mean_loses_is_read_from_three_frames(probed):
    table, _ = probed
    last = {"step": "100", "layer": SELECTED, "metric": "accuracy"}
    # A level tone lies between a rising and a falling one, where a linear classifier is at its worst.
    assert value(table, pooling="contour", **last) > 0.8
    assert value(table, pooling="mean", **last) < 0.4
    assert value(table, pooling="contour", **(last | {"layer": "cnn"})) < 0.4
    chosen = table[(table["layer"] == SELECTED) & (table["step"] == "100") & (table["pooling"] == "contour")]
    assert set(chosen.loc[chosen["metric"] != PUBLISHED, "selected_layer"]) == {"T1"}


def test_noise_is_read_at_chance(probed):
    untrained = probed[0][(probed[0]["step"] == "0") & (probed[0]["metric"] == "accuracy")]
    assert (untrained["value"] - untrained["chance"]).abs().max() < 0.1


def test_labels_that_are_shuffled_are_at_chance():
    random, items = np.random.default_rng(3), contrast_items(TABLE, "tone", n_folds=4, seed=0)
    x = np.eye(4)[items.labels] + random.normal(0, 0.3, (len(items.labels), 4))
    assert (probe_cells(x, items).predicted == items.labels).mean() > 0.9
    shuffled = replace(items, labels=random.permutation(items.labels))
    hits = probe_cells(x, shuffled).predicted == shuffled.labels
    assert abs(hits.mean() - 0.25) < 3 * np.sqrt(0.25 * 0.75 / len(hits))


def test_the_published_mode_knows_the_voices_and_takes_the_best_layer_on_test_items(probed):
    """Voices with a direction of their own for each tone: readable with known voices, not for unseen ones."""
    random, items = np.random.default_rng(3), contrast_items(TABLE, "tone", n_folds=4, seed=0)
    voices = np.unique(items.speakers, return_inverse=True)[1]
    x = np.eye(32)[voices * 4 + items.labels] + random.normal(0, 0.1, (len(items.labels), 32))
    outcome = probe_cells(x, items)
    assert (outcome.predicted == items.labels).mean() < 0.4
    assert outcome.published > 0.9
    assert outcome.n_published == (items.cells[:, 1] == 4).sum()
    table, _ = probed
    rows = table[table["metric"] == PUBLISHED]
    assert set(rows["layer"]) == {SELECTED}
    assert set(rows["held_out"]) == {"string"}
    assert rows["ci_low"].isna().all()
    assert value(rows, step="100", pooling="contour") > 0.8


def test_rows_state_counts_and_controls(probed):
    table, items = probed
    table = table[table["metric"] != PUBLISHED]
    assert set(table["n"]) == {len(TABLE)}
    assert set(table["n_groups"]) == {8}
    assert set(table["string_overlap"]) == set(table["speaker_overlap"]) == {0}
    assert set(table["held_out"]) == {"speaker+string"}
    balanced = table[table["metric"] == "balanced_accuracy"]
    assert set(balanced["chance"]) == {0.25}
    assert len(items) == 4 * len(TABLE)


def slow_probe(x, items, penalties):
    """Return the predictions of :func:`probe_cells`, item by item, with scikit-learn's scaler and ridge classifier."""
    k, folds = items.n_folds, items.cells - [0, items.n_folds]

    def predict(train, test, penalty):
        model = make_pipeline(StandardScaler(with_mean=False), RidgeClassifier(alpha=penalty * train.sum()))
        return model.fit(x[train], items.labels[train]).predict(x[test])

    predicted = np.full(len(x), -1)
    for s in range(k):
        for t in range(k):
            hits = np.zeros(len(penalties))
            for other_s in range(k):
                for other_t in range(k):
                    apart = [min(abs(a - b), k - abs(a - b)) for a, b in ((s, other_s), (t, other_t))]
                    if apart[0] != apart[1] or not apart[0]:
                        continue
                    train = ~np.isin(folds[:, 0], [s, other_s]) & ~np.isin(folds[:, 1], [t, other_t])
                    judges = (folds == (other_s, other_t)).all(axis=1)
                    hits += [(predict(train, judges, p) == items.labels[judges]).sum() for p in penalties]
            mine, train = (folds == (s, t)).all(axis=1), (folds[:, 0] != s) & (folds[:, 1] != t)
            predicted[mine] = predict(train, mine, penalties[hits.argmax()])
    return predicted


@pytest.mark.parametrize("contrast", ["tone", "consonant"])
def test_the_probe_is_scikit_learns_scaler_without_centring_and_ridge_classifier(contrast):
    items = contrast_items(TABLE, contrast, n_folds=4, seed=0)
    random = np.random.default_rng(5)
    x = np.eye(4)[items.labels] * 1.2 + random.normal(0, 1, (len(items.labels), 4))
    x = np.concatenate([x, random.normal(3, 10, (len(x), 6))], axis=1) @ random.normal(0, 1, (10, 10))
    assert (probe_cells(x, items).predicted == slow_probe(x, items, PENALTIES)).all()


def slow_probe_of_two_voices(x, items, penalties):
    """Return predictions for one voice by a probe of the other, whose other strings choose the penalty."""
    string, predicted = items.cells[:, 1] - 2, np.full(len(x), -1)

    def predict(train, test, penalty):
        model = make_pipeline(StandardScaler(with_mean=False), RidgeClassifier(alpha=penalty * train.sum()))
        return model.fit(x[train], items.labels[train]).predict(x[test])

    for voice in (0, 1):
        trains = items.cells[:, 0] != voice
        for tested in range(3):
            hits = np.zeros(len(penalties))
            for judging in {0, 1, 2} - {tested}:
                train, judges = trains & ~np.isin(string, [tested, judging]), trains & (string == judging)
                hits += [(predict(train, judges, p) == items.labels[judges]).sum() for p in penalties]
            mine = ~trains & (string == tested)
            predicted[mine] = predict(trains & (string != tested), mine, penalties[hits.argmax()])
    return predicted


def test_two_voices_are_tested_by_each_other_on_strings_that_neither_trained():
    table = syllable_table(2, 120)
    items = contrast_items(table, "tone", n_folds=2, seed=0)
    assert items.n_string_folds == 3
    assert items.speaker_overlap == items.string_overlap == 0
    random = np.random.default_rng(5)
    x = np.eye(4)[items.labels] * 1.2 + random.normal(0, 1, (len(items.labels), 4))
    outcome = probe_cells(x, items)
    assert (outcome.predicted == slow_probe_of_two_voices(x, items, PENALTIES)).all()
    assert outcome.valid.shape == outcome.penalty.shape == (2, 3)


def test_what_a_voice_says_in_its_own_way_is_not_read_across_two_voices():
    table = syllable_table(2, 200)
    items = contrast_items(table, "tone", n_folds=2, seed=0)
    voices = np.unique(items.speakers, return_inverse=True)[1]
    x = np.eye(8)[voices * 4 + items.labels] + np.random.default_rng(3).normal(0, 0.1, (len(items.labels), 8))
    outcome = probe_cells(x, items)
    assert (outcome.predicted == items.labels).mean() < 0.4
    assert outcome.valid.mean() > 0.9  # within the training voice


def two_corpora(n_tested=3, n_training=4):
    """Return syllables of a tested corpus and of one that trains, with voices of their own."""
    tested, training = syllable_table(n_tested, 60), syllable_table(n_training, 60, seed=9)
    parts = {"mine": tested, "other": training.assign(speaker="o" + training["speaker"])}
    return {name: table.assign(corpus=name) for name, table in parts.items()}


def slow_probe_across(x, items, penalties):
    """Return predictions for the tested corpus, penalties chosen on each fold of training voices in turn."""
    k = items.n_folds
    voice, string, predicted = items.cells[:, 0], items.cells[:, 1] - k, np.full(len(x), -1)

    def predict(train, test, penalty):
        model = make_pipeline(StandardScaler(with_mean=False), RidgeClassifier(alpha=penalty * train.sum()))
        return model.fit(x[train], items.labels[train]).predict(x[test])

    for tested in range(items.n_string_folds):
        hits = np.zeros(len(penalties))
        for judge in range(1, k):
            for other in {*range(items.n_string_folds)} - {tested}:
                train = (voice > 0) & ~np.isin(string, [tested, other]) & ((voice != judge) | (k == 2))
                judges = (voice == judge) & (string == other)
                hits += [(predict(train, judges, p) == items.labels[judges]).sum() for p in penalties]
        mine = (voice == 0) & (string == tested)
        predicted[mine] = predict((voice > 0) & (string != tested), mine, penalties[hits.argmax()])
    return predicted


@pytest.mark.parametrize("n_training", [1, 4])
def test_probes_of_one_corpus_are_trained_on_another(n_training):
    table = pd.concat(two_corpora(n_training=n_training).values(), ignore_index=True)
    items = contrast_items(table, "tone", n_folds=4, seed=0, train="other")
    assert items.n_folds == min(3, n_training) + 1
    assert set(items.speakers[items.tested]) == {"v0", "v1", "v2"}
    assert items.speaker_overlap == items.string_overlap == 0
    random = np.random.default_rng(5)
    x = np.eye(4)[items.labels] * 1.2 + random.normal(0, 1, (len(items.labels), 4))
    outcome = probe_cells(x, items)
    assert (outcome.predicted == slow_probe_across(x, items, PENALTIES)).all()
    assert set(outcome.predicted[~items.tested]) == {-1}
    assert np.isnan(outcome.published)


def test_results_across_corpora_are_of_the_tested_one_alone():
    tables = two_corpora(8)
    settings = replace(SETTINGS, n_folds=4)
    sweep, others = ({"0": contour_activations(table)} for table in tables.values())
    results, items = tone_activations(
        sweep, corpus="mine", model="hubert", training=("other", others), settings=settings, seed=0
    )
    assert set(results["n"]) == {len(tables["mine"])}
    assert set(results["held_out"]) == {"corpus+string"}
    assert set(results["train"]) == {"other"}
    assert set(results["metric"]) == {"accuracy", "balanced_accuracy"}
    assert results.loc[results["metric"] == "accuracy", "ci_low"].notna().all()
    assert set(items["speaker"]) == {f"mine:v{number}" for number in range(8)}
    assert value(results, pooling="contour", layer=SELECTED, metric="accuracy") > 0.7
    with pytest.raises(AnalysisError, match="expected activations of every step on corpus 'other', which trains"):
        tone_activations(sweep, corpus="mine", model="hubert", training=("other", {}), settings=settings)
    with pytest.raises(AnalysisError, match="expected syllables to train on in one corpus and to test in another"):
        contrast_items(tables["mine"], "tone", n_folds=4, seed=0, train="other")


def test_two_voices_have_scores_without_intervals():
    table = syllable_table(2, 120)
    settings = replace(SETTINGS, n_folds=2)
    results, items = tone_activations(
        {"0": contour_activations(table)}, corpus="mine", model="hubert", settings=settings, seed=0
    )
    assert results[["ci_low", "ci_high"]].isna().all(axis=None)
    assert set(results.loc[results["metric"] != PUBLISHED, "n_groups"]) == {2}
    summary = summarise_tone(items, settings=settings)
    assert summary["ci_low"].isna().all()


def test_no_probe_is_trained_on_the_voice_or_the_string_of_its_test_items():
    for contrast, strings in (("tone", TABLE["label"].str[:-1]), ("consonant", TABLE["rime"])):
        items = contrast_items(TABLE, contrast, n_folds=4, seed=0)
        assert (items.strings == strings.to_numpy()[items.rows]).all()
        for voice, string in np.unique(items.cells, axis=0):
            tested = (items.cells == (voice, string)).all(axis=1)
            trained = (items.cells[:, 0] != voice) & (items.cells[:, 1] != string)
            assert not set(items.speakers[tested]) & set(items.speakers[trained])
            assert not set(items.strings[tested]) & set(items.strings[trained])
            assert set(items.labels[trained]) == set(items.labels)


def test_an_overlap_would_be_seen():
    items = contrast_items(TABLE, "tone", n_folds=4, seed=0)
    assert replace(items, strings=np.full(len(items.rows), "sha")).string_overlap == 1


def test_a_layer_is_chosen_without_the_cell_it_is_tested_on():
    items = contrast_items(TABLE, "tone", n_folds=4, seed=0)
    random = np.random.default_rng(0)
    outcomes = {name: probe_cells(random.normal(0, 1, (len(items.rows), 3)), items, name) for name in ("a", "b")}
    chosen = choose_layer(items, outcomes)
    s, t = items.cells[7] - [0, 4]
    better = max(("a", "b"), key=lambda name: outcomes[name].valid[s, t])
    assert chosen.layer[s, t] == better
    assert chosen.predicted[7] == outcomes[better].predicted[7]


def test_a_class_whose_strings_lie_in_one_fold_is_dropped_and_counted(caplog):
    table = pd.concat([TABLE, syllable_table(strings=["cong"], n_each=3)], ignore_index=True)
    with caplog.at_level(logging.INFO):
        items = contrast_items(table, "consonant", n_folds=4, seed=0)
    assert items.classes == ("sh", "ch", "z", "zh")
    assert items.n_dropped == 24
    assert "contrast 'consonant': dropped c, whose strings or voices all lie in one fold (24 syllables)" in caplog.text


def test_neutral_tones_and_other_consonants_are_left_out():
    table = pd.concat([TABLE, TABLE.head(5).assign(tone="5", onset_consonant="b")], ignore_index=True)
    for contrast in ("tone", "consonant"):
        assert contrast_items(table, contrast, n_folds=4, seed=0).rows.max() < len(TABLE)
    assert len(CONSONANTS) == 10


def test_chance_is_the_most_frequent_class_of_the_training_side():
    items = contrast_items(TABLE, "tone", n_folds=4, seed=0)
    guess = majority(items)
    for item in (0, 17, 200):
        train = (items.cells != items.cells[item]).all(axis=1)
        assert guess[item] == np.bincount(items.labels[train]).argmax()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.assign(tone=""), r"contrast 'tone': expected at least two of its classes, .* found none"),
        (lambda table: table.drop(columns="tone"), r"contrast 'tone': expected column 'tone' of the syllables, found"),
        (lambda table: table[table["speaker"] < "v3"], r"'tone': expected at least 4 speakers for 4 folds, found 3"),
        (lambda table: table[table["label"].str.startswith("sha")], r"'tone': expected at least 4 types .*, found 3"),
    ],
)
def test_syllables_that_cannot_be_probed_are_refused_in_one_line(change, message):
    with pytest.raises(AnalysisError, match=message) as caught:
        contrast_items(change(TABLE), "tone", n_folds=4, seed=0)
    assert "\n" not in str(caught.value)


def test_an_unknown_contrast_lists_those_that_exist():
    with pytest.raises(AnalysisError, match="expected one of the contrasts tone, consonant, found 'pitch'"):
        contrast_items(TABLE, "pitch", n_folds=4, seed=0)


def test_a_tier_that_was_not_extracted_is_named():
    poolings = {"mean": ["syllable"], "contour": ["rime_30"]}
    with pytest.raises(AnalysisError, match=r"expected tier 'rime_30' among the activations, found syllable, rime_20"):
        probe({"0": contour_activations()}, poolings=poolings)


def test_a_pooling_that_is_not_defined_is_named():
    with pytest.raises(AnalysisError, match="expected poolings among mean, contour, found 'max'"):
        probe({"0": contour_activations()}, contrasts={"tone": ["max"]})


def test_checkpoints_of_other_segments_are_refused():
    sweep = {"0": contour_activations(), "9": contour_activations(TABLE.iloc[:-4])}
    with pytest.raises(AnalysisError, match=r"expected the 320 syllables of tier 'syllable' in tier .* extract all"):
        probe(sweep)


RATE = 16000


def sung_corpus(table):
    """Return a corpus whose syllables of 0.2 s are buzzes with the pitch of their tones, and its segments."""
    slopes, waveforms, rows = {"1": 0.0, "2": 1.2, "3": -0.5, "4": -1.2}, {}, []
    for utterance, part in table.groupby("utterance", sort=False):
        seconds = np.arange(int(0.2 * RATE)) / RATE
        sung = []
        for place, row in enumerate(part.itertuples()):
            base = 110 if row.gender == "male" else 200
            f0 = base * np.exp(slopes[row.tone] * (seconds - 0.1))
            sung.append(np.sign(np.sin(2 * np.pi * np.cumsum(f0) / RATE)) * 0.2)
            about = row._asdict() | {"index": row.index if isinstance(row.index, int) else place}
            rows.append(about | {"tier": "syllable", "onset": place * 3200, "offset": (place + 1) * 3200})
        waveforms[utterance] = np.concatenate(sung).astype(np.float32)
    segments = pd.DataFrame(rows).drop(columns=["speaker", "gender", "Index"])
    utterances = table.drop_duplicates("utterance")[["utterance", "speaker", "gender"]].assign(split="test")
    return SimpleNamespace(name="sung", utterances=utterances, segments=segments, waveform=waveforms.__getitem__)


@pytest.fixture(scope="module")
def sung():
    table = syllable_table(n_each=20)
    table["index"] = table.groupby("utterance").cumcount()
    return sung_corpus(table)


def test_contours_are_21_frames_around_the_middle(sung):
    table = sung.segments.iloc[[2, 0]]
    for features, function in (("f0", lambda x: log_f0(x)[:, :1]), ("mfcc", lambda x: mfcc(x, n_cepstra=40))):
        found = contours(sung, table, features)
        for row, vector in zip(table.itertuples(), found):
            frames = function(sung.waveform(row.utterance))
            centres = TIMING.centres(len(frames)) / 2
            nearest = np.abs(centres - (row.onset + row.offset) // 2).argmin()
            places = [min(max(nearest + offset, 0), len(frames) - 1) for offset in range(-10, 11)]
            np.testing.assert_array_equal(vector, frames[places].ravel())
    assert contours(sung, table, "mfcc").shape == (2, 40 * 21)


def test_f0_contours_identify_tones_and_not_consonants(sung):
    settings = ToneSettings(contrasts={"tone": (), "consonant": ()}, n_folds=3, n_resamples=100)
    table, items = tone_contours(sung, features={"pitch": "f0"}, splits=["test"], settings=settings)
    row = {"model": "pitch", "step": "final", "layer": SELECTED, "metric": "accuracy", "pooling": CONTOUR}
    assert value(table, target="tone", **row) > 0.8
    assert value(table, target="consonant", **row) < 0.45
    assert items["predicted"].isin(["1", "2", "3", "4", "sh", "ch", "zh", "z"]).all()


def test_features_without_a_contour_are_named(sung):
    with pytest.raises(AnalysisError, match="expected features among f0, mfcc for a contour, found 'time'"):
        contours(sung, sung.segments, "time")


def item_table(model, step, accuracy, seed, pooling="mean", citation=None):
    """Return items of which a share is right."""
    random = np.random.default_rng(seed)
    right = random.random(len(TABLE)) < accuracy
    label = TABLE["tone"].to_numpy()
    wrong = np.array(["2", "3", "4", "1"])[label.astype(int) - 1]
    return TABLE[["utterance", "index", "speaker"]].assign(
        corpus="mandarin",
        model=model,
        step=step,
        target="tone",
        pooling=pooling,
        string=TABLE["label"].str[:-1],
        label=label,
        citation=label if citation is None else citation,
        predicted=np.where(right, label, wrong),
        chance="4",
    )


def study_items():
    return pd.concat(
        [
            item_table("english", "0", 0.3, 1),
            item_table("english", "50", 0.6, 2),
            item_table("english-2", "0", 0.3, 3),
            item_table("english-2", "50", 0.64, 4),
            item_table("mandarin", "0", 0.3, 1),
            item_table("mandarin", "50", 0.8, 5),
            item_table("f0", "final", 0.7, 6, CONTOUR),
        ],
        ignore_index=True,
    )


def test_seeds_are_averaged_and_their_range_is_given():
    summary = summarise_tone(study_items(), settings=ToneSettings(n_resamples=200))
    row = summary[(summary["model"] == "english") & (summary["step"] == "50") & (summary["metric"] == "accuracy")].iloc[
        0
    ]
    items = study_items()
    seeds = [
        (items[(items["model"] == name) & (items["step"] == "50")].eval("predicted == label")).mean()
        for name in ("english", "english-2")
    ]
    assert row["value"] == pytest.approx(np.mean(seeds))
    assert (row["n_seeds"], row["seed_low"], row["seed_high"]) == (2, min(seeds), max(seeds))
    assert (row["n"], row["n_groups"]) == (len(TABLE), 8)
    assert row["ci_low"] < row["value"] < row["ci_high"]


def test_differences_are_paired_and_named():
    summary = summarise_tone(study_items(), settings=ToneSettings(n_resamples=200))
    gaps = summary[summary["metric"] == "accuracy_difference"].set_index(["model", "other_model"])
    assert set(gaps.index) == {
        ("english", "english"),
        ("english", "f0"),
        ("mandarin", "mandarin"),
        ("mandarin", "f0"),
        ("mandarin", "english"),
    }
    assert gaps.loc[("mandarin", "english"), "value"] == pytest.approx(0.18, abs=0.07)
    assert gaps.loc[("mandarin", "english"), "ci_low"] > 0
    assert gaps.loc[("english", "english"), "other_step"] == "0"
    assert gaps.loc[("mandarin", "f0"), "resampling_unit"] == "speaker and string"
    assert gaps.loc[("mandarin", "english"), "resampling_unit"] == "speaker, string and seed"


def test_two_way_intervals_are_wider_and_narrow_with_nothing_to_resample():
    random = np.random.default_rng(0)
    first, second = random.integers(0, 12, 900), random.integers(0, 30, 900)
    values = (random.normal(0, 1, 12)[first] + random.normal(0, 1, 30)[second])[:, None]
    drawn = crossed_draws(values, [first, second], n_resamples=4000, seed=0)
    low, high = percentile_interval(drawn[:, 0])
    # Variance of the mean of 12 and of 30 independent effects of unit variance.
    expected = 2 * 1.96 * np.sqrt(values.var() / 2 * (1 / 12 + 1 / 30))
    assert high - low == pytest.approx(expected, rel=0.25)
    np.testing.assert_allclose(crossed_draws(np.ones((900, 1)), [first, second], n_resamples=100, seed=0), 1)
    assert crossed_draws(values, [first % 4, second], n_resamples=100, seed=0) is None
    one = percentile_interval(crossed_draws(values, [first], n_resamples=4000, seed=0)[:, 0])
    assert one[1] - one[0] < high - low


def test_seeds_that_differ_widen_the_intervals():
    same, apart = (
        pd.concat(
            [
                *(item_table(f"mandarin-{n}", "50", level, n) for n, level in enumerate(levels, 1)),
                *(item_table(f"english-{n}", "50", 0.6, 9 + n) for n in (1, 2, 3)),
            ]
        )
        for levels in ((0.8, 0.8, 0.8), (0.6, 0.8, 1.0))
    )
    widths = []
    for items in (same, apart):
        summary = summarise_tone(items, settings=ToneSettings(n_resamples=400))
        row = summary[(summary["metric"] == "accuracy_difference") & (summary["model"] == "english")].iloc[0]
        assert row["resampling_unit"] == "speaker, string and seed"
        widths.append(row["ci_high"] - row["ci_low"])
    assert widths[1] > 1.5 * widths[0]


RISES = {"consonant": 100, "tone": 400}


def rising_items(seeds=(1, 2)):
    """Items of two contrasts whose accuracies are half-way at known steps."""
    steps, parts = (0, 25, 50, 100, 150, 200, 300, 400, 600, 850, 1200), []
    for model in seeds:
        for target, midpoint in RISES.items():
            for step in steps:
                learnt = 1 / (1 + np.exp(-2 * (np.log2(step + 25) - np.log2(midpoint + 25))))
                part = item_table(f"mandarin-{model}", str(step), 0.25 + 0.6 * learnt, 1000 * model + step)
                parts.append(part.assign(target=target))
    return pd.concat(parts, ignore_index=True)


def test_the_contrast_that_rises_first_is_found():
    summary = summarise_tone(rising_items(), settings=ToneSettings(n_resamples=200))
    for metric in ("midpoint", "half_rise"):
        rows = summary[summary["metric"] == metric].set_index("target")
        for target, planted in RISES.items():
            row = rows.loc[target]
            assert row["ci_low"] < row["value"] < row["ci_high"]
            assert row["value"] == pytest.approx(planted, rel=0.35)
    gap = summary[summary["metric"] == "half_rise_difference"]
    assert list(zip(gap["target"], gap["other_target"])) == [("tone", "consonant")]
    assert gap["ci_low"].iloc[0] > 0.8
    assert gap["n_seeds"].iloc[0] == 2


def test_a_contrast_that_never_rises_has_no_step():
    flat = rising_items((1,))
    flat = flat.assign(predicted=flat["label"].where(np.arange(len(flat)) % 4 == 0, "x"))
    summary = summarise_tone(flat, settings=ToneSettings(n_resamples=100))
    rows = summary[summary["metric"].isin(["midpoint", "half_rise", "half_rise_difference"])]
    assert rows["value"].isna().all()
    assert set(rows["verdict"]) == {"no rise"}


def test_sandhi_counts_what_is_said_of_tones_that_differ_from_the_dictionary():
    label = TABLE["tone"].to_numpy()
    citation = np.where((label == "2") & (np.arange(len(label)) % 3 == 0), "3", label)
    summary = summarise_tone(item_table("english", "50", 0.75, 0, citation=citation), settings=FEW)
    said = summary.set_index("metric")["value"]
    assert set(summary.loc[summary["metric"] == "says_spoken", "n"]) == {int((citation != label).sum())}
    # The one wrong answer to tone 2 is 3, which is the dictionary's.
    assert said["says_spoken"] + said["says_citation"] == pytest.approx(1)


def test_models_with_other_syllables_are_not_compared():
    items = study_items()
    message = r"expected the same 320 syllables of tone in corpus 'mandarin' from every model, found others from 'f0'"
    with pytest.raises(AnalysisError, match=message):
        summarise_tone(items.drop(items.index[items["model"] == "f0"][:3]), settings=FEW)
