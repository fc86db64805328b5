"""The spelling figure, drawn from planted tables: panels, note, finding and caption."""

import numpy as np
import pandas as pd
import pytest
from figure_cases import MODELS, STUDY, caption_of, context_of, draw_styled, drawn, note_of, run_script

from auscult.analyses.spelling import figure as spelling, headline
from auscult.analyses.spelling.analysis import SPELLING_COLUMNS
from auscult.errors import AnalysisError
from auscult.figures import plotting
from auscult.figures.legibility import SLIDE_MM, faults
from auscult.figures.slide import slide_style
from auscult.manifests import digest
from auscult.tables import read_table, write_table

RUNS = [("hubert-english", "0"), ("hubert-english", "1500")]
MORE = [*RUNS, ("w2v2-english", "0"), ("w2v2-english", "1500")]
# Values of a trained recogniser, with the cue audible and silenced.
TRAINED = {
    "number_right": 0.95,
    "number_right_balanced": 0.97,
    "number_clear": 0.98,
    "number_wrong": 0.03,
    "exact": 0.9,
    "number_right_silenced": 0.53,
    "number_clear_silenced": 0.9,
    "number_wrong_silenced": 0.41,
    "exact_silenced": 0.44,
}
BALANCED = ("number_right_balanced", "number_right_silenced")


def spelling_table(runs=RUNS, n_speakers=16):
    rows, width = [], 0.07 if n_speakers >= 6 else np.nan
    for model, step in runs:
        for shift, target in enumerate(("all", "noun", "verb")):
            for metric, value in TRAINED.items():
                value = value - 0.01 * shift if step != "0" else np.nan if metric in BALANCED else 0.0
                n = 0 if np.isnan(value) else 216 if metric == "number_right_silenced" else 240
                low, high = (value - width, min(1, value + width)) if step != "0" else (value, value)
                chance = 0.5 if metric in BALANCED else np.nan
                rows.append([model, step, target, metric, value, low, high, n, n_speakers if n else 0, chance])
        for metric, value in (("character_error_rate", 0.021), ("word_error_rate", 0.07)):
            rows.append([model, step, "all", metric, value if step != "0" else 1.0, np.nan, np.nan, 400, 16, np.nan])
    names = ["model", "step", "target", "metric", "value", "ci_low", "ci_high", "n", "n_groups", "chance"]
    table = pd.DataFrame(rows, columns=names).assign(corpus="french", layer="output", resampling_unit="speaker")
    return table.reindex(columns=list(SPELLING_COLUMNS))


def lens_table():
    """Return the table with what the head spells from three layers."""
    rows = spelling_table()
    own = rows[(rows["target"] == "all") & (rows["metric"] == "number_right_balanced") & (rows["step"] == "1500")]
    through = [
        own.assign(layer=layer, value=value, example=text, example_of="les chats dansent")
        for layer, value, text in (("embed", 0.5, ""), ("T1", 0.6, "le cha ds"), ("T2", 0.9, "les chats danse"))
    ]
    return pd.concat([rows, *through], ignore_index=True)


CONTEXT = context_of("spelling", study=STUDY | {"sources": {"french": "synthetic"}})


def draw(table, context=CONTEXT):
    return draw_styled(spelling, context, table=table)


def finding(table, context=CONTEXT):
    return spelling.describe_finding(table, context=context)


@pytest.fixture(scope="module")
def full():
    return draw(spelling_table())


@pytest.fixture(scope="module")
def words(full):
    return drawn(full)


def test_counts_controls_and_the_resampling_unit_are_stated(words, full):
    assert "n = 240, silenced 216; 16 speakers" in words
    assert "chance" in words
    assert "95 % interval over speakers" in words
    assert "HuBERT (English), untrained" in words
    assert note_of(full).startswith("Study “default”, synthesised speech (french).")
    assert len(note_of(full).split()) <= 60


def test_forms_are_shown_with_the_cue_audible_and_silenced(words):
    for name in ("noun, audible", "noun, silenced", "verb, audible", "verb, silenced", "wrong number"):
        assert name in words
    assert "character error rate 0.021, word error rate 0.070" in words


def test_forms_are_shares_of_all_targets(words):
    # The noun: .89 exact and .06 with a misspelt stem are right, .02 wrong, .03 neither.
    audible = {"exact": 0.89, "right": 0.06, "wrong": 0.02}
    silenced = {"exact": 0.43, "right": 0.06, "wrong": 0.40, "neither": 0.11}
    for share in (*audible.values(), *silenced.values()):
        if share >= 0.055:
            assert f"{share:.2f}".removeprefix("0") in words


def test_both_conditions_are_drawn_by_the_same_measure():
    """The share of all targets (.94 of nouns) lay beside the balanced share of clear ones (.52) as one metric."""
    axes = draw(spelling_table())[0].axes[0]
    heights = {round(float(y), 2) for line in axes.lines for y in np.atleast_1d(line.get_ydata()) if np.isfinite(y)}
    assert {0.96, 0.52} <= heights
    assert 0.94 not in heights


def test_the_head_on_each_layer_has_a_panel_with_what_it_spells():
    (page,) = draw(lens_table())
    words = drawn(page)
    assert len(page.axes) == 4
    assert {"embed", "T1", "T2", "(nothing)", "le cha ds", "les chats danse", "spoken: les chats dansent"} <= set(words)
    assert finding(lens_table()) == finding(spelling_table())


def test_every_trained_recogniser_has_its_own_page():
    pages = draw(spelling_table(MORE))
    assert [len(page.axes) for page in pages] == [2, 2]
    assert "french · wav2vec 2.0 (English)" in drawn(pages[1])


def test_few_speakers_have_no_interval():
    assert "no interval: 4 speakers" in drawn(draw(spelling_table(n_speakers=4)))


def test_an_untrained_recogniser_can_be_drawn_alone():
    assert "french · HuBERT (English), untrained" in " ".join(drawn(draw(spelling_table(RUNS[:1]))))


def test_a_table_can_be_drawn_without_context():
    assert "hubert-english" in drawn(spelling.draw(spelling_table()))


def test_the_rows_beside_the_figure_are_those_of_its_models():
    rows = spelling.drawn_rows(spelling_table(MORE), context=context_of("spelling", shown=["w2v2-english"]))
    assert set(rows["model"]) == {"w2v2-english"}
    assert spelling.drawn_rows(spelling_table(MORE)).equals(spelling_table(MORE))


def test_a_model_without_rows_is_refused():
    with pytest.raises(AnalysisError, match="expected model 'absent' in the table of spelling, found"):
        draw(spelling_table(), context_of("spelling", shown=["absent"]))


def test_drawn_twice_it_has_the_same_bytes(tmp_path):
    write_table(spelling_table(), tmp_path / "spelling.csv")
    stems = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        stems.append(run_script("spelling", folder, {"title": "T"}, {"table": str(tmp_path / "spelling.csv")}))
    for ending in ("pdf", "svg", "png", "csv", "json", "rst"):
        assert digest(f"{stems[0]}.{ending}") == digest(f"{stems[1]}.{ending}"), ending


@pytest.mark.parametrize("runs", [RUNS[:1], RUNS, MORE])
def test_no_text_lies_over_text(misplaced, runs):
    plotting.save_pages(draw(spelling_table(runs)), "unused")
    assert misplaced == []


def test_no_text_lies_over_text_with_a_lens(misplaced):
    plotting.save_pages(draw(lens_table()), "unused")
    assert misplaced == []


def slide_of(table, context=CONTEXT):
    with slide_style():
        drawing = headline.draw(table, context=context)
    title = headline.describe_headline(table, context=context)
    assert faults(drawing, SLIDE_MM) == []
    assert " ".join(drawing.texts[0].get_text().split()) == title
    assert len(title) <= 145
    return drawing, title


def test_the_slide_has_a_pair_of_bars_for_nouns_and_verbs_with_chance():
    drawing, title = slide_of(spelling_table())
    words = drawn(drawing)
    assert words.count("heard") == words.count("silenced") == 2
    assert {"nouns", "verbs", "chance", ".96", ".52"} <= set(words)
    assert title == (
        "Singular or plural is spelt right in .97 of words with the determiner heard, above silenced (.53); "
        "silenced not separated from chance (.50)"
    )


@pytest.mark.parametrize(
    ("value", "ends"),
    [
        (0.95, ("not separated from silenced (.95)", "above chance (.50)")),
        (0.2, ("above silenced (.20)", "below chance (.50)")),
    ],
)
def test_the_headline_follows_the_intervals(value, ends):
    table = spelling_table()
    silenced = table["metric"].eq("number_right_silenced") & table["step"].eq("1500")
    table.loc[silenced, ["value", "ci_low", "ci_high"]] = value, value - 0.07, min(1, value + 0.07)
    _, title = slide_of(table)
    assert f", {ends[0]}; silenced {ends[1]}" in title


@pytest.mark.parametrize("runs", [RUNS[:1], RUNS[1:], MORE])
def test_the_slide_of_other_recognisers_is_legible(runs):
    drawing, title = slide_of(spelling_table(runs))
    assert ("no word in a recognisable number" in title) == (runs == RUNS[:1])
    assert title.startswith("HuBERT (English): singular/plural right in .97") == (runs == MORE)
    assert drawn(drawing).count("heard") == 2


def test_the_slide_without_intervals_and_without_silenced_numbers():
    assert "heard, beside silenced (.53); silenced beside chance (.50)" in slide_of(spelling_table(n_speakers=4))[1]
    table = spelling_table()
    table.loc[table["metric"].eq("number_right_silenced"), ["value", "ci_low", "ci_high"]] = np.nan
    drawing, title = slide_of(table)
    assert title.endswith("above chance (.50); silenced, none is recognisable")
    assert "recognisable" in drawn(drawing)


def test_the_finding_compares_both_conditions():
    expected = (
        "Balanced number accuracy of HuBERT (English) with audible determiners is .97 [.90, 1.00], above silenced "
        "(.53) and chance (.50)."
    )
    assert finding(spelling_table()) == expected
    assert len(expected.split()) <= 22


def test_the_finding_states_where_silencing_has_no_effect():
    table = spelling_table()
    silenced = table["metric"].eq("number_right_silenced") & table["step"].eq("1500")
    table.loc[silenced, ["value", "ci_low", "ci_high"]] = 0.95, 0.88, 1.0
    assert ", not separated from silenced (.95)" in finding(table)
    assert "above chance (.50)" in finding(table)


def test_the_finding_judges_nothing_without_intervals():
    found = finding(spelling_table(n_speakers=4))
    assert "against silenced (.53) and chance (.50)" in found
    assert "[" not in found


def test_where_no_silenced_target_has_a_number_the_finding_compares_with_the_untrained_model():
    table = spelling_table()
    table.loc[table["metric"].eq("number_right_silenced"), ["value", "ci_low", "ci_high"]] = np.nan
    expected = (
        "The share of targets that HuBERT (English) spells in the right number is .95 [.88, 1.00], above untrained "
        "(.00)."
    )
    assert finding(table) == expected
    assert len(expected.split()) <= 22


def test_an_untrained_recogniser_alone_has_no_finding():
    assert finding(spelling_table(RUNS[:1])) == ""


def test_the_finding_is_the_same_from_a_file(tmp_path):
    write_table(spelling_table(), tmp_path / "spelling.csv")
    assert finding(read_table(tmp_path / "spelling.csv")) == finding(spelling_table())


def test_the_caption_takes_its_numbers_from_the_study():
    figure = {"name": "spelling", "title": "T", "models": ["hubert-english"], "analysis": {"n_resamples": 1234}}
    caption = caption_of("spelling", {"figure": figure, "study": STUDY, "models": MODELS})
    assert "1,234 resamplings" in caption
    assert "HuBERT (English), where only the determiner" in caption
    assert "test split" in caption
    assert "problematic" not in caption
