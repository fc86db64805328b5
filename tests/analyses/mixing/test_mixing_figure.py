"""The mixing figure, drawn from planted tables of plausible shape."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from figure_cases import MODELS, STUDY, caption_of, context_of, draw_styled, drawn, note_of, run_script

from auscult.analyses.mixing import figure, headline
from auscult.analyses.mixing.analysis import MAP_COLUMNS
from auscult.analyses.mixing.ranking import summarise_cues
from auscult.analyses.mixing.waveforms import METHODS
from auscult.errors import AnalysisError
from auscult.figures import plotting
from auscult.figures.legibility import SLIDE_MM, faults
from auscult.figures.slide import slide_style
from auscult.manifests import digest
from auscult.tables import write_table

WORDS = [("ces", "DET"), ("garçons", "NOUN"), ("mangent", "VERB"), ("la", "DET"), ("pomme", "NOUN")]
CUES = {(1, 0), (2, 0), (4, 3)}
LAYERS = ("T1", "T2", "T3", "T4")
TWO = ("attention", "value_zeroing")
RUNS = [("hubert-english", "0"), ("hubert-english", "1500"), ("w2v2-english", "0"), ("w2v2-english", "1500")]
# Mass on the cue at the best layer, for nouns: as a trial found it for attention and value zeroing.
PEAK = {
    "attention": 0.14,
    "attention_norm": 0.3,
    "attention_norm_residual": 0.22,
    "attention_norm_layer_norm": 0.2,
    "rollout": 0.13,
    "value_zeroing": 0.41,
}


def level(method, step, layers):
    """Return the mass on the cue by layer: flat before training and for attention, with a peak late for the others."""
    if step == "0":
        return np.full(len(layers), FLAT[method])
    depth = np.linspace(0, 1, len(layers))
    flat = method in ("attention", "rollout")
    return (
        np.full(len(layers), PEAK[method])
        if flat
        else 0.07 + (PEAK[method] - 0.07) * np.exp(-(((depth - 0.7) / 0.25) ** 2))
    )


# Of the untrained model, as a trial found it: what is left in the own cell and the scale differ tenfold.
FLAT = {
    "attention": 0.22,
    "attention_norm": 0.2,
    "attention_norm_residual": 0.012,
    "attention_norm_layer_norm": 0.012,
    "rollout": 0.14,
    "value_zeroing": 0.06,
}


def mixing_table(runs=RUNS, layers=LAYERS, n=60, methods=METHODS):
    random, tables = np.random.default_rng(4), []
    of_sentence = random.normal(0, 0.04, n)
    half = np.where(np.arange(n) % 2, "valid", "test")
    names = [f"u{i}" for i in range(n)]
    for model, step in runs:
        rows = []
        for target, more in (("noun", 0), ("verb", 0.04)):
            for method in methods:
                for layer, value in zip(layers, level(method, step, layers) + more):
                    columns = {
                        "utterance": names,
                        "text": names,
                        "half": half,
                        "chance": 0.24,
                        "one_in_words": 0.19,
                        "cue_duration": 0.08,
                    }
                    mass = np.clip(value + of_sentence + random.normal(0, 0.05, n), 0, 1)
                    about = {
                        "layer": layer,
                        "method": method,
                        "target": target,
                        "target_index": 1 + (more > 0),
                        "mass": mass,
                        "hit": (random.random(n) < rate(value, step)).astype(float),
                    }
                    rows.append(pd.DataFrame(columns | about))
        shares = pd.concat(rows, ignore_index=True).assign(corpus="french", model=model, step=step)
        tables.append(summarise_cues(shares, n_resamples=100))
    return pd.concat(tables, ignore_index=True)


def rate(mass, step):
    """Return how often the cue has the largest cell where it has a mass."""
    return 0.3 if step == "0" else min(0.97, 2.2 * mass)


def maps_table(runs=RUNS, layers=LAYERS, words=WORDS, methods=METHODS):
    random, rows = np.random.default_rng(5), []
    for model, step in runs:
        for method in methods:
            for layer, mass in zip(layers, level(method, step, layers)):
                matrix = random.uniform(0.5, 1, (len(words),) * 2) + (6 if "residual" in method else 1) * np.eye(
                    len(words)
                )
                for i, j in CUES:
                    matrix[i, j] = mass / (1 - mass) * np.delete(matrix[i], j).sum()
                for (i, j), value in np.ndenumerate(matrix / matrix.sum(1, keepdims=True)):
                    rows.append(
                        [
                            "french",
                            model,
                            step,
                            layer,
                            method,
                            i,
                            j,
                            words[i][0],
                            words[j][0],
                            words[i][1],
                            words[j][1],
                            value,
                            float((i, j) in CUES),
                            23,
                        ]
                    )
    return pd.DataFrame(rows, columns=list(MAP_COLUMNS))


FRENCH = STUDY | {"sources": {"french": "synthetic"}}


def write(folder, table, maps):
    write_table(table, folder / "mixing.csv")
    write_table(maps, folder / "maps.parquet")
    inputs = {"table": str(folder / "mixing.csv"), "maps": str(folder / "maps.parquet")}
    return run_script("mixing", folder, {"title": "Mixing"}, inputs, FRENCH)


def draw(table, maps, shown=()):
    context = context_of("mixing", shown=shown, study=FRENCH)
    return draw_styled(figure, context, table=table, maps=maps)


def words_of(table, maps):
    return " ".join(drawn(draw(table, maps)))


@pytest.fixture(scope="module")
def lines():
    return drawn(draw(mixing_table(), maps_table()))


def test_mixing_states_counts_and_what_was_resampled(lines):
    words = " ".join(lines)
    assert words.count("n = 60 of 60 sentences") == 4
    assert words.count("n = 30 of 30 sentences") == 4
    assert words.count("95 % interval over sentences") >= 4
    assert "T3 · mean of 23 sentences" in words
    assert "Study “default”, synthesised speech (french)." in words


def test_mixing_names_methods_controls_and_words(lines):
    for name in (
        "attention",
        "value zeroing",
        "rollout",
        "untrained",
        "true cue",
        "chance, or even row",
        "the cue’s share of the duration",
        "garçons",
    ):
        assert name in lines
    assert lines.count("Cue’s share of noun rows") == 2
    assert lines.count("Cue’s share of verb rows") == 2
    assert lines.count("Hits on the cue: nouns") == lines.count("Hits on the cue: verbs") == 2


def test_mixing_calls_a_method_best_only_if_it_is_above_all_others(lines):
    words = " ".join(lines)
    assert words.count("noun: value zeroing above all others") == 2
    assert "noun: value zeroing first" not in words


def test_mixing_names_the_methods_that_the_first_is_not_separated_from():
    table = mixing_table(RUNS[:2], methods=("attention", "rollout", "value_zeroing"))
    rows = (table["metric"] == "cue_hit_difference") & (table["other_method"] == "rollout")
    table.loc[rows & (table["step"] == "1500"), "ci_low"] = 0.0
    words = words_of(table, maps_table(RUNS[:2], methods=("attention", "rollout")))
    assert "noun: value zeroing first, not separated from rollout" in words
    assert "value zeroing above all others" not in words


def test_maps_are_at_the_layer_that_nouns_and_verbs_chose_together():
    table = mixing_table(RUNS[:2], methods=TWO)
    own = (table["layer"] == "selected") & (table["target"] != "all")
    table.loc[own, "selected_layer"] = "T1"
    together = (table["layer"] == "selected") & (table["target"] == "all")
    table.loc[together, "selected_layer"] = "T4"
    words = drawn(draw(table, maps_table(RUNS[:2], methods=TWO)))
    assert any("T4 · mean of 23 sentences" in text for text in words)
    assert not any("T1 · mean of" in text for text in words)


def test_mixing_with_too_few_sentences_says_so():
    maps = maps_table(RUNS[:2], methods=TWO)
    assert "no interval: 4 sentences" in words_of(mixing_table(RUNS[:2], n=4, methods=TWO), maps)
    assert "too few sentences to choose layers" in words_of(mixing_table(RUNS[:2], n=1, methods=TWO), maps)


def test_mixing_of_a_model_without_results_is_one_clear_line():
    with pytest.raises(AnalysisError, match="expected model 'absent' in the table of mixing, found 'hubert-english'"):
        draw(mixing_table(RUNS[:2]), maps_table(RUNS[:2]), shown=["absent"])


def test_mixing_is_drawn_from_its_tables_alone_and_its_note_is_short():
    alone = figure.draw(mixing_table(RUNS[:2]), maps_table(RUNS[:2]))
    assert "french · hubert-english" in drawn(alone)
    assert all(len(note_of(page).split()) <= 60 for page in alone)


def found(table):
    context = context_of("mixing", shown=["hubert-english"])
    text = figure.describe_finding(table, maps_table(RUNS[:2], methods=TWO), context=context)
    assert len(text.split()) <= 22
    return text


def test_the_finding_compares_the_best_method_with_its_untrained_model_and_chance():
    text = found(mixing_table(RUNS[:2], methods=TWO))
    assert re.fullmatch(
        r"Hit rate of value zeroing in HuBERT \(English\) is \.\d\d \[\.\d\d, \S+\], "
        r"above untrained \(\.\d\d\) and chance \(\.24\)\.",
        text,
    )


def test_the_finding_of_a_model_that_learns_nothing_is_not_separated_from_its_controls(monkeypatch):
    monkeypatch.setitem(globals(), "rate", lambda mass, step: 0.2)
    text = found(mixing_table(RUNS[:2], methods=TWO))
    assert "not separated from untrained" in text
    assert "above" not in text


def test_the_finding_of_few_sentences_has_no_interval_and_of_one_sentence_no_text():
    assert "without interval, against untrained" in found(mixing_table(RUNS[:2], n=8, methods=TWO))
    assert found(mixing_table(RUNS[:2], n=1, methods=TWO)) == ""


def test_mixing_drawn_twice_has_the_same_bytes_and_names_its_sources(tmp_path):
    stems = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        stems.append(write(folder, mixing_table(RUNS[:2], methods=TWO), maps_table(RUNS[:2], methods=TWO)))
    for ending in ("pdf", "svg", "png", "csv", "json"):
        assert digest(Path(f"{stems[0]}.{ending}")) == digest(Path(f"{stems[1]}.{ending}")), ending
    assert set(json.loads(Path(f"{stems[0]}.json").read_text())["tables"]) == {"mixing.csv", "maps.parquet"}


LONG = [(word, pos) for word, pos in WORDS] + [("près", "ADV"), ("du", "DET"), ("supermarché", "NOUN"), ("hier", "ADV")]


@pytest.mark.parametrize("runs", [RUNS[:2], RUNS])
@pytest.mark.parametrize(("layers", "words"), [(LAYERS, WORDS), (tuple(f"T{i}" for i in range(1, 25)), LONG)])
def test_mixing_lays_no_text_over_text(tmp_path, misplaced, runs, layers, words):
    write(tmp_path, mixing_table(runs, layers, n=16), maps_table(runs, layers, words))
    assert misplaced == []


def test_a_lead_over_a_method_with_a_long_name_stays_within_its_panel(tmp_path, misplaced):
    methods = ("attention_norm_residual", "attention_norm_layer_norm")
    write(tmp_path, mixing_table(RUNS[:2], methods=methods), maps_table(RUNS[:2], methods=methods))
    assert misplaced == []


def test_the_caption_takes_its_numbers_from_the_study():
    entry = {"name": "mixing", "title": "T", "models": ["hubert-english"], "analysis": {"n_resamples": 1234}}
    caption = caption_of("mixing", {"figure": entry, "study": STUDY, "models": MODELS})
    assert "(1234 resamplings)" in caption
    assert "HuBERT (English)" in caption
    assert "Seen." in caption
    assert "problematic" not in caption


def effects_table():
    """Return the table of a recogniser with its effect on the spelling, and of a model that does not spell."""
    table = mixing_table(RUNS).assign(spells=True)
    table.loc[table["model"] == "w2v2-english", "spells"] = False
    rows = []
    for target in ("noun", "verb", "all"):
        for layer, value in {"none": 0.96, "T1": 0.96, "T2": 0.95, "T3": 0.9, "T4": 0.7, "every": 0.5}.items():
            for metric, shown in (("number_right", value), ("number_right_change", value - 0.96)):
                about = {"target": target, "layer": layer, "metric": metric, "method": "value_zeroing", "spells": True}
                rows.append(about | {"value": shown, "ci_low": shown - 0.04, "ci_high": shown + 0.04, "n": 60})
    effects = pd.DataFrame(rows).assign(corpus="french", model="hubert-english", step="1500", n_groups=60)
    effects = effects.assign(resampling_unit="sentence", chance=0.5)
    return pd.concat([table, effects], ignore_index=True)


def probes():
    rows = [
        {"layer": layer, "target": target, "value": value, "ci_low": value - 0.1, "ci_high": value + 0.1}
        for target in ("noun_number", "verb_number")
        for layer, value in zip((*LAYERS, "selected"), (0.5, 0.5, 0.65, 0.94, 0.94))
    ]
    run = {"corpus": "french", "model": "hubert-english", "step": "1500", "metric": "accuracy"}
    return pd.DataFrame(rows).assign(**run, labels="true", probe="ridge", n_train=np.nan)


def test_probe_value_zeroing_and_effect_stand_in_one_panel():
    drawing = draw_styled(
        figure, context_of("mixing", study=STUDY), table=effects_table(), maps=maps_table(), probing=probes()
    )
    words = drawn(drawing)
    assert {"Spelling and probe: nouns", "Spelling and probe: verbs", "Effect of zeroing the cue"} <= set(words)
    curves = [
        np.round(np.asarray(line.get_ydata(), dtype=float), 2).tolist()
        for page in drawing
        for axes in page.axes
        for line in axes.lines
    ]
    assert [0.96, 0.95, 0.9, 0.7] in curves
    assert [0.5, 0.5, 0.65, 0.94] in curves


def test_a_model_that_does_not_spell_gets_no_verdict():
    words = drawn(draw_styled(figure, context_of("mixing", study=STUDY), table=effects_table(), maps=maps_table()))
    assert sum("no output to explain" in word for word in words) == 2
    alone = effects_table().assign(spells=False)
    assert figure.describe_finding(alone, maps_table()) == ""


def test_effects_lay_no_text_over_text(misplaced):
    drawing = draw_styled(
        figure, context_of("mixing", study=STUDY), table=effects_table(), maps=maps_table(), probing=probes()
    )
    plotting.save_pages(drawing, "unused")
    assert misplaced == []


def slide_of(table, **more):
    with slide_style():
        return headline.draw(table, maps_table(), **more)


def title_of(table, **more):
    return headline.describe_headline(table, maps_table(), **more)


def with_attention(table, value):
    """Return a table in which trained attention gives the cue this share of a row in the last layer."""
    rows = (table["method"] == "attention") & (table["metric"] == "cue_mass") & (table["layer"] == "T4")
    rows &= table["step"] == "1500"
    return table.assign(**{name: table[name].where(~rows, value) for name in ("value", "ci_low", "ci_high")})


def test_the_slide_is_legible_and_its_title_is_the_finding():
    context = context_of("mixing", study=STUDY)
    shown = slide_of(effects_table(), probing=probes(), context=context)
    assert faults(shown, SLIDE_MM) == []
    title = title_of(effects_table(), context=context)
    assert " ".join(shown.texts[0].get_text().split()) == title
    assert len(title) <= 140
    assert {"Nouns, n = 60", "Verbs, n = 60", "chance", "linear probe", "attention", "value zeroing"} <= set(
        drawn(shown)
    )


@pytest.mark.parametrize(
    ("value", "end"), [(0.9, "above untrained"), (0.0, "below untrained"), (0.23, "not separated from untrained")]
)
def test_the_headline_says_how_attention_compares_where_the_cue_is_needed(value, end):
    table = with_attention(effects_table(), value)
    if value == 0.23:
        table.loc[table["method"] == "attention", ["ci_low", "ci_high"]] = (0.1, 0.4)
    title = title_of(table)
    assert title.startswith(
        "Without the cue word in T4, singular and plural are spelt worse (from .96 to .70); its share of attention "
    )
    assert title.endswith(f"there: {end}")


def test_the_headline_tells_nouns_from_verbs_and_a_spelling_without_a_needed_layer():
    table = with_attention(effects_table(), 0.9)
    nouns = (table["method"] == "attention") & (table["target"] == "noun") & (table["step"] == "1500")
    table.loc[nouns, ["value", "ci_low", "ci_high"]] = 0.0
    assert title_of(table).endswith("there: below untrained for nouns, above for verbs")
    table.loc[table["metric"] == "number_right_change", "ci_high"] = 0.1
    assert title_of(table).startswith(
        "Without the cue word in one layer, singular and plural are spelt as with it (.96); its share of attention "
    )


@pytest.mark.parametrize("runs", [RUNS[:2], RUNS[1:2]])
@pytest.mark.parametrize(("layers", "n"), [(LAYERS, 60), (LAYERS, 4), (tuple(f"T{i}" for i in range(1, 25)), 16)])
def test_the_slide_of_a_model_that_does_not_spell_is_legible(runs, layers, n):
    table = mixing_table(runs, layers, n=n)
    shown = slide_of(table)
    assert faults(shown, SLIDE_MM) == []
    assert title_of(table).startswith("This model spells nothing, so it needs no cue word; its share of attention")
    if n == 4:
        assert "not tested against" in title_of(table)
    if runs == RUNS[1:2]:
        assert "an even share" in title_of(table)
