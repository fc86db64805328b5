"""Gender in translations and in states: counts checked by hand, probes with and without signal, the regression."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import linregress, spearmanr
from translation_planted import PLANTED, SIX, exchanged, study

from auscult.analyses.translation.analysis import probe_counts
from auscult.analyses.translation.exchanges import exchange_rows
from auscult.analyses.translation.probes import probe_gender, probe_items, shuffled_genders
from auscult.analyses.translation.quality import quality_rows
from auscult.analyses.translation.settings import TranslationSettings
from auscult.analyses.translation.summary import permuted_p, rank_correlation, regression, summarise_translation
from auscult.analyses.translation.terms import count_terms, judge_translations, shares, speaker_counts
from auscult.errors import AnalysisError
from auscult.statistics.intervals import macro_f1


@pytest.mark.parametrize(
    ("text", "pairs", "counts"),
    [
        ("sono stata stanca", [("stata", "stato"), ("stanca", "stanco")], (2, 2, 0)),
        ("Sono stato, stanca.", [("stata", "stato"), ("stanca", "stanco")], (2, 1, 1)),
        ("sono felice", [("stanca", "stanco")], (0, 0, 0)),
        # One word stands for one pair.
        ("stanca", [("stanca", "stanco"), ("stanca", "stanco")], (1, 1, 0)),
        # Both forms of one pair.
        ("stanca o stanco", [("stanca", "stanco")], (1, 1, 1)),
    ],
)
def test_gendered_words_are_counted_as_in_the_published_evaluation(text, pairs, counts):
    assert count_terms(text, pairs) == counts


def references():
    rows = [
        ("a", "w1", "female", "spanish", "estoy cansada hoy", "estoy cansado hoy", "cansada cansado"),
        ("b", "w1", "female", "french", "je suis restée seule", "je suis resté seul", "restée resté;seule seul"),
        ("c", "m1", "male", "italian", "sono pronto", "sono pronta", "pronto pronta"),
        ("d", "m1", "male", "spanish", "soy viejo", "soy vieja", "viejo vieja"),
    ]
    columns = ["utterance", "speaker", "gender", "target_language", "reference", "wrong_reference", "terms"]
    return pd.DataFrame(rows, columns=columns)


WRITTEN = ["estoy cansado hoy", "je suis restée seul", "sono pronto", "soy nuevo"]


def test_accuracy_and_coverage_by_hand():
    judged = judge_translations(references(), WRITTEN)
    assert judged["exact"].tolist() == [False, False, True, False]
    assert judged["exact_but_gender"].tolist() == [True, True, True, False]
    counts = speaker_counts(judged)
    found = {
        name: float(shares(counts.to_numpy().sum(axis=0), counts.columns, name))
        for name in ("coverage", "gender_accuracy", "she_accuracy", "he_accuracy", "masculine_share")
    }
    assert found == pytest.approx(
        {
            "coverage": 4 / 5,
            "gender_accuracy": 2 / 4,
            "she_accuracy": 1 / 3,
            "he_accuracy": 1.0,
            "masculine_share": 3 / 4,
        }
    )


def test_with_permuted_genders_right_and_wrong_forms_change_places():
    judged = judge_translations(references(), WRITTEN)
    counts = speaker_counts(judged, pd.Series({"w1": "male", "m1": "female"}))
    total = counts.to_numpy().sum(axis=0)
    assert float(shares(total, counts.columns, "gender_accuracy")) == 2 / 4
    assert float(shares(total, counts.columns, "he_accuracy")) == 2 / 3
    assert float(shares(total, counts.columns, "masculine_share")) == 3 / 4


def test_a_share_with_denominator_0_is_undefined():
    counts = speaker_counts(judge_translations(references(), ["x"] * 4))
    assert np.isnan(shares(counts.to_numpy().sum(axis=0), counts.columns, "gender_accuracy"))


def test_every_reference_needs_a_translation():
    with pytest.raises(AnalysisError, match="expected a translation of each of 4 references, found 3"):
        judge_translations(references(), WRITTEN[:3])


def voices(n=12, per_speaker=6):
    rows = []
    for split in ("train", "valid", "test"):
        for number in range(n):
            gender = ("female", "male")[number % 2]
            rows += [(f"{split}{number}-{i}", f"{split}{number}", gender, split) for i in range(per_speaker)]
    return pd.DataFrame(rows, columns=["utterance", "speaker", "gender", "split"])


def planted(items, strength):
    """Return sequences of ten frames, one of which marks the gender with the given strength."""
    rng, states = np.random.default_rng(1), {}
    for split, table in items.items():
        states[split] = []
        for gender in table["gender"]:
            sequence = rng.normal(size=(10, 6)).astype(np.float32)
            place = rng.integers(10)
            sequence[place, 0] += 6
            sequence[place, 1] += strength * (1 if gender == "female" else -1)
            states[split].append(sequence)
    return states


def f1(answers, table):
    codes = table.assign(heard_x=answers, target_language="french")
    return float(macro_f1(np.stack(list(probe_counts(codes, "x"))).sum(axis=0)))


def test_a_probe_finds_the_frame_that_marks_gender_and_nothing_without_signal():
    items = probe_items(voices(), 100, seed=1)
    assert f1(probe_gender(planted(items, 5.0), items), items["test"]) > 0.9
    assert 0.3 < f1(probe_gender(planted(items, 0.0), items), items["test"]) < 0.65


def test_shuffled_genders_hide_the_true_ones():
    table = voices()
    items, genders = probe_items(table, 100, seed=1), shuffled_genders(table, 3)
    answers = probe_gender(planted(items, 5.0), items, genders)
    truth = items["test"]["speaker"].map(genders)
    assert 0.25 < np.mean(answers == truth) < 0.75


def test_shuffled_genders_are_independent_of_the_voice():
    table = voices(n=8)
    genders = shuffled_genders(table, 3)
    speakers = table.drop_duplicates("speaker")
    assert set(genders.index) == set(speakers["speaker"])
    kept = speakers["speaker"].map(genders) == speakers["gender"]
    assert kept.groupby([speakers["split"], speakers["gender"]]).mean().eq(0.5).all()


def test_training_utterances_are_balanced_by_gender_and_unique():
    table = voices()
    women = table[(table["split"] == "train") & (table["gender"] == "female")]
    items = probe_items(pd.concat([table.drop(women.index[8:]), table.head(3)]), 100, seed=1)
    assert items["train"]["gender"].value_counts().to_dict() == {"female": 8, "male": 8}
    assert items["train"]["utterance"].is_unique


@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_a_missing_split_is_named(split):
    table = voices()
    with pytest.raises(AnalysisError, match=f"expected speakers in splits train, valid and test .* none in {split}"):
        probe_items(table[table["split"] != split], 100, seed=1)


def test_a_probe_of_one_gender_is_refused():
    items = probe_items(voices(), 100, seed=1)
    men = pd.Series("male", index=voices()["speaker"].unique())
    with pytest.raises(
        AnalysisError, match="expected women and men among the train speakers of a gender probe, found only male"
    ):
        probe_gender(planted(items, 1.0), items, men)


def test_the_regression_is_that_of_scipy():
    rng = np.random.default_rng(2)
    x = rng.uniform(0.5, 1, (4, 9))
    y = 0.3 + 0.6 * x + rng.normal(0, 0.05, (4, 9))
    slope, intercept, r_squared = regression(x, y)
    for row in range(4):
        wanted = linregress(x[row], y[row])
        assert slope[row] == pytest.approx(wanted.slope)
        assert intercept[row] == pytest.approx(wanted.intercept)
        assert r_squared[row] == pytest.approx(wanted.rvalue**2)


def test_the_regression_of_points_that_do_not_vary_is_undefined():
    assert np.isnan(regression(np.full(3, 0.5), np.array([0.1, 0.2, 0.3]))[2])


def test_three_models_in_perfect_order_have_the_smallest_possible_p():
    x = np.array([[0.5, 0.52, 0.54], [0.7, 0.72, 0.74], [0.9, 0.92, 0.94]])
    assert permuted_p(x, x) == pytest.approx(1 / 6)
    y = x[[1, 0, 2]]
    values = [np.corrcoef(x.ravel(), y[list(order)].ravel())[0, 1] for order in permutations(range(3))]
    assert permuted_p(x, y) == pytest.approx(np.mean(np.array(values) >= values[0] - 1e-12))
    assert permuted_p(x, y) > 0.2
    assert permuted_p(x, x[::-1]) == 1


@pytest.fixture(scope="module")
def summary():
    return summarise_translation(
        study(PLANTED, PLANTED, per_language=12), settings=TranslationSettings(n_resamples=200)
    )


def fit(table, metric, control="", seed=""):
    rows = table[(table["model"] == "all") & (table["metric"] == metric) & (table["control"] == control)]
    return rows[rows["seed"].fillna("") == seed].iloc[0]


def test_accuracy_that_follows_the_probe_has_a_high_r_squared_and_shuffled_genders_have_not(summary):
    assert fit(summary, "r_squared")["value"] > 0.8
    assert fit(summary, "p_points")["value"] < 0.01
    assert fit(summary, "p_models")["value"] == pytest.approx(1 / 6)
    assert abs(fit(summary, "slope", "shuffled")["value"]) < fit(summary, "slope")["value"]


def test_the_fit_within_models_is_weak_where_languages_do_not_differ(summary):
    assert fit(summary, "within_model_r_squared")["value"] < 0.8
    assert fit(summary, "r_squared")["n"] == 9


def test_means_are_those_of_seeds_and_have_intervals(summary):
    row = summary[
        (summary["model"] == "high")
        & (summary["metric"] == "gender_accuracy")
        & (summary["control"] == "")
        & (summary["target"] == "all")
    ].iloc[0]
    items = study(PLANTED, PLANTED, per_language=12)
    seeds = items[items["model"].str.startswith("high")].groupby("model")["n_right"].mean()
    assert row["value"] == pytest.approx(seeds.mean())
    assert row["ci_low"] <= row["value"] <= row["ci_high"]
    assert (row["n_seeds"], row["n_groups"], row["n"]) == (2, 8, 2 * 8 * 36)


def test_each_seed_has_a_regression_of_its_own(summary):
    assert fit(summary, "r_squared", seed="1")["n"] == 9
    assert fit(summary, "r_squared", seed="2")["value"] != fit(summary, "r_squared", seed="1")["value"]


def test_too_few_speakers_have_no_interval():
    table = summarise_translation(
        study(PLANTED, PLANTED, n_speakers=4, seeds=(1,)), settings=TranslationSettings(n_resamples=100)
    )
    assert table["ci_low"].isna().all()


def test_every_model_needs_the_same_number_of_seeds():
    items = study(PLANTED, PLANTED)
    with pytest.raises(
        AnalysisError, match=r"expected the same number of seeds for every model, found 2 of .* and 1 of low"
    ):
        summarise_translation(items[items["model"] != "low-2"])


def test_every_model_must_translate_the_same_utterances():
    items = study(PLANTED, PLANTED)
    odd = items[~((items["model"] == "low-2") & (items["utterance"] == "0-french-0"))]
    with pytest.raises(
        AnalysisError,
        match="expected translations of the same utterances by every model, found different ones by 'low-2'",
    ):
        summarise_translation(odd)


def test_the_p_of_a_rank_correlation_is_exact():
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(2, 6))
    y[2] = y[4]  # ties have mean ranks
    found, p = rank_correlation(x, y)
    assert found == pytest.approx(spearmanr(x, y).statistic)
    all_orders = [spearmanr(x, y[list(order)]).statistic for order in permutations(range(6))]
    assert p == pytest.approx(np.mean(np.array(all_orders) >= found - 1e-12))


def test_the_least_p_of_n_models_is_one_in_n_factorial():
    assert rank_correlation(np.arange(6.0), np.arange(6.0)) == pytest.approx((1.0, 1 / 720))
    assert rank_correlation(np.arange(3.0), np.arange(3.0)) == pytest.approx((1.0, 1 / 6))


@pytest.mark.parametrize("y", [[1.0, 1.0, 1.0], [1.0, np.nan, 2.0]])
def test_a_rank_correlation_without_ranks_is_undefined(y):
    assert np.isnan(rank_correlation(np.arange(3.0), np.array(y))).all()
    assert np.isnan(rank_correlation(np.arange(2.0), np.arange(2.0))).all()


def test_six_models_in_the_same_order_have_a_p_of_one_in_720():
    table = summarise_translation(study(SIX, SIX, per_language=20), settings=TranslationSettings(n_resamples=100))
    assert fit(table, "rank_correlation")["value"] == pytest.approx(1)
    assert fit(table, "p_rank")["value"] == pytest.approx(1 / 720)
    assert fit(table, "p_rank")["n"] == 6


def test_seeds_that_differ_widen_the_interval():
    items = study(dict.fromkeys(PLANTED, 0.8), PLANTED, per_language=12)
    other = items["model"] == "high-2"
    worse = items.assign(n_right=items["n_right"].where(~other, 0), n_wrong=items["n_wrong"].where(~other, 1))
    widths = []
    for table in (items, worse):
        rows = summarise_translation(table, settings=TranslationSettings(n_resamples=200))
        rows = rows[(rows["model"] == "high") & (rows["metric"] == "gender_accuracy") & (rows["control"] == "")]
        row = rows[rows["target"] == "all"].iloc[0]
        assert 0 <= row["ci_low"] <= row["value"] <= row["ci_high"] <= 1
        widths.append(row["ci_high"] - row["ci_low"])
    assert widths[1] > 2 * widths[0]


def test_only_the_property_that_decides_moves_the_gender():
    items = exchanged(["low"], {"low": ("pitch",)})
    found = pd.DataFrame(exchange_rows(items, 200, 0)).set_index(["metric", "target"])["value"]
    for name in ("written", "probe"):
        assert found[f"{name}_shift", "pitch"] == found[f"{name}_flips", "pitch"] == 1
        assert found[f"{name}_shift", "tract"] == found[f"{name}_flips", "tract"] == 0
        assert found[f"{name}_shift", "both"] == 1


def test_flips_without_direction_are_no_shift():
    items = exchanged(["low"], {"low": ()})
    # With the pitch of a man, women become men; with the pitch of a woman, men do so even more: as many flips each way.
    turned = (items["exchanged"] == "pitch") & (items["pair"] % 2 == 0)
    away = turned & (items["gender"] == "female")
    right, wrong = items["n_right"].mask(away, 0), items["n_wrong"].mask(away, 1)
    own = (items["exchanged"] == "own") & (items["pair"] % 2 == 1) & (items["gender"] == "female")
    items = items.assign(n_right=right.mask(own, 0), n_wrong=wrong.mask(own, 1))
    found = pd.DataFrame(exchange_rows(items, 200, 0)).set_index(["metric", "target"])["value"]
    assert found["written_shift", "pitch"] == 0
    assert found["written_flips", "pitch"] == 0.5


def test_sentences_without_a_gendered_word_have_no_shift():
    items = exchanged(["low"], {"low": ("tract",)})
    silent = (items["exchanged"] == "tract") & (items["pair"] == 0)
    items = items.assign(n_right=items["n_right"].mask(silent, 0), n_wrong=items["n_wrong"].mask(silent, 0))
    found = pd.DataFrame(exchange_rows(items, 200, 0)).set_index(["metric", "target"])
    assert found.loc[("written_shift", "tract"), "n"] == found.loc[("probe_shift", "tract"), "n"] - 2 * 2 * 4
    assert found.loc[("written_shift", "tract"), "n_groups"] == 7


def test_exchanged_voices_are_summarised_apart_from_the_test_sentences():
    items = study(PLANTED, PLANTED)
    follows = {"low": (), "middle": ("tract",), "high": ("pitch", "tract")}
    both = pd.concat([items, exchanged(PLANTED, follows)], ignore_index=True)
    settings = TranslationSettings(n_resamples=100)
    found, alone = (summarise_translation(table, settings=settings) for table in (both, items))
    shifts = found[found["metric"] == "written_shift"].set_index(["model", "target"])
    assert shifts.loc[("low", "pitch"), "value"] == shifts.loc[("middle", "pitch"), "value"] == 0
    assert shifts.loc[("middle", "tract"), "value"] == shifts.loc[("high", "pitch"), "value"] == 1
    assert set(shifts["resampling_unit"]) == {"pair and seed"}
    assert set(shifts["n_groups"]) == {8}
    kept = found[found["resampling_unit"].str.startswith("speaker")].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, alone, check_dtype=False)


def test_quality_is_that_of_sacrebleu_with_its_signature():
    same = pd.DataFrame(quality_rows(["estoy muy cansada hoy"] * 3, ["estoy muy cansada hoy"] * 3)).set_index("metric")
    assert same["value"].tolist() == pytest.approx([100, 100])
    assert "version:" in same.loc["bleu", "signature"]
    other = pd.DataFrame(quality_rows(["estoy muy cansado hoy"], ["estoy muy cansada hoy"])).set_index("metric")
    assert other.loc["bleu", "value"] < other.loc["chrf", "value"] < 100


def test_quality_needs_a_translation_of_each_reference():
    with pytest.raises(AnalysisError, match="expected a translation of each reference, found 1 of 2"):
        list(quality_rows(["a"], ["a", "b"]))
