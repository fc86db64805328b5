"""The ABX figure, drawn from planted tables: panels, note, finding and caption."""

import numpy as np
import pandas as pd
import pytest
from figure_cases import (
    LAYERS,
    LEVEL,
    MODELS,
    RUNS,
    STUDY,
    caption_of,
    context_of,
    draw_styled,
    drawn,
    note_of,
    probing_table,
    run_script,
)
from places import REFERENCE

from auscult.analyses.abx import figure as abx, headline
from auscult.analyses.abx.agreement import rank_agreement
from auscult.analyses.abx.analysis import ABX_COLUMNS
from auscult.errors import AnalysisError
from auscult.figures import plotting
from auscult.figures.legibility import SLIDE_MM, faults
from auscult.figures.slide import slide_style
from auscult.manifests import digest
from auscult.tables import read_table, write_table

PUBLISHED = REFERENCE / "de_heer_kloots_2025.csv"
CONDITIONS = (("in", "within"), ("in", "across"), ("any", "within"), ("any", "across"))


def abx_table(targets=("phone",), layers=LAYERS, n_groups=16):
    """Return ABX rows whose middle layers are best, as with the probe, but not in the same order."""
    random, rows = np.random.default_rng(2), []
    for target in targets:
        for context, speaker in CONDITIONS:
            for model, step in RUNS:
                names = layers if MODELS[model]["source"] == "trained" else ("input",)
                top = 0.5 + 0.45 * LEVEL[model] * (1 if step != "0" else 0.5) - 0.04 * (speaker == "across")
                shape = np.sin(np.linspace(0.9, 2.8, len(names))) ** 0.3 if len(names) > 1 else np.ones(1)
                for name, value in zip(names, top * shape + random.normal(0, 0.006, len(names))):
                    rows.append(row(target, context, speaker, model, step, name, value, n_groups))
    return pd.DataFrame(rows)[list(ABX_COLUMNS)]


def row(target, context, speaker, model, step, layer, value, n_groups):
    width = 0.015 if n_groups >= 6 else np.nan
    return {
        "corpus": "english",
        "model": model,
        "step": step,
        "layer": layer,
        "target": target,
        "metric": "abx_accuracy",
        "value": value,
        "ci_low": value - width,
        "ci_high": value + width,
        "n": 8134,
        "n_groups": n_groups,
        "tier": "phone",
        "context": context,
        "speaker": speaker,
        "distance": "cosine",
        "chance": 0.5,
        "resampling_unit": "speaker",
        "n_contrasts": 1120,
        "n_cells": 20000,
        "n_possible_cells": 53211,
        "n_triples": 913321,
    }


def tables_of(table, probing=None):
    if probing is None:
        probing = probing_table([("english", target) for target in table["target"].unique()])
    agreement = rank_agreement(table, probing)
    return {"table": table, "probing": probing, "agreement": agreement, "published": read_table(PUBLISHED)}


def draw(table, probing=None, shown=()):
    return draw_styled(abx, context_of("abx", shown=shown), **tables_of(table, probing))


def finding(table, probing=None):
    return abx.describe_finding(**tables_of(table, probing), context=context_of("abx"))


@pytest.fixture(scope="module")
def full():
    return draw(abx_table())


@pytest.fixture(scope="module")
def words(full):
    return drawn(full)


def test_every_panel_states_counts_speakers_and_the_resampling_unit(words):
    assert {"ABX within speaker", "ABX across speakers"} <= set(words)
    assert words.count("cosine · 1,120 contrasts, 20,000 cells") == 2
    assert words.count("n = 8,134, 16 speakers") == 2
    assert "n = 12,480, 16 speakers" in words
    assert words.count("95 % interval over speakers") == 3


def test_every_model_condition_and_number_ranked_is_named(words, full):
    for name in ("HuBERT (English)", "HuBERT (English), untrained", "log-mel", "chance", "over models"):
        assert name in words
    assert "ρ: in context, within speaker" in words
    assert "n = 8" in words
    assert any(text.startswith("n = 6 · T") for text in words)
    assert all(len(note_of(page).split()) <= 60 for page in full)


def test_published_values_have_panels_of_their_own(words):
    assert {"Published: ABX", "Published: probe", "Published: probe vs. ABX"} <= set(words)
    assert "read by eye off slides," in words
    assert "published: Dutch" in words


def test_few_speakers_have_no_interval():
    words = drawn(draw(abx_table(n_groups=3)))
    assert words.count("n = 8,134, 3 speakers") == words.count("no interval: 3 speakers") == 2


def test_a_target_that_was_not_probed_is_named_as_such():
    words = drawn(draw(abx_table(), probing_table([("english", "speaker")])))
    assert "not probed for this target" in words
    assert "Rank correlation" not in words


@pytest.fixture
def with_item_file():
    """Return ABX rows of a probed target and of an item file, and the probe's."""
    table = abx_table(("phone", "triphone"))
    table.loc[table["target"] == "triphone", "distance"] = "angular, dtw"
    return table, probing_table([("english", "phone")])


def test_item_files_that_were_not_probed_are_drawn_beside_a_target_that_was(with_item_file):
    words = drawn(draw(*with_item_file))
    assert {"angular, dtw", "1,120 contrasts, 20,000 cells"} <= set(words)
    assert "not probed for this target" in words


def test_panels_of_item_files_lay_no_text_over_text(misplaced, with_item_file):
    plotting.save_pages(draw(*with_item_file), "unused")
    assert misplaced == []


def test_scores_alone_can_be_drawn_without_context():
    words = drawn(abx.draw(abx_table()))
    assert "hubert-english" in words
    assert "not probed for this target" in words
    assert "Published: ABX" not in words


def test_agreement_is_computed_where_it_is_not_given():
    tables = tables_of(abx_table())
    del tables["agreement"]
    assert "over models" in drawn(abx.draw(**tables))


def test_the_rows_beside_the_figure_are_the_scores_of_its_models():
    table = abx_table()
    rows = abx.drawn_rows(**tables_of(table), context=context_of("abx", shown=["mel", "hubert-english"]))
    assert list(dict.fromkeys(rows["model"])) == ["mel", "hubert-english"]
    assert abx.drawn_rows(table).equals(table)


def test_a_model_without_rows_is_refused():
    with pytest.raises(AnalysisError, match="expected model 'absent' in the table of abx, found"):
        draw(abx_table(), shown=["absent"])


def test_drawn_twice_it_has_the_same_bytes(tmp_path):
    inputs = {}
    for name, table in tables_of(abx_table()).items():
        inputs[name] = str(tmp_path / f"{name}.csv")
        write_table(table, inputs[name])
    stems = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        stems.append(run_script("abx", folder, {"title": "ABX"}, inputs))
    for ending in ("pdf", "svg", "png", "csv", "json", "rst"):
        assert digest(f"{stems[0]}.{ending}") == digest(f"{stems[1]}.{ending}"), ending


@pytest.mark.parametrize("targets", [("phone",), ("phone", "gender")])
@pytest.mark.parametrize("layers", [LAYERS, ("cnn", "embed", *(f"T{i}" for i in range(1, 25)))])
def test_no_text_lies_over_text(misplaced, targets, layers):
    probing = probing_table([("english", target) for target in targets], layers=layers)
    plotting.save_pages(draw(abx_table(targets, layers), probing), "unused")
    assert misplaced == []


def slide_of(tables, shown=()):
    with slide_style():
        return headline.draw(**tables, context=context_of("abx", shown=shown))


def title_of(tables):
    return headline.describe_headline(**tables, context=context_of("abx"))


def test_every_target_has_a_page_and_published_values_have_the_last():
    pages = draw(abx_table(("phone", "gender")))
    titles = [axes.get_title(loc="left") for page in pages for axes in page.axes]
    assert len(pages) == 3
    assert titles.count("ABX within speaker") == titles.count("Linear probe") == 2
    assert pages[-1].axes[0].get_title(loc="left") == "Published: ABX"


def test_the_slide_has_both_measures_of_the_same_models_and_published_curves():
    slide = slide_of(tables_of(abx_table()))
    words = drawn(slide)
    assert [axes.get_title(loc="left") for axes in slide.axes] == ["Probe, trained on labels", "ABX, nothing trained"]
    assert words.count("HuBERT") == words.count("wav2vec 2.0") == words.count("chance") == words.count("published") == 2
    assert "ABX across speakers: n = 8,134, 16 speakers, 95 % interval over speakers." in note_of(slide)
    assert "Rank correlation over 8 models: " in note_of(slide)


@pytest.mark.parametrize("layers", [LAYERS, ("cnn", "embed", *(f"T{i}" for i in range(1, 25)))])
def test_the_slide_is_legible_and_its_title_is_the_finding(layers):
    tables = tables_of(abx_table(layers=layers), probing_table([("english", "phone")], layers=layers))
    slide = slide_of(tables)
    assert faults(slide, SLIDE_MM) == []
    assert " ".join(slide.texts[0].get_text().split()) == title_of(tables)


def test_without_a_probe_the_slide_shows_abx_alone():
    table = abx_table()
    slide = slide_of({"table": table})
    assert [axes.get_title(loc="left") for axes in slide.axes] == ["ABX, nothing trained"]
    assert faults(slide, SLIDE_MM) == []
    assert "published" not in drawn(slide)
    assert "by probe" not in headline.describe_headline(table)


VALUES = {("hubert-english", "1500"): 0.9, ("hubert-english", "0"): 0.6, ("mel", "final"): 0.8, ("time", "final"): 0.5}


def planted(values=VALUES, width=0.02, n_groups=16):
    """Return scores that differ between models, not between layers; within speaker they are higher."""
    rows = [
        row("phone", "in", speaker, model, step, layer, value + 0.05 * (speaker == "within"), n_groups)
        for (model, step), value in values.items()
        for layer in (LAYERS if MODELS[model]["source"] == "trained" else ("input",))
        for speaker in ("within", "across")
    ]
    table = pd.DataFrame(rows)[list(ABX_COLUMNS)]
    return table.assign(ci_low=table["value"] - width, ci_high=table["value"] + width)


def test_the_finding_compares_with_the_untrained_model_and_the_best_baseline():
    chosen = probing_table([("english", "phone")]).query(
        "model == 'hubert-english' and step == '1500' and layer == 'selected' and labels == 'true'"
    )["selected_layer"]
    expected = (
        f"Across-speaker phone ABX of HuBERT (English) at layer {chosen.item()} is .90 [.88, .92], above untrained "
        "(.60) and log-mel (.80)."
    )
    assert finding(planted()) == expected
    assert len(expected.split()) <= 22


@pytest.mark.parametrize(
    ("value", "end"),
    [
        (0.9, "and .90 by ABX; both above untrained"),
        (0.61, "and .61 by ABX; above untrained by probe, not separated by ABX"),
        (0.55, "and .55 by ABX; above untrained by probe, below by ABX"),
    ],
)
def test_the_headline_compares_with_the_untrained_model(value, end):
    tables = tables_of(planted(VALUES | {("hubert-english", "1500"): value}))
    assert title_of(tables).startswith("Phone on english, English model: .")
    assert title_of(tables).endswith(end)


def test_the_headline_names_models_by_what_both_measures_say():
    third = planted({("hubert-english", "1500"): 0.5}).assign(model="third")
    table = pd.concat([planted(), planted({("w2v2-english", "1500"): 0.88}), third])
    probing = probing_table([("english", "phone")])
    third = probing[probing["model"] == "w2v2-english"].assign(model="third")
    title = title_of(tables_of(table, pd.concat([probing, third])))
    assert title.endswith("; both above third and untrained, above wav2vec 2.0 by probe, not separated by ABX")


def test_the_headline_counts_many_models():
    others = [planted({("hubert-english", "1500"): 0.5}).assign(model=f"other-{number}") for number in range(6)]
    assert title_of({"table": pd.concat([planted(), *others])}).endswith("by ABX; above 7 others")


def test_the_headline_judges_nothing_without_intervals():
    title = title_of({"table": planted(width=np.nan, n_groups=4)})
    assert title.endswith(".90 by ABX; against untrained")


def test_the_finding_states_where_there_is_no_effect():
    found = finding(planted(VALUES | {("hubert-english", "1500"): 0.61}))
    assert "is .61 [.59, .63], not separated from untrained (.60), below log-mel (.80)." in found
    assert len(found.split()) <= 22


def test_the_finding_judges_nothing_without_intervals():
    found = finding(planted(width=np.nan, n_groups=4))
    assert "against untrained (.60) and log-mel (.80)" in found
    assert "[" not in found


def test_without_a_probe_the_finding_reads_the_last_layer():
    assert "at layer T4 is .90" in abx.describe_finding(planted())


def test_without_controls_the_finding_compares_with_chance():
    table = planted({("hubert-english", "1500"): 0.9})
    assert finding(table).endswith("above chance (.50).")


def test_baselines_alone_have_no_finding():
    assert finding(planted({("mel", "final"): 0.8})) == ""


def test_the_finding_is_the_same_from_a_file(tmp_path):
    tables = tables_of(abx_table())
    before = abx.describe_finding(**tables)
    for name, table in tables.items():
        write_table(table, tmp_path / f"{name}.csv")
        tables[name] = read_table(tmp_path / f"{name}.csv")
    assert abx.describe_finding(**tables) == before != ""


def test_the_caption_takes_its_numbers_from_the_study():
    triphone = {"items": "dev.item", "frames": "dtw", "distance": "angular"}
    targets = {"phone": {"tier": "phone", "column": "label"}, "triphone": triphone}
    analysis = {"distance": "cosine", "n_resamples": 1234, "targets": targets}
    figure = {"name": "abx", "title": "T", "models": ["hubert-english", "mel"], "analysis": analysis}
    caption = caption_of("abx", {"figure": figure, "study": STUDY, "models": MODELS})
    assert "1,234 resamplings of speakers" in caption
    assert "cosine distance of segment means; angular distance of item files" in caption
    assert "problematic" not in caption
    del targets["triphone"]
    caption = caption_of("abx", {"figure": figure, "study": STUDY, "models": MODELS})
    assert "item files" not in caption
