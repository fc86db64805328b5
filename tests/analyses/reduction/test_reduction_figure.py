"""The reduction figure, drawn from planted tables: maps, quality, note, finding and caption."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from figure_cases import caption_of, context_of, draw_styled, drawn, note_of, run_script

from auscult.analyses.reduction import figure as reduction, headline
from auscult.errors import AnalysisError
from auscult.figures import plotting
from auscult.figures.legibility import SLIDE_MM, faults
from auscult.figures.slide import slide_style
from auscult.tables import RESULT_COLUMNS, write_table

MODELS = {
    "hubert-english": {"label": "HuBERT (English)", "source": "trained"},
    "mel": {"label": "log-mel", "source": "acoustic"},
}
MAPPED = [("hubert-english", "0", "T3"), ("hubert-english", "1500", "T3"), ("mel", "final", "input")]
METHODS = ("pca", "lda", "mds", "umap", "tsne")
FACTORS = ("phone_class", "speaker", "gender", "language")
CLASSES = ("vowel", "stop", "fricative", "nasal", "approximant", "affricate")
ANALYSIS = {
    "layers": ["T3"],
    "factors": list(FACTORS),
    "methods": list(METHODS),
    "tier": "phone",
    "supervised_by": "phone_class",
    "n_neighbours": 15,
    "n_resamples": 1234,
    "n_seeds": 3,
}
STUDY = {"name": "default", "title": "", "seed": 1, "sources": {"english": "synthetic"}, "left_out": {}}
CONTEXT = context_of("reduction", MODELS, list(MODELS), ANALYSIS, STUDY)


def coordinates_table(corpora=("english",), n_items=300):
    random, tables = np.random.default_rng(2), []
    for corpus, (model, step, layer), method in ((c, m, k) for c in corpora for m in MAPPED for k in METHODS):
        labels = random.choice(CLASSES, 2 * n_items)
        centres = dict(zip(CLASSES, random.normal(0, 1 if step == "0" else 2.5, (len(CLASSES), 2))))
        points = np.array([centres[label] for label in labels]) + random.normal(size=(2 * n_items, 2))
        names = {"corpus": corpus, "model": model, "step": step, "layer": layer, "method": method}
        part = np.where(np.arange(2 * n_items) % 2, "held-out", "fit")
        table = pd.DataFrame({"x": points[:, 0], "y": points[:, 1], "phone_class": labels, "part": part})
        tables.append(table.assign(**names))
    return pd.concat(tables, ignore_index=True)


def quality_table(corpora=("english",), stability=True, n_groups=8):
    random, rows = np.random.default_rng(3), []
    for corpus, run, method in ((c, r, k) for c in corpora for r in MAPPED for k in ("none", *METHODS)):
        measured = [("silhouette", factor, random.uniform(-0.2, 0.4), -0.02) for factor in FACTORS]
        if method != "none":
            measured.append(("trustworthiness", "neighbourhood", random.uniform(0.75, 0.95), 0.5))
        if method != "none" and stability:
            measured.append(("stability", "neighbourhood", random.uniform(0.3, 0.7), 0.01))
            measured.append(("stability", "shape", random.uniform(0.7, 1), 0.0))
        for metric, target, value, chance in measured:
            width = 0.03 if n_groups >= 6 else np.nan
            row = [corpus, *run, target, metric, value, value - width, value + width, 750, n_groups]
            more = {"method": method, "resampling_unit": "speaker", "chance": chance}
            rows.append(dict(zip(RESULT_COLUMNS, row)) | more | {"n_seeds": 3 if metric == "stability" else 1})
    return pd.DataFrame(rows)


def draw(quality=None, coordinates=None, context=CONTEXT):
    quality = quality_table() if quality is None else quality
    coordinates = coordinates_table() if coordinates is None else coordinates
    return draw_styled(reduction, context, table=quality, coordinates=coordinates)


@pytest.fixture(scope="module")
def figure():
    return draw()


@pytest.fixture(scope="module")
def shown(figure):
    return drawn(figure)


def test_maps_have_their_method_model_layer_and_number_of_held_out_items(shown):
    assert {"PCA", "LDA (supervised)", "MDS", "UMAP", "t-SNE"} <= set(shown)
    assert "english, T3, n = 300" in shown
    assert "english, input, n = 300" in " ".join(shown)


def test_every_factor_and_measure_has_a_panel(shown):
    assert {"phone class", "speaker", "gender", "language", "neighbours", "shape"} <= set(shown)
    assert {"silhouette", "trustworthiness", "stability (Jaccard)", "stability (Procrustes)"} <= set(shown)
    assert "original space" in shown
    assert "permuted items" in shown


def test_the_note_has_items_intervals_and_the_maps_compared(figure):
    note = note_of(figure)
    assert "Each point is a held-out segment, coloured by phone class" in note
    assert "n = 750 segments of 8 speakers, 95 % interval over speakers" in note
    assert "t-SNE is fitted to the segments shown." in note
    assert "Stability compares 3 maps that differ in seed and items." in note
    assert all(len(note_of(page).split()) <= 60 for page in figure)


def test_without_stability_nothing_is_said_of_it():
    text = " ".join(drawn(draw(quality_table(stability=False))))
    assert "tability" not in text
    assert "shape" not in text


def test_few_speakers_have_no_intervals_and_the_note_says_so():
    assert "n = 750 segments, no interval: 4 speakers." in note_of(draw(quality_table(n_groups=4)))


def test_the_rows_beside_the_figure_are_those_of_its_layer_and_models():
    other = quality_table().assign(layer="T2")
    rows = reduction.drawn_rows(pd.concat([quality_table(), other]), coordinates_table(), context=CONTEXT)
    assert set(rows["layer"]) == {"T3", "input"}
    assert (rows["metric"] == "stability").sum() == len(MAPPED) * len(METHODS) * 2


def test_files_name_both_tables(tmp_path):
    write_table(quality_table(), tmp_path / "reduction.csv")
    write_table(coordinates_table(n_items=50), tmp_path / "coordinates.parquet")
    inputs = {"table": str(tmp_path / "reduction.csv"), "coordinates": str(tmp_path / "coordinates.parquet")}
    entry = {"title": "Maps", "models": list(MODELS), "analysis": ANALYSIS}
    stem = run_script("reduction", tmp_path, entry, inputs, study=STUDY, models=MODELS)
    assert set(json.loads(Path(f"{stem}.json").read_text())["tables"]) == {"reduction.csv", "coordinates.parquet"}
    assert len(pd.read_csv(f"{stem}.csv")) == len(quality_table())


def test_tables_can_be_drawn_without_context():
    figure = reduction.draw(quality_table(), coordinates_table(n_items=50))
    assert "hubert-english" in drawn(figure)
    assert reduction.describe_finding(quality_table(), coordinates_table()).startswith("Phone class silhouette in T3")


@pytest.mark.parametrize("corpora", [("english",), ("english", "multilingual")])
def test_no_text_lies_over_text(misplaced, corpora):
    plotting.save_pages(draw(quality_table(corpora), coordinates_table(corpora)), "unused")
    assert misplaced == []


def test_without_a_factor_to_colour_by_nothing_is_drawn():
    expected = "found none of phone_class, speaker, gender, language in the collected coordinates; name another factor"
    with pytest.raises(AnalysisError, match=expected):
        draw(coordinates=coordinates_table().drop(columns="phone_class"))


def planted(trained, untrained, width=0.03):
    """Return quality with these silhouettes of phone class in the original space."""
    table = quality_table()
    for step, value in (("1500", trained), ("0", untrained)):
        rows = (table["step"] == step) & (table["method"] == "none") & (table["target"] == "phone_class")
        table.loc[rows, ["value", "ci_low", "ci_high"]] = [value, value - width, value + width]
    return table


def finding(table, context=CONTEXT):
    return reduction.describe_finding(table, coordinates_table(n_items=20), context=context)


def factored(n_items=100):
    """Return places of items that also have a speaker and a language."""
    table, random = coordinates_table(n_items=n_items), np.random.default_rng(4)
    table["speaker"] = random.choice([f"s{i}" for i in range(12)], len(table))
    return table.assign(language=random.choice(["dutch", "english"], len(table)))


def slide_of(quality, coordinates, context=CONTEXT):
    with slide_style():
        return headline.draw(quality, coordinates, context=context)


def title_of(quality, coordinates, context=CONTEXT):
    return headline.describe_headline(quality, coordinates, context=context)


def test_maps_and_quality_have_pages_of_their_own(figure):
    assert len(figure) == 2
    assert figure[0].axes[0].get_title(loc="center") == "PCA"
    assert figure[1].axes[0].get_title(loc="left") == "phone class"


def test_the_slide_colours_the_same_maps_by_several_factors():
    slide = slide_of(quality_table(), factored())
    titles = [axes.get_title(loc="center") for axes in slide.axes][:4]
    assert titles == ["PCA", "LDA by phone class", "UMAP", "UMAP, untrained"]
    words = drawn(slide)
    assert {"by phone", "by speaker", "by language", "vowel", "12 speakers", "dutch"} <= set(words)
    assert sum(word.startswith("silhouette ") for word in words) == 12
    assert "HuBERT (English), layer T3, english: 100 segments of speakers" in note_of(slide)


@pytest.mark.parametrize("coordinates", [factored(), coordinates_table(n_items=50)])
@pytest.mark.parametrize("n_groups", [8, 4])
def test_the_slide_is_legible_and_its_title_is_the_finding(coordinates, n_groups):
    table = quality_table(n_groups=n_groups)
    slide = slide_of(table, coordinates)
    assert faults(slide, SLIDE_MM) == []
    assert " ".join(slide.texts[0].get_text().split()) == title_of(table, coordinates)


@pytest.mark.parametrize(
    ("values", "end"),
    [
        ((0.3, 0.1), "itself .30, above untrained (.10)"),
        ((0.1, 0.1), "itself .10, not separated from untrained (.10)"),
        ((0.1, 0.3), "itself .10, below untrained (.30)"),
        ((0.3, 0.1, np.nan), "itself .30, against untrained (.10) and permuted (−.02)"),
    ],
)
def test_the_headline_compares_the_layer_with_its_controls(values, end):
    title = title_of(planted(*values), factored())
    assert title.startswith("Phone class on maps: silhouette ")
    assert title.endswith(end)


def test_a_slide_can_be_drawn_of_a_baseline_alone_and_without_context():
    context = context_of("reduction", MODELS, ["mel"], ANALYSIS, STUDY)
    assert faults(slide_of(quality_table(), factored(), context), SLIDE_MM) == []
    assert "untrained" not in title_of(quality_table(), factored(), context)
    assert "by speaker" in drawn(headline.draw(quality_table(), factored()))


def test_the_finding_is_a_silhouette_above_its_controls():
    expected = (
        "Phone class silhouette in T3 of HuBERT (English) is .30 [.27, .33], above untrained (.10) and chance (−.02)."
    )
    assert finding(planted(0.3, 0.1)) == expected


def test_the_finding_says_where_there_is_no_effect():
    assert finding(planted(0.0, 0.01)).endswith("not separated from untrained (.01) and chance (−.02).")


def test_the_finding_judges_nothing_without_intervals():
    expected = "is .30 without interval, against untrained (.10) and chance (−.02)."
    assert finding(planted(0.3, 0.1, np.nan)).endswith(expected)


def test_there_is_no_finding_without_silhouettes_or_trained_models():
    table = planted(0.3, 0.1)
    assert finding(table[table["method"] != "none"]) == ""
    assert finding(table[table["model"] == "mel"], context_of("reduction", MODELS, ["mel"], ANALYSIS)) == ""


def test_the_finding_has_at_most_22_words():
    models = {**MODELS, "hubert-english": {"label": "wav2vec 2.0 (non-speech)", "source": "trained"}}
    context = context_of("reduction", models, list(models), ANALYSIS)
    assert len(finding(planted(0.04, 0.1), context).split()) <= 22
    assert len(finding(planted(0.04, 0.1, np.nan), context).split()) <= 22


def test_the_caption_takes_its_numbers_from_the_study():
    entry = {"name": "reduction", "title": "T", "models": list(MODELS), "analysis": ANALYSIS}
    caption = caption_of("reduction", {"figure": entry, "study": STUDY, "models": MODELS})
    assert "1,234 resamplings of held-out speakers" in caption
    assert "stability over 3 maps" in caption
    assert "LDA is supervised by phone class" in caption
    assert "t-SNE is fitted to the points shown" in caption
    assert "problematic" not in caption


def test_the_caption_leaves_out_methods_that_are_not_drawn():
    entry = {"name": "reduction", "title": "T", "analysis": ANALYSIS | {"methods": ["pca"], "n_seeds": 1}}
    caption = caption_of("reduction", {"figure": entry})
    assert not any(word in caption for word in ("LDA", "t-SNE", "stability"))
