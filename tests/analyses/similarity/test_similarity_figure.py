"""The similarity figure, drawn from planted tables: panels, controls, note, finding and caption."""

from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from figure_cases import LAYERS, MODELS, STUDY, caption_of, context_of, draw_styled, drawn, note_of, run_script

from auscult.analyses.similarity import figure as similarity, headline
from auscult.analyses.similarity.analysis import SIMILARITY_COLUMNS
from auscult.errors import AnalysisError
from auscult.figures import plotting
from auscult.figures.legibility import SLIDE_MM, faults
from auscult.figures.slide import slide_style
from auscult.manifests import digest
from auscult.tables import read_table, write_table

RUNS = [("hubert-english", "0"), ("hubert-english", "1500"), ("w2v2-english", "0"), ("w2v2-english", "1500")]
REFERENCES = {"mel": 0.75, "phone": 0.35, "articulatory": 0.5, "word": 0.2, "lexical": 0.15}
RSA = {
    "distance": "crossvalidated",
    "correlation": "spearman",
    "n_conditions": 39,
    "ceiling_low": 0.82,
    "ceiling_high": 0.88,
    "resampling_unit": "speaker and condition",
}
SHOWN = ["hubert-english", "w2v2-english", "mel", "mfcc"]


def make_row(model, step, layer, target, metric, value, width=0.03, n_groups=16, **more):
    width = width if n_groups >= 6 else np.nan
    row = {
        "corpus": "english",
        "model": model,
        "step": step,
        "layer": layer,
        "target": target,
        "metric": metric,
        "value": value,
        "ci_low": value - width,
        "ci_high": value + width,
        "n": 3000,
        "n_groups": n_groups,
        "reference": "" if target in ("layers", "models") else "activations" if target == "mel" else "identity",
        "resampling_unit": "speaker",
    }
    return row | more


def matrix_rows(layers, one, other, target, **more):
    random = np.random.default_rng(1)
    for (i, a), (j, b) in product(enumerate(layers), repeat=2):
        if target == "models" or i <= j:
            alike = np.exp(-abs(i - j) / (2 if one[1] != "0" else 6)) * (1 if target == "layers" else 0.7)
            about = {"other_model": other[0], "other_step": other[1], "other_layer": b}
            value = alike * random.uniform(0.95, 1) if i != j or target == "models" else 1
            yield make_row(*one, a, target, "cka", value, 0.01, **about, **more)


def reference_rows(run, layers, references=tuple(REFERENCES), **more):
    random, depth = np.random.default_rng(len(run[0])), np.linspace(0, 1, len(layers))
    for target, top in ((name, REFERENCES[name]) for name in references):
        shape = 1 - 0.7 * depth if target == "mel" else 0.3 + 0.7 * np.sin(3 * depth * 0.9)
        shape = shape if run[1] != "0" else np.full(len(layers), 0.35)
        for metric in ("cka", "rsa", "pwcca"):
            rsa = RSA if metric == "rsa" else {}
            if target in ("phone", "word") and metric == "rsa":
                continue
            curve = (
                top
                * shape
                * random.uniform(0.7, 1)
                * (1.25 if metric == "pwcca" else 1)
                * random.uniform(0.95, 1, len(layers))
            )
            for layer, value in zip(layers, curve):
                yield make_row(*run, layer, target, metric, value, chance=random.normal(0, 0.01), **rsa, **more)


def similarity_table(layers=LAYERS, runs=RUNS, references=tuple(REFERENCES), **more):
    rows = [row for run in runs for row in matrix_rows(layers, run, run, "layers", **more)]
    rows += [row for run in runs for row in reference_rows(run, layers, references, **more)]
    for run in (("mel", "final"), ("mfcc", "final")):
        rows += reference_rows(run, ("input",), references, **more)
    trained = [run for run in runs if run[1] != "0"]
    for model, step in trained:
        rows += matrix_rows(layers, (model, step), (model, "0"), "models", **more)
    for one, other in combinations(trained, 2):
        rows += matrix_rows(layers, one, other, "models", **more)
    return pd.DataFrame(rows).reindex(columns=SIMILARITY_COLUMNS)


def draw(table, shown=SHOWN):
    return draw_styled(similarity, context_of("similarity", shown=shown), table=table)


def finding(table, shown=SHOWN):
    return similarity.describe_finding(table, context=context_of("similarity", shown=shown))


@pytest.fixture(scope="module")
def full():
    return draw(similarity_table())


@pytest.fixture(scope="module")
def words(full):
    return drawn(full)


def test_layers_are_compared_trained_and_untrained_and_between_two_models(words):
    assert {"Between layers, trained", "Between layers, untrained", "Between two models"} <= set(words)
    assert words.count("english · n = 3,000, 16 speakers") == 3
    assert words.count("95 % interval: ± 0.01 at most") == 3
    assert "linear CKA" in words


def test_every_reference_metric_and_control_is_named(words, full):
    assert all(f"vs. {name}" in words for name in REFERENCES)
    chance = "chance: shuffled items, in the model's colour"
    assert all(name in words for name in ("CKA", "RSA", "PWCCA,", "log-mel", "MFCC", chance))
    note = note_of(full)
    assert note.startswith("Study “default”, synthesised speech (english).")
    assert "(39 labels)" in note
    assert all(len(note_of(page).split()) <= 60 for page in full)


def test_rsa_with_one_hot_labels_is_marked_as_undefined(words):
    assert words.count("undefined: equal") == 2


def test_chance_is_drawn_for_each_model():
    table = similarity_table(runs=RUNS[:2], references=["articulatory"])
    for place, step in enumerate(("0", "1500", "final")):
        table.loc[table["step"] == step, "chance"] = 0.01 * (place + 1)
    figure = draw(table, ["hubert-english", "mel"])
    dotted = [line for page in figure for axes in page.axes for line in axes.lines if line.get_linestyle() == ":"]
    levels = {round(float(line.get_ydata()[0]), 2): line.get_color() for line in dotted}
    assert set(levels) == {0.01, 0.02, 0.03}
    assert len(set(levels.values())) == 3


def test_rsa_of_raw_vectors_is_not_drawn():
    table = similarity_table(runs=RUNS[:2], references=["articulatory"])
    rsa = table[table["metric"] == "rsa"]
    raw = rsa.assign(distance="raw_cosine", value=-0.15)
    figure = draw(pd.concat([table, raw]), ["hubert-english", "mel"])
    curves = [
        line
        for page in figure
        for axes in page.axes
        for line in axes.lines
        if line.get_marker() not in ("", "None", None)
    ]
    assert curves
    assert not any(np.isclose(line.get_ydata(), -0.15).any() for line in curves)


def test_groups_of_speakers_are_not_called_speakers():
    table = similarity_table(runs=RUNS[:2], references=["mel"]).assign(resampling_unit="speaker group", n_groups=40)
    found = drawn(draw(table, ["hubert-english", "mel"]))
    assert found.count("english · n = 3,000, 40 speaker groups") == 3
    assert not any(text.endswith("40 speakers") for text in found)


def test_empty_panels_give_the_reason():
    table = similarity_table(runs=RUNS[:2], references=["mel", "phone"])
    table = table[~((table["target"] == "mel") & table["metric"].isin(["pwcca", "cka"]))]
    found = drawn(draw(table, ["hubert-english", "mel"]))
    assert {"left out: property of", "undefined: speakers"} <= set(found)


def test_a_single_model_is_compared_with_its_untrained_control():
    table = similarity_table(runs=RUNS[:2], references=["mel"])
    assert "Trained vs. untrained" in drawn(draw(table, ["hubert-english", "mel"]))


def test_too_few_speakers_have_no_interval():
    found = drawn(draw(similarity_table(references=["mel"], n_groups=4)))
    assert found.count("no interval: 4 speakers") == 3


def test_a_table_can_be_drawn_without_context():
    figure = similarity.draw(similarity_table(references=["mel"]))
    assert "hubert-english, untrained" in drawn(figure)


def test_the_rows_beside_the_figure_are_those_of_its_models():
    table = similarity_table(references=["mel"])
    rows = similarity.drawn_rows(table, context=context_of("similarity", shown=["mel", "hubert-english"]))
    assert list(dict.fromkeys(rows["model"])) == ["mel", "hubert-english"]
    assert similarity.drawn_rows(table).equals(table)


def test_a_model_without_rows_is_refused():
    with pytest.raises(AnalysisError, match="expected model 'absent' in the table of similarity, found"):
        draw(similarity_table(references=["mel"]), ["absent"])


def test_drawn_twice_it_has_the_same_bytes(tmp_path):
    write_table(similarity_table(references=["mel"]), tmp_path / "similarity.csv")
    stems = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        figure, inputs = {"title": "Similarity", "models": SHOWN}, {"table": str(tmp_path / "similarity.csv")}
        stems.append(run_script("similarity", folder, figure, inputs))
    for ending in ("pdf", "svg", "png", "csv", "json", "rst"):
        assert digest(f"{stems[0]}.{ending}") == digest(f"{stems[1]}.{ending}"), ending


@pytest.mark.parametrize("layers", [LAYERS, ("cnn", "embed", *(f"T{i}" for i in range(1, 13)))])
def test_no_text_lies_over_text(misplaced, layers):
    plotting.save_pages(draw(similarity_table(layers=layers)), "unused")
    assert misplaced == []


def planted(trained, untrained, width=0.02, n_groups=16):
    """Return comparisons of two layers with phone identity, the higher one at T2."""
    rows = []
    for step, value in (("1500", trained), ("0", untrained)):
        for layer, factor in (("T1", 0.5), ("T2", 1)):
            for target in ("mel", "phone"):
                more = {"chance": 0.01, "n_groups": n_groups}
                rows.append(make_row("hubert-english", step, layer, target, "cka", factor * value, width, **more))
    return pd.DataFrame(rows).reindex(columns=SIMILARITY_COLUMNS)


def slide_of(table, shown=SHOWN):
    with slide_style():
        return headline.draw(table, context=context_of("similarity", shown=shown))


def title_of(table, shown=()):
    return headline.describe_headline(table, context=context_of("similarity", shown=shown))


def test_matrices_and_references_have_pages_of_their_own(full):
    assert len(full) == 2
    assert [axes.get_title(loc="left") for axes in full[0].axes][:3] == [
        "Between layers, trained",
        "Between layers, untrained",
        "Between two models",
    ]
    assert full[1].axes[0].get_title(loc="left") == "vs. mel"


def test_the_slide_has_both_squares_and_references_labelled_directly():
    slide = slide_of(similarity_table())
    words = drawn(slide)
    assert [axes.get_title(loc="left") for axes in slide.axes][:2] == ["Trained", "Untrained"]
    assert {"mel", "phone", "word", "untrained", "chance"} <= set(words)
    assert "lexical" not in words
    assert "n = 3,000, 16 speakers; 95 % interval over speakers." in note_of(slide)


@pytest.mark.parametrize("layers", [LAYERS, ("cnn", "embed", *(f"T{i}" for i in range(1, 25)))])
def test_the_slide_is_legible_and_its_title_is_the_finding(layers):
    table = similarity_table(layers=layers)
    slide = slide_of(table)
    assert faults(slide, SLIDE_MM) == []
    assert " ".join(slide.texts[0].get_text().split()) == title_of(table, SHOWN)


@pytest.mark.parametrize(("untrained", "verdict"), [(0.1, "above"), (0.41, "not separated from"), (0.6, "below")])
def test_the_headline_compares_with_the_same_layer_untrained(untrained, verdict):
    assert title_of(planted(0.4, untrained)) == (
        f"HuBERT (English), by CKA: T2 is most like mel (.40), T2 like phone (.40); all {verdict} untrained"
    )


def test_the_headline_names_references_where_verdicts_differ():
    table = planted(0.4, 0.1)
    untrained = (table["target"] == "phone") & (table["step"] == "0")
    table.loc[untrained, ["value", "ci_low", "ci_high"]] += 0.4
    assert title_of(table).endswith("; mel above untrained, phone below untrained")


def test_the_slide_without_an_untrained_model_compares_with_chance():
    table = planted(0.4, 0.1)
    table = table[table["step"] == "1500"]
    assert title_of(table).endswith("T2 like phone (.40); all above chance")
    assert faults(slide_of(table, ()), SLIDE_MM) == []
    assert "against" in title_of(planted(0.4, 0.1, n_groups=4))


def test_the_slide_can_show_matrices_alone():
    table = similarity_table().query("target == 'layers'")
    assert title_of(table).endswith("CKA of its layers with each other")
    assert faults(slide_of(table, ()), SLIDE_MM) == []


def test_the_finding_compares_the_most_similar_layer_with_the_same_layer_untrained():
    expected = "The highest CKA of HuBERT (English) with phone (layer T2) is .40 [.38, .42], above untrained (.10)."
    assert finding(planted(0.4, 0.1), ()) == expected
    assert len(expected.split()) <= 22


def test_the_finding_states_where_training_has_no_effect():
    assert finding(planted(0.4, 0.41), ()).endswith("is .40 [.38, .42], not separated from untrained (.41).")
    assert finding(planted(0.4, 0.6), ()).endswith("is .40 [.38, .42], below untrained (.60).")


def test_the_finding_judges_nothing_without_intervals():
    found = finding(planted(0.4, 0.1, n_groups=4), ())
    assert "against untrained (.10)" in found
    assert "[" not in found


def test_without_an_untrained_model_the_finding_compares_with_chance():
    table = planted(0.4, 0.1)
    assert finding(table[table["step"] == "1500"], ()).endswith("above chance (.01).")


def test_without_rows_there_is_no_finding():
    table = planted(0.4, 0.1)
    assert finding(table[table["step"] == "0"], ()) == ""
    assert finding(similarity_table(references=["mel"]).query("target == 'layers'"), ["hubert-english"]) == ""


def test_the_finding_is_the_same_from_a_file(tmp_path):
    write_table(similarity_table(), tmp_path / "similarity.csv")
    assert finding(read_table(tmp_path / "similarity.csv")) == finding(similarity_table())


def test_the_caption_takes_its_numbers_from_the_study():
    analysis = {"n_items": 3000, "references": REFERENCES, "measures": {"n_resamples": 1234, "metrics": ["rsa"]}}
    figure = {"name": "similarity", "title": "T", "models": SHOWN, "analysis": analysis}
    caption = caption_of("similarity", {"figure": figure, "study": STUDY, "models": MODELS})
    assert "1,234 resamplings" in caption
    assert "lexical" in caption
    assert "PWCCA" not in caption
    assert "problematic" not in caption
    assert "Seen." in caption
