"""The lens figure, drawn from planted tables: curves, sentences, slide, note, finding and caption."""

import numpy as np
import pandas as pd
import pytest
from figure_cases import MODELS, STUDY, caption_of, context_of, draw_styled, drawn, note_of, run_script

from auscult.analyses.lens import figure as lens, headline
from auscult.analyses.lens.columns import LENS_COLUMNS
from auscult.errors import AnalysisError
from auscult.figures import plotting
from auscult.figures.legibility import SLIDE_MM, faults
from auscult.figures.slide import slide_style
from auscult.manifests import digest
from auscult.tables import read_table, write_table

LAYERS = ("embed", "T1", "T2", "T3", "T4")
DIRECT = dict(zip(LAYERS, (1.02, 0.99, 0.92, 0.63, 0.08)))
AFFINE = {"input": 0.99, "cnn": 0.98} | dict(zip(LAYERS, (0.97, 0.9, 0.62, 0.31, 0.08)))
SPOKEN = "the old king reads a letter to the quiet queen"
CONTEXT = context_of("lens", study=STUDY | {"sources": {"english": "synthetic"}})


def lens_table(direct=DIRECT, affine=AFFINE, models=("hubert-english",), width=0.03, untrained=True):
    """Return rows of each reading; untrained, all words are wrong at every layer."""
    rows = []
    readings = [("direct", "", direct), ("affine", "", affine)]
    readings.append(("affine", "other_map", {layer: 1.1 for layer in list(direct)[:-1] if affine}))
    for model in models:
        for step in ("0", "1500") if untrained else ("1500",):
            for way, control, values in readings:
                for layer, value in values.items():
                    rows += rows_of(model, step, way, control, layer, value if step != "0" else 1.0, width)
    table = pd.DataFrame(rows).assign(corpus="english", resampling_unit="speaker", n=320)
    table["n_groups"] = 32 if np.isfinite(width) else 4
    return table.reindex(columns=list(LENS_COLUMNS))


def rows_of(model, step, way, control, layer, value, width):
    kept = SPOKEN[: int(len(SPOKEN) * max(0, 1 - value))]
    named = {"model": model, "step": step, "layer": layer, "lens": way, "control": control, "example": kept}
    named |= {
        "example_of": SPOKEN,
        "n_fit": np.nan if way == "direct" else 200,
        "n_fit_frames": 21_345,
        "map_of": layer,
    }
    for metric, level, chance in (
        ("word_error_rate", value, 1.1),
        ("character_error_rate", 0.8 * value, 0.9),
        ("word_agreement", max(0.0, 1 - value), 0.05),
    ):
        target = "output" if metric == "word_agreement" else "spoken"
        ends = {"ci_low": level - width, "ci_high": level + width}
        yield named | {"target": target, "metric": metric, "value": level, "chance": chance} | ends


def draw(table, context=CONTEXT):
    return draw_styled(lens, context, table=table)


def finding(table, context=CONTEXT):
    return lens.describe_finding(table, context=context)


def title_of(table, context=CONTEXT):
    return headline.describe_headline(table, context=context)


@pytest.fixture(scope="module")
def words():
    return drawn(draw(lens_table()))


def test_counts_controls_and_the_resampling_unit_are_stated(words):
    expected = {
        "english · HuBERT (English)",
        "n = 320, 32 speakers",
        "95 % interval over speakers",
        "as it is",
        "through its map",
        "through the map of another layer",
        "untrained, as it is",
        "transcripts of other utterances",
        "Words",
        "Characters",
        "Output already written",
    }
    assert expected <= set(words)


def test_the_note_says_what_fitted_the_maps():
    note = note_of(draw(lens_table()))
    assert note.startswith("Study “default”, synthesised speech (english).")
    assert "least squares on 200 utterances (21,345 frames) of other speakers" in note
    assert len(note.split()) <= 60


def test_one_sentence_is_written_from_each_layer_by_both_ways(words):
    assert words.count(f"spoken: {SPOKEN}") == 2
    assert {"Written from each layer as it is", "Written from each layer through its map"} <= set(words)
    assert {*LAYERS, "cnn", "input", "(nothing)", "–"} <= set(words)
    assert words.count("the old king reads a letter to the quiet q") == 2


def test_curves_are_at_the_values_of_their_layers():
    (page,) = draw(lens_table())
    lines = {line.get_label(): line for line in page.axes[0].lines}
    assert lines["as it is"].get_ydata().tolist() == list(DIRECT.values())
    assert lines["as it is"].get_xdata().tolist() == [2, 3, 4, 5, 6]
    assert lines["through its map"].get_ydata().tolist() == list(AFFINE.values())


def test_without_maps_the_page_has_the_layers_that_the_output_reads():
    (page,) = draw(lens_table(affine={}))
    words = drawn(page)
    assert "through its map" not in words
    assert not {"cnn", "input"} & set(words)
    assert "Maps" not in note_of(page)


def test_every_trained_recogniser_has_its_own_page():
    pages = draw(lens_table(models=("hubert-english", "w2v2-english")))
    assert len(pages) == 2
    assert "english · wav2vec 2.0 (English)" in drawn(pages[1])


def test_a_table_can_be_drawn_without_context():
    assert any("hubert-english" in word for word in drawn(lens.draw(lens_table())))


def test_a_model_without_rows_is_refused():
    with pytest.raises(AnalysisError, match="expected model 'absent' in the table of lens, found"):
        draw(lens_table(), context_of("lens", shown=["absent"]))


def test_the_finding_compares_the_last_layers():
    assert finding(lens_table()) == (
        "The word error rate of HuBERT (English) at T3, read as it is, is .63 [.60, .66], above T4 (.08) and a fitted "
        "map (.31), below other utterances (1.10)."
    )
    assert "against T4 (.08)" in finding(lens_table(width=np.nan))
    assert finding(lens_table(direct={"T1": 0.1}, affine={})) == ""


def slide_of(table, context=CONTEXT):
    with slide_style():
        drawing = headline.draw(table, context=context)
    assert faults(drawing, SLIDE_MM) == []
    assert " ".join(drawing.texts[0].get_text().split()) == title_of(table, context)
    assert len(title_of(table, context)) <= 145
    return drawing


def test_the_slide_shows_the_sentence_and_the_errors():
    drawing = slide_of(lens_table())
    words = drawn(drawing)
    assert {*LAYERS, f"Spoken: {SPOKEN}", "Words wrong", "as it is", "through a fitted map", "untrained"} <= set(words)
    assert any("n = 320, 32 speakers" in word for word in words)


@pytest.mark.parametrize(
    ("table", "title"),
    [
        (
            lens_table(),
            "HuBERT (English) writes most words from the last layer only, through a fitted map from T3 on: word errors "
            "fall to .08 at T4",
        ),
        (
            lens_table(direct=DIRECT | {"T3": 0.4}),
            "HuBERT (English) writes most words from T3 on, and a fitted map reads none earlier: word errors fall to "
            ".08 at T4",
        ),
        (
            lens_table(affine={}),
            "HuBERT (English) writes most words from the last layer only: word errors fall to .08 at T4",
        ),
        (
            lens_table(direct=DIRECT | {"T4": 0.49}),
            "HuBERT (English): no layer is written with most words right (.49 wrong at T4)",
        ),
        # A layer in between that fails is not passed over.
        (
            lens_table(affine=AFFINE | {"T1": 0.2}),
            "HuBERT (English) writes most words from the last layer only, through a fitted map from T3 on: word errors "
            "fall to .08 at T4",
        ),
    ],
)
def test_the_title_is_the_finding(table, title):
    assert title_of(table) == title
    slide_of(table)


@pytest.mark.parametrize("n_layers", [2, 5, 13, 25])
def test_no_text_lies_over_text(misplaced, n_layers):
    layers = ["embed", *(f"T{place}" for place in range(1, n_layers))]
    falling = dict(zip(layers, np.linspace(1.4, 0.1, n_layers)))
    table = lens_table(direct=falling, affine={"input": 1.0, "cnn": 1.0} | falling)
    plotting.save_pages(draw(table), "unused")
    assert misplaced == []
    slide_of(table)


def test_the_pages_of_deep_models_hold_their_sentence():
    layers = ["embed", *(f"T{place}" for place in range(1, 25))]
    falling = dict(zip(layers, np.linspace(1.4, 0.1, 25)))
    (page,) = draw(lens_table(direct=falling, affine={"input": 1.0} | falling))
    assert page.get_size_inches()[1] * 25.4 <= 240


def test_the_finding_is_the_same_from_a_file(tmp_path):
    write_table(lens_table(), tmp_path / "lens.csv")
    table = read_table(tmp_path / "lens.csv")
    assert finding(table) == finding(lens_table())
    assert title_of(table) == title_of(lens_table())
    assert len(draw(table)) == 1


def test_drawn_twice_it_has_the_same_bytes(tmp_path):
    write_table(lens_table(), tmp_path / "lens.csv")
    stems = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        stems.append(run_script("lens", folder, {"title": "T"}, {"table": str(tmp_path / "lens.csv")}))
    for ending in ("pdf", "svg", "png", "csv", "json", "rst"):
        assert digest(f"{stems[0]}.{ending}") == digest(f"{stems[1]}.{ending}"), ending


def test_the_caption_takes_its_numbers_from_the_study():
    figure = {"name": "lens", "title": "T", "models": ["hubert-english"], "analysis": {"n_resamples": 1234}}
    caption = caption_of("lens", {"figure": figure, "study": STUDY, "models": MODELS})
    assert "1,234 resamplings" in caption
    assert "problematic" not in caption
