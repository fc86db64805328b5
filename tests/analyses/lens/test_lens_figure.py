"""The lens figure, drawn from planted tables: curves, sentences, headline, finding and caption."""

import numpy as np
import pandas as pd
import pytest
from figure_cases import MODELS, STUDY, caption_of, context_of, draw_styled, drawn, note_of, run_script

from auscult.analyses.lens import figure as lens, headline
from auscult.analyses.lens.columns import AFFINE, DIRECT, LENS_COLUMNS, OTHER_MAP
from auscult.errors import AnalysisError
from auscult.figures import plotting
from auscult.figures.legibility import SLIDE_MM, faults
from auscult.figures.slide import slide_style
from auscult.manifests import digest
from auscult.tables import write_table

RUNS = [("hubert-english", "0"), ("hubert-english", "1500")]
MORE = [*RUNS, ("w2v2-english", "1500")]
LAYERS = ("embed", "T1", "T2", "T3")
# Word error rate of the trained model by way of reading, from embed to T3.
DIRECTLY = (1.0, 1.0, 0.7, 0.1)
MAPPED = {"input": 0.99, "cnn": 0.98, "embed": 0.95, "T1": 0.6, "T2": 0.3, "T3": 0.1}
OTHER = {"embed": 1.0, "T1": 1.0, "T2": 0.99}
SPOKEN = "the old king sees a small grey cat beside the long wall"
WRITTEN = {"embed": "", "T1": "e", "T2": "the old kin see a sm cat", "T3": SPOKEN}


def readings(trained, mapped=True):
    yield from ((layer, DIRECT, "", rate) for layer, rate in zip(LAYERS, DIRECTLY))
    if mapped:
        yield from ((layer, AFFINE, "", rate) for layer, rate in MAPPED.items())
        yield from ((layer, AFFINE, OTHER_MAP, rate) for layer, rate in OTHER.items())


def lens_table(runs=RUNS, *, n_speakers=16, mapped=True):
    rows, width = [], 0.02 if n_speakers >= 6 else np.nan
    for model, step in runs:
        for layer, how, control, rate in readings(step != "0", mapped):
            rate = rate if step != "0" else 1.0
            found = {"word_error_rate": rate, "character_error_rate": 0.6 * rate, "word_agreement": 1 - rate}
            for metric, value in found.items():
                target = "output" if metric == "word_agreement" else "spoken"
                chance = 0.02 if metric == "word_agreement" else 1.1
                text = WRITTEN.get(layer, "s") if step != "0" else ""
                row = [model, step, layer, target, metric, value, value - width, value + width, 160, n_speakers]
                rows.append([*row, how, control, chance, text])
    names = [*LENS_COLUMNS[1:11], "lens", "control", "chance", "example"]
    table = pd.DataFrame(rows, columns=names).assign(corpus="english", resampling_unit="speaker", example_of=SPOKEN)
    fitted = table["lens"] == AFFINE
    return table.assign(n_fit=np.where(fitted, 200, np.nan), n_fit_frames=np.where(fitted, 30000, np.nan)).reindex(
        columns=list(LENS_COLUMNS)
    )


CONTEXT = context_of("lens", study=STUDY | {"sources": {"english": "synthetic"}})


def draw(table, context=CONTEXT):
    return draw_styled(lens, context, table=table)


def slide_of(table, context=CONTEXT):
    with slide_style():
        drawing = headline.draw(table, context=context)
    title = headline.describe_headline(table, context=context)
    assert faults(drawing, SLIDE_MM) == []
    assert " ".join(drawing.texts[0].get_text().split()) == title
    assert len(title) <= 145
    return drawing, title


def heights(axes):
    return {round(float(y), 2) for line in axes.lines for y in np.atleast_1d(line.get_ydata()) if np.isfinite(y)}


def test_a_page_has_errors_agreement_and_the_sentence_of_every_layer():
    (page,) = draw(lens_table())
    words = drawn(page)
    assert len(page.axes) == 5
    assert set(DIRECTLY) | set(MAPPED.values()) | {1.1} <= heights(page.axes[0])
    assert {"n = 160, 16 speakers", "95 % interval over speakers", "(nothing)", "–", SPOKEN} <= set(words)
    assert words.count(SPOKEN) == 2
    assert f"spoken: {SPOKEN}" in words
    assert "fitted on 200 utterances (30,000 frames)" in words
    for name in ("through another layer's map", "HuBERT (English), untrained", "through the layer's map, untrained"):
        assert name in words
    assert note_of(page).startswith("Study “default”, synthesised speech (english).")
    assert len(note_of(page).split()) <= 60


def test_without_maps_there_is_one_column_of_sentences():
    (page,) = draw(lens_table(mapped=False))
    assert len(page.axes) == 4
    assert not [word for word in drawn(page) if "map" in word.lower()]


@pytest.mark.parametrize("table", [lens_table(), lens_table(mapped=False), lens_table(MORE), lens_table(RUNS[:1])])
def test_no_text_lies_over_text(misplaced, table):
    plotting.save_pages(draw(table), "unused")
    assert misplaced == []


def test_rates_beyond_the_panel_are_named():
    table = lens_table()
    far = table["layer"].eq("embed") & table["lens"].eq(DIRECT) & table["metric"].eq("word_error_rate")
    table.loc[far, ["value", "ci_low", "ci_high"]] = 3.0, 2.9, 3.1
    (page,) = draw(table)
    assert page.axes[0].get_ylim()[1] == 1.5
    assert note_of(page).endswith("Rates above 1.5 leave the panel.")
    assert slide_of(table)[0].texts[1].get_text().endswith("leave the panel.")


def test_every_trained_recogniser_has_its_own_page():
    assert ["english · wav2vec 2.0 (English)" in drawn(page) for page in draw(lens_table(MORE))] == [False, True]


def test_the_slide_says_from_which_layer_on_words_are_written():
    drawing, title = slide_of(lens_table())
    assert title == (
        "HuBERT (English) writes most words only from T3, the last layer (error rate .10), from T2 on through a map "
        "(error rate .30)"
    )
    assert {"as it is", "through a map", "another's map", "untrained", "other utterances", "(nothing)"} <= set(
        drawn(drawing)
    )


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((1.0, 1.0, 1.0, 0.1), "writes most words only from T3, the last layer (error rate .10)"),
        # A layer that writes more wrong words than there are is not read, whatever exchanged transcripts give.
        ((1.05, 1.05, 1.05, 0.1), "writes most words only from T3, the last layer (error rate .10)"),
        # An early layer does not count if a later one is not read, nor one whose interval reaches one half.
        ((0.3, 1.0, 0.3, 0.1), "writes most words from T2 on (error rate .30); last layer .10"),
        ((0.3, 0.5, 0.495, 0.1), "writes most words only from T3, the last layer (error rate .10)"),
        ((1.0, 1.0, 1.0, 1.0), "writes most words from no layer"),
    ],
)
def test_the_headline_follows_the_intervals(values, expected):
    table = lens_table(mapped=False)
    own = table["metric"].eq("word_error_rate") & table["step"].eq("1500")
    for layer, value in zip(LAYERS, values):
        table.loc[own & table["layer"].eq(layer), ["value", "ci_low", "ci_high"]] = value, value - 0.01, value + 0.01
    assert slide_of(table)[1] == f"HuBERT (English) {expected}"


def test_the_headline_says_where_a_map_reads_no_earlier_layer():
    table = lens_table()
    mapped = (
        table["metric"].eq("word_error_rate") & table["lens"].eq(AFFINE) & table["layer"].isin(["embed", "T1", "T2"])
    )
    table.loc[mapped, ["value", "ci_low", "ci_high"]] = 1.2, 1.1, 1.3
    assert slide_of(table)[1] == (
        "HuBERT (English) writes most words only from T3, the last layer (error rate .10), and no earlier through a map"
    )


@pytest.mark.parametrize("table", [lens_table(RUNS[:1]), lens_table(RUNS[1:]), lens_table(MORE)])
def test_the_slide_of_other_recognisers_is_legible(table):
    slide_of(table)


def test_few_speakers_have_no_interval():
    table = lens_table(n_speakers=4)
    assert "no interval: 4 speakers" in drawn(draw(table))
    assert slide_of(table)[1] == "HuBERT (English): word error rate .10 at the last layer, without interval"


def test_the_finding_compares_with_the_layer_before_and_controls():
    found = lens.describe_finding(lens_table(), context=CONTEXT)
    assert found == (
        "The word error rate of HuBERT (English) at T3 is .10 [.08, .12], below exchanged transcripts (1.10), T2 as it "
        "is (.70), T2 through its map (.30) and untrained (1.00)."
    )


def test_the_rows_beside_the_figure_are_those_of_its_models():
    shown = lens.drawn_rows(lens_table(MORE), context=context_of("lens", shown=["w2v2-english"]))
    assert set(shown["model"]) == {"w2v2-english"}
    with pytest.raises(AnalysisError, match="expected model 'absent' in the table of lens, found"):
        draw(lens_table(), context_of("lens", shown=["absent"]))


def test_a_table_can_be_drawn_without_context():
    assert "english · hubert-english" in drawn(lens.draw(lens_table()))


def test_drawn_twice_it_has_the_same_bytes(tmp_path):
    write_table(lens_table(), tmp_path / "lens.csv")
    stems = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        stems.append(run_script("lens", folder, {"title": "T"}, {"table": str(tmp_path / "lens.csv")}))
    for ending in ("pdf", "svg", "png", "csv", "json", "rst"):
        assert digest(f"{stems[0]}.{ending}") == digest(f"{stems[1]}.{ending}"), ending


@pytest.mark.parametrize("affine", [True, False])
def test_the_caption_takes_its_numbers_from_the_study(affine):
    analysis = {"n_resamples": 1234, "affine": affine, "splits": {"fit": ["train"], "test": ["test"]}}
    figure = {"name": "lens", "title": "T", "models": ["hubert-english"], "analysis": analysis}
    caption = caption_of("lens", {"figure": figure, "study": STUDY, "models": MODELS})
    assert "1,234 resamplings" in caption
    assert "What the output of HuBERT (English) writes" in caption
    assert ("affine map" in caption) == affine
