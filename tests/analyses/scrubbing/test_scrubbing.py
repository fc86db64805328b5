"""Gender scrubbed from a recogniser: roles of speakers, erasers, probes and error rates."""

import jiwer
import numpy as np
import pandas as pd
import pytest
import torch
from tiny_predictors import tiny_predictor

from auscult.analyses.scrubbing.analysis import SCRUBBING_COLUMNS, scrub_gender
from auscult.analyses.scrubbing.conditions import Condition, fit_conditions, plan_conditions
from auscult.analyses.scrubbing.items import JoinedCorpora, choose_items
from auscult.analyses.scrubbing.probes import probe_gender
from auscult.analyses.scrubbing.rates import paired_test, score
from auscult.analyses.scrubbing.runs import AcousticRuns, ModelRuns, pool_positions
from auscult.analyses.scrubbing.settings import ScrubbingSettings, ScrubbingSplits
from auscult.analyses.scrubbing.summary import RATES_COLUMNS, tabulate_rates
from auscult.corpora.corpus import Corpus, read_corpus
from auscult.corpora.synthesis.speech import synthesise_corpus
from auscult.erasure.erasers import Eraser
from auscult.errors import AnalysisError
from auscult.manifests import Manifest
from auscult.models.acoustic import acoustic_model

SPLITS = ScrubbingSplits()
NAMES = {"corpus": "c", "model": "m", "step": "7"}


def listed(n_speakers, n_each=3, name="c"):
    """Return a corpus without recordings: speakers by split, with alternating genders."""
    rows = [
        (f"{split}-{s:02d}-{i}", f"{split}{s:02d}", ("female", "male")[s % 2], "A b", split)
        for split, n in n_speakers.items()
        for s in range(n)
        for i in range(n_each)
    ]
    table = pd.DataFrame(rows, columns=["utterance", "speaker", "gender", "text", "split"]).assign(n_samples=100)
    return Corpus(name, None, table, None, Manifest({}))


def changed(corpus, where, **values):
    table = corpus.utterances.copy()
    for column, value in values.items():
        table.loc[table["speaker"] == where, column] = value
    return Corpus(corpus.name, None, table, None, corpus.manifest)


def speakers_of(items, role):
    return set(items.table.loc[items.table["role"] == role, "speaker"])


def test_no_speaker_has_two_roles_and_both_genders_are_in_each():
    items = choose_items(
        listed({"train": 10, "valid": 4, "test": 6}), splits=SPLITS, n_utterances=None, n_test=None, seed=0
    )
    roles = {role: speakers_of(items, role) for role in ("erase", "probe", "test")}
    assert {role: len(found) for role, found in roles.items()} == {"erase": 5, "probe": 5, "test": 6}
    assert len(set.union(*roles.values())) == 16
    assert (items.table.groupby("role")["gender"].nunique() == 2).all()
    assert items.table["text"].unique().tolist() == ["a b"]


def test_fewer_utterances_are_spread_over_speakers():
    corpus = listed({"train": 8, "valid": 4, "test": 4})
    items = choose_items(corpus, splits=SPLITS, n_utterances=6, n_test=4, seed=0)
    counts = items.table.groupby("role")["speaker"].value_counts()
    assert counts["erase"].tolist() == [2, 2, 1, 1]
    assert counts["test"].tolist() == [1] * 4
    again = choose_items(corpus, splits=SPLITS, n_utterances=6, n_test=4, seed=0)
    assert items.table.equals(again.table)


@pytest.mark.parametrize(
    ("where", "values", "message"),
    [
        ("train03", {"gender": ""}, r"a gender for every speaker of split 'train' of corpus 'c', found none for 1 \(t"),
        ("test01", {"gender": "x"}, "gender labels among female, male in role test of corpus 'c', found x"),
        ("test01", {"text": " "}, "every test utterance of corpus 'c', found an empty one for 'test-01-0'"),
        ("train02", {"speaker": "test03"}, r"that erasers and probes were not fitted on, found 1 in both \(test03\)"),
    ],
)
def test_labels_that_would_invalidate_the_analysis_are_refused(where, values, message):
    corpus = changed(listed({"train": 8, "valid": 4, "test": 4}), where, **values)
    with pytest.raises(AnalysisError, match=message):
        choose_items(corpus, splits=SPLITS, n_utterances=None, n_test=None, seed=0)


def test_one_gender_alone_is_refused_and_not_called_right():
    corpus = listed({"train": 8, "valid": 4, "test": 4})
    table = corpus.utterances.assign(gender="female")
    with pytest.raises(AnalysisError, match=r"expected speakers of at least two kinds of gender .*, found only female"):
        choose_items(
            Corpus("c", None, table, None, corpus.manifest), splits=SPLITS, n_utterances=None, n_test=None, seed=0
        )


def test_a_missing_split_and_too_few_speakers_are_refused():
    with pytest.raises(
        AnalysisError, match=r"expected utterances of split 'train' in corpus 'c' .*, found only test; "
    ):
        choose_items(listed({"test": 4}), splits=SPLITS, n_utterances=None, n_test=None, seed=0)
    with pytest.raises(AnalysisError, match=r"two kinds of gender in role (erase|probe) of corpus 'c', found only"):
        choose_items(listed({"train": 2, "test": 4}), splits=SPLITS, n_utterances=None, n_test=None, seed=0)


def test_corpora_are_joined_unless_they_share_an_utterance():
    one, other = listed({"valid": 6}, name="dev"), listed({"test": 4}, name="test")
    joined = JoinedCorpora(one, other)
    assert joined.name == "dev, test"
    assert len(joined.utterances) == 30
    with pytest.raises(AnalysisError, match="expected corpora without a common utterance, found 'valid-00-0'"):
        JoinedCorpora(one, one)


class Layers:
    """Three planted layers: each is a nonlinear function of the one before, after its eraser if there is one."""

    layers = ("cnn", "embed", "T1")

    def __init__(self, items):
        rng = np.random.default_rng(0)
        self.base = {
            name: rng.normal(size=(9, 6)) + code * np.eye(6)[0] * 2
            for name, code in zip(items["utterance"], items["code"])
        }
        self.mixing = rng.normal(size=(3, 6, 6))

    def of(self, name, layer, erasers):
        frames = self.base[name]
        for place, each in enumerate(self.layers):
            frames = np.tanh(frames @ self.mixing[place])
            if each == layer:
                return frames
            if each in erasers:
                frames = erasers[each].apply(frames)
        return None

    def frames(self, names, layer, erasers):
        for start in range(0, len(names), 4):
            batch = names[start : start + 4]
            yield batch, [torch.from_numpy(self.of(name, layer, erasers)) for name in batch]


@pytest.fixture
def planted():
    items = choose_items(
        listed({"train": 16, "valid": 4, "test": 6}), splits=SPLITS, n_utterances=None, n_test=None, seed=0
    )
    return items, Layers(items)


def covariance(frames, codes):
    return np.abs((frames - frames.mean(axis=0)).T @ (codes - codes.mean()) / len(codes)).max()


@pytest.mark.parametrize("level", ["frame", "utterance"])
def test_erasers_of_all_layers_are_fitted_behind_each_other(planted, level):
    items, runs = planted
    condition = Condition("leace", level, "all")
    erasers = fit_conditions(runs, items, [condition], fitters={}, seed=0)[condition]
    rows = items.rows("erase")
    for layer in runs.layers:
        frames = [runs.of(items["utterance"][row], layer, erasers) for row in rows]
        erased = [erasers[layer].apply(rows) for rows in frames]
        codes = items["code"][rows]
        if level == "frame":
            frames, erased = np.concatenate(frames), np.concatenate(erased)
            codes = np.repeat(codes, 9)
        else:
            frames, erased = (np.stack([each.mean(axis=0) for each in part]) for part in (frames, erased))
        assert covariance(erased, codes) < 1e-12 < 1e-4 < covariance(frames, codes)
        assert erasers[layer].n_fit == len(codes)


def test_single_layers_are_fitted_on_what_is_there_without_erasing(planted):
    items, runs = planted
    conditions = plan_conditions(runs.layers, ["leace", "inlp"], single_layers=True)
    assert [each.erased_at for each in conditions] == ["", "cnn", "embed", "T1", "blocks", "all", "all"]
    erasers = fit_conditions(runs, items, conditions, fitters={"inlp": {"n_iterations": 2}}, seed=0)
    assert erasers[conditions[0]] == {}
    assert [list(erasers[each]) for each in conditions[1:4]] == [["cnn"], ["embed"], ["T1"]]
    assert list(erasers[conditions[4]]) == ["embed", "T1"]
    assert np.allclose(erasers[conditions[2]]["embed"].removed, erasers[conditions[4]]["embed"].removed)
    assert np.allclose(erasers[conditions[1]]["cnn"].removed, erasers[conditions[5]]["cnn"].removed)
    assert not np.allclose(erasers[conditions[3]]["T1"].removed, erasers[conditions[5]]["T1"].removed)
    assert all(eraser.rank <= 2 for eraser in erasers[conditions[6]].values())


def test_controls_leave_gender_in_place(planted):
    items, runs = planted
    conditions = plan_conditions(runs.layers, ["leace", "random", "shuffled"], single_layers=False)
    # With few speakers, some permutations leave most genders unchanged; the one of this seed does not.
    erasers = fit_conditions(runs, items, conditions, fitters={}, seed=2)
    rows = items.rows("probe", "test")
    found = {}
    for condition in conditions:
        frames = [runs.of(items["utterance"][row], "cnn", {}) for row in rows]
        frames = [erasers[condition]["cnn"].apply(x) if condition.method != "none" else x for x in frames]
        x = np.stack([each.mean(axis=0) for each in frames])
        answers = next(probe_gender(x, items, rows, probes=["ridge"]))
        found[condition.method] = answers.hits.mean()
        assert answers.constant_hits.mean() == 0.5
    assert found["none"] > 0.85
    assert found["random"] > 0.85
    assert found["shuffled"] > 0.85
    assert found["leace"] < 0.75


def test_an_unknown_method_is_refused():
    with pytest.raises(AnalysisError, match=r"expected methods among leace, .* followed by /utterance, found 'lace'"):
        plan_conditions(("cnn",), ["lace"], single_layers=True)


@pytest.mark.parametrize("probe", ["ridge", "mlp"])
def test_the_network_finds_what_no_line_separates(probe):
    items = choose_items(
        listed({"train": 200, "valid": 20, "test": 20}), splits=SPLITS, n_utterances=None, n_test=None, seed=0
    )
    rng, rows = np.random.default_rng(0), items.rows("probe", "test")
    # Women in two opposite corners of a square, men in the others: equal means.
    codes, turn = items["code"][rows], np.arange(len(rows)) // 3 % 4 // 2
    corners = np.stack([2 * turn - 1, (2 * turn - 1) * (2 * codes - 1)], axis=1)
    x = rng.normal(scale=0.25, size=(len(rows), 2)) + corners
    accuracy = next(probe_gender(x, items, rows, probes=[probe])).hits.mean()
    assert accuracy > 0.95 if probe == "mlp" else accuracy < 0.75


def test_the_paired_test_exchanges_whole_speakers():
    speakers = np.repeat(np.arange(8), 5)
    assert paired_test(np.ones(40), speakers, n_permutations=20000, seed=0) == pytest.approx(2 / 2**8, abs=0.002)
    assert paired_test(np.zeros(40), speakers, n_permutations=1000) == 1
    alternating = np.repeat([1.0, -1.0] * 4, 5)
    assert paired_test(alternating, speakers, n_permutations=1000) == 1
    # The change of a single speaker is no evidence, however many items it has.
    assert paired_test(np.repeat([5.0, *[0.0] * 7], 5), speakers, n_permutations=1000) == pytest.approx(1, abs=1e-9)


def test_a_change_is_paired():
    speakers, rng = np.repeat(np.arange(20), 4), np.random.default_rng(0)
    before = rng.integers(0, 9, 80).astype(float) + np.repeat(rng.integers(0, 9, 20), 4)
    after = before + 1
    found = dict(score(after, np.full(80, 10.0), speakers, before, n_resamples=500, n_permutations=500, seed=0))
    assert found["_change"]["value"] == pytest.approx(0.1)
    # Every speaker changes equally, so the interval has no width although the rates vary widely.
    assert (found["_change"]["ci_low"], found["_change"]["ci_high"]) == pytest.approx((0.1, 0.1))
    assert found[""]["ci_high"] - found[""]["ci_low"] > 0.1
    assert found[""]["n_groups"] == 20
    alone = dict(score(after, before + 1, speakers, None, n_resamples=0, n_permutations=1, seed=0))
    assert list(alone) == [""]


def test_positions_are_the_beginning_the_middle_and_the_end():
    frames = torch.arange(10.0)[:, None]
    assert pool_positions(frames, 3).ravel().tolist() == [4.5, 1, 4, 8]
    assert pool_positions(frames[:2], 3).ravel().tolist() == [0.5, 0.5, 0.5, 0.5]


@pytest.fixture(scope="module")
def spoken(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpora") / "spoken"
    synthesise_corpus(
        folder,
        corpus="spoken",
        languages=["english-reading"],
        sentences={"train": 16, "valid": 4, "test": 16},
        voices={"train": 8, "valid": 4, "test": 8},
        seed=0,
        variation=False,
    )
    return read_corpus(folder)


def test_runs_pool_what_the_model_makes_and_write_what_it_writes(spoken):
    predictor = tiny_predictor("hubert-ctc")
    names = spoken.utterances["utterance"].tolist()[:5]
    runs = ModelRuns(predictor, spoken, edge_ms=60, batch_s=8)
    vectors, transcripts = runs.run(names, {})
    waveforms = [spoken.waveform(name) for name in names]
    assert transcripts == predictor.transcribe(waveforms)
    for layer, frames in predictor.encoder.frames(waveforms).items():
        expected = np.stack([pool_positions(rows, 3) for rows in frames])
        assert np.allclose(vectors[layer], expected, atol=1e-4 * np.abs(expected).max())


def test_runs_with_an_eraser_hold_nothing_along_its_direction(spoken):
    predictor = tiny_predictor("wav2vec2-ctc")
    names, along = spoken.utterances["utterance"].tolist()[:4], np.eye(32)[:, :1]
    small = np.eye(16)[:, :1]
    erasers = {
        "cnn": Eraser("random", np.zeros(16), small, small.T, 1, ("a", "b")),
        "T1": Eraser("random", np.zeros(32), along, along.T, 1, ("a", "b")),
    }
    runs = ModelRuns(predictor, spoken, edge_ms=60)
    plain, _ = runs.run(names, {})
    vectors, _ = runs.run(names, erasers)
    assert np.abs(vectors["cnn"][..., 0]).max() < 1e-6 < np.abs(plain["cnn"][..., 0]).max()
    assert np.abs(vectors["T1"][..., 0]).max() < 1e-5 < np.abs(plain["T1"][..., 0]).max()
    batch, frames = next(runs.frames(names[:1], "T1", erasers))
    assert batch == names[:1]
    # The frames are taken before the eraser of T1 and after the eraser of the layer before it.
    assert np.abs(frames[0].numpy()[:, 0]).max() > 1e-3
    assert not np.allclose(frames[0].mean(dim=0).numpy(), plain["T1"][0, 0], atol=1e-4)


def scrubbed(spoken, model, methods=("leace", "random"), **settings):
    settings = ScrubbingSettings(methods=methods, n_resamples=100, n_permutations=100, **settings)
    return scrub_gender(spoken, model, names=NAMES, settings=settings)


def test_a_recogniser_is_probed_and_its_errors_counted_in_every_condition(spoken):
    predictor = tiny_predictor("hubert-ctc")
    table, erasers = scrubbed(spoken, predictor)
    assert list(table.columns) == list(SCRUBBING_COLUMNS)
    conditions = table[["method", "erased_at"]].drop_duplicates().to_numpy().tolist()
    assert conditions == [
        ["none", ""],
        ["leace", "cnn"],
        ["leace", "embed"],
        ["leace", "T1"],
        ["leace", "T2"],
        ["leace", "blocks"],
        ["leace", "all"],
        ["random", "all"],
    ]
    linear = table[(table["metric"] == "accuracy") & (table["probe"] == "ridge")]
    probed = linear[(linear["position"] == "all") & (linear["dose"] != 0.5) & (linear["dose"] != 0.25)]
    behind = probed.groupby(["method", "erased_at"], sort=False)["layer"].apply(list)
    assert behind["none", ""] == ["cnn", "embed", "T1", "T2"]
    assert behind["leace", "T1"] == ["T1", "T2"]
    assert behind["leace", "blocks"] == ["embed", "T1", "T2"]
    networks = table[table["probe"] == "mlp"]
    assert set(networks["position"]) == {"all"}
    assert set(networks["erased_at"]) == {"", "all"}
    at_front = table[
        (table["erased_at"] == "cnn") & (table["metric"] == "word_error_rate") & (table["gender"] == "all")
    ]
    assert at_front["dose"].tolist() == [0.25, 0.5, 1]
    assert set(table["disjoint_in"]) == {"speaker"}
    assert set(table["chosen_over"].dropna()) == {"speaker"}
    assert set(table.loc[table["probe"] == "ridge", "position"]) == {"all", "first", "middle", "last"}
    rates = table[table["target"] == "transcript"]
    assert set(rates["gender"]) == {"all", "female", "male"}
    assert (rates.loc[rates["method"] == "none", "metric"].str.endswith("_rate")).all()
    assert set(rates.loc[rates["method"] == "leace", "metric"]) == {
        "word_error_rate",
        "word_error_rate_change",
        "character_error_rate",
        "character_error_rate_change",
    }
    assert (table["n_groups"].where(table["gender"] != "all", 4) == 4).all()
    layers = ("cnn", "embed", "T1", "T2")
    everywhere = {f"speaker/0/{method}/frame/all/{layer}" for method in ("leace", "random") for layer in layers}
    blocks = {f"speaker/0/leace/frame/blocks/{layer}" for layer in layers[1:]}
    assert set(erasers) == {f"speaker/0/leace/frame/{layer}/{layer}" for layer in layers} | blocks | everywhere


def test_the_error_rate_with_nothing_erased_is_that_of_the_recogniser(spoken):
    predictor = tiny_predictor("hubert-ctc")
    table, _ = scrubbed(spoken, predictor, methods=("leace",), single_layers=False)
    tested = spoken.utterances[spoken.utterances["split"] == "test"]
    written = predictor.transcribe([spoken.waveform(name) for name in tested["utterance"]])
    rates = table[(table["target"] == "transcript") & (table["method"] == "none") & (table["gender"] == "all")]
    rates = rates.set_index("metric")["value"]
    assert rates["word_error_rate"] == pytest.approx(jiwer.wer(tested["text"].tolist(), written))
    assert rates["character_error_rate"] == pytest.approx(jiwer.cer(tested["text"].tolist(), written))


def test_a_baseline_is_probed_before_and_after_and_writes_nothing(spoken):
    table, erasers = scrubbed(spoken, acoustic_model("mel"), methods=("leace",))
    assert set(table["layer"]) == {"input"}
    assert table[["method", "erased_at"]].drop_duplicates().to_numpy().tolist() == [["none", ""], ["leace", "all"]]
    assert set(table["target"]) == {"gender"}
    assert list(erasers) == ["speaker/0/leace/frame/all/input"]
    runs = AcousticRuns(acoustic_model("mel"), spoken, edge_ms=100)
    vectors, written = runs.run([spoken.utterances["utterance"][0]], {})
    assert vectors["input"].shape == (1, 4, 80)
    assert written is None


def test_results_depend_on_the_seed_alone(spoken):
    first, again = (scrubbed(spoken, tiny_predictor("hubert-ctc"), methods=("leace",))[0] for _ in range(2))
    assert first.equals(again)


def test_error_rates_are_set_out_by_condition_and_gender(spoken):
    table, _ = scrubbed(spoken, tiny_predictor("hubert-ctc"))
    rates = tabulate_rates(table)
    assert list(rates.columns) == list(RATES_COLUMNS)
    assert len(rates) == (8 + 2) * 3
    assert rates["wer_change"].isna().sum() == 3
    erased = rates[rates["method"] != "none"]
    before = rates.loc[rates["method"] == "none", "wer"].to_numpy()
    assert np.allclose(erased["wer"] - np.tile(before, 9), erased["wer_change"])


def test_the_recipe_of_stored_erasers_has_the_settings_of_every_fitter():
    recipe = ScrubbingSettings(shrinkage=0.1, n_iterations=3).recipe()
    assert recipe["settings"] == {
        "leace": {"shrinkage": 0.1},
        "shuffled": {"shrinkage": 0.1},
        "inlp": {"n_iterations": 3},
    }
    assert recipe["splits"] == {"fit": "train", "test": "test"}
    assert {"shrinkage", "n_iterations"}.isdisjoint(recipe)
