"""The reliability figure, drawn from planted tables."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from figure_cases import STUDY, caption_of, context_of, draw_styled, drawn as texts_of, note_of, run_script

from auscult.analyses.reliability import figure, headline
from auscult.analyses.reliability.agreement import DURATION, GROUPED
from auscult.analyses.reliability.faithfulness import BETTER
from auscult.analyses.reliability.interaction import INTERACTION_COLUMNS
from auscult.analyses.reliability.items import RELIABILITY_COLUMNS, method_class
from auscult.errors import AnalysisError
from auscult.figures.legibility import SLIDE_MM, faults
from auscult.figures.slide import slide_style
from auscult.manifests import digest
from auscult.tables import write_table

TASKS = {
    "keyword": {"truth": "keyword", "word_based": True},
    "number": {"truth": "cue", "word_based": True},
    "gender": {"word_based": False},
}
METHODS = (
    "saliency",
    "integrated_gradients",
    "input_x_gradient",
    "lime",
    "kernel_shap",
    "feature_ablation",
    "occlusion",
)
UNITS = ("word", "phone", "frame", GROUPED)
STUDY = STUDY | {"sources": {"english": "synthetic", "french": "synthetic"}}


def row(task, step, target, metric, value, method, n_groups=240, **more):
    width = 0.03 if n_groups >= 6 else np.nan
    return {
        "corpus": "french" if task == "number" else "english",
        "model": task,
        "step": step,
        "layer": "output",
        "target": target,
        "metric": metric,
        "value": value,
        "ci_low": value - width,
        "ci_high": value + width,
        "n": n_groups,
        "n_groups": n_groups,
        "task": task,
        "method": method,
        "input": "waveform",
        "unit": "word",
        "against": "",
        "fraction": np.nan,
        "chance": 0.0,
        "resampling_unit": "utterance",
        "n_seeds": 5,
        "n_constant": 0,
        "n_unmatched": 0,
        "n_short": 0,
        "n_mispredicted": 0,
        "seeds_low": np.nan,
        "seeds_high": np.nan,
        "n_segments": {"phone": 31, "frame": 149}.get(more.get("unit"), 9),
    } | more


def agreement(task, method, unit, step):
    """Return a plausible correlation: words by perturbation on word-based tasks agree, all else agrees less."""
    gradient = "gradient" in (method, method_class(method))
    base = {"word": 0.35, "phone": 0.2, "frame": 0.08, GROUPED: 0.18}[unit] + 0.08 * gradient
    base += 0.4 * (TASKS[task]["word_based"] and not gradient and unit == "word")
    return base * (1 if step != "0" else 0.2)


def task_rows(task, methods, random, n_groups):
    rows, seen, few = [], {"n_groups": n_groups}, {"n_groups": min(40, n_groups)}
    classes = ("perturbation", "gradient")
    for step in ("300", "0"):
        for method in (*methods, *classes):
            for unit in UNITS:
                value = agreement(task, method, unit, step) + (0 if method in classes else random.normal(0, 0.04))
                spread = {"seeds_low": value - 0.05, "seeds_high": value + 0.07} if step != "0" else {}
                rows.append(row(task, step, "seeds", "pearson", value, method, unit=unit, n_short=4, **spread, **seen))
                if step != "0":
                    again = (0.8 if unit == "frame" else 0.97) if method in ("lime", "kernel_shap") else 1.0
                    rows.append(row(task, step, "retest", "pearson", again, method, unit=unit, **seen))
    for method in classes:
        for other in ("frame", GROUPED):
            gain = agreement(task, method, "word", "300") - agreement(task, method, other, "300")
            rows.append(row(task, "300", "units", "pearson", gain, method, against=other, **seen))
    for place, method in enumerate(methods):
        for unit in UNITS:
            for other in methods[:place]:
                value = random.uniform(0.1, 0.7)
                rows.append(row(task, "300", "methods", "pearson", value, other, against=method, unit=unit, **seen))
            value = random.uniform(0.1, 0.5)
            rows.append(row(task, "300", "methods", "pearson", value, method, against=DURATION, unit=unit, **seen))
            value = random.uniform(0, 0.6)
            rows.append(row(task, "300", "inputs", "pearson", value, method, against="cnn", unit=unit, **seen))
        rows += measured(task, method, random, n_groups)
    for unit in ("word", "phone"):
        rows.append(row(task, "300", "faithfulness", "comprehensiveness_gain", 0.03, DURATION, unit=unit, **few))
        rows.append(row(task, "300", "faithfulness", "deletion_auc_gain", 0.02, DURATION, unit=unit, **few))
        if "truth" in TASKS[task]:
            rows.append(row(task, "300", "pointing", "pointing", 0.34, DURATION, unit=unit, against="duration", **few))
    return rows


def measured(task, method, random, n_groups):
    rows, few = [], {"n_groups": min(40, n_groups)}
    for step in ("300", "0"):
        for unit in UNITS[:3]:
            for metric in BETTER:
                value = random.normal(0.12 if step != "0" else 0, 0.02)
                rows.append(row(task, step, "faithfulness", f"{metric}_gain", value, method, unit=unit, **few))
            if "truth" in TASKS[task]:
                hits = random.uniform(0.4, 0.9) if step != "0" else 0.25
                for against, chance in (("any segment", 0.22), ("duration", 0.3)):
                    more = {
                        "against": against,
                        "chance": chance,
                        "unit": unit,
                        "n_constant": 3,
                        "n_mispredicted": 2 * (step != "0"),
                    }
                    rows.append(row(task, step, "pointing", "pointing", hits, method, **more, **few))
    for layer, value in (("head", 0.6), ("T3", 0.3), ("cnn", 0.1), ("untrained", 0.05)):
        value += random.normal(0, 0.05)
        rows.append(row(task, "300", "randomisation", "pearson", value, method, layer=layer, **few))
    return rows


def reliability_table(tasks=tuple(TASKS), methods=METHODS, n_groups=240):
    random = np.random.default_rng(3)
    rows = [row for task in tasks for row in task_rows(task, methods, random, n_groups)]
    return pd.DataFrame(rows)[list(RELIABILITY_COLUMNS)]


def interaction_table(value=0.59, width=0.04, ranks=None, **more):
    row = {
        "corpus": "english+french",
        "model": "keyword + number − gender",
        "step": "trained",
        "layer": "output",
        "target": "interaction",
        "metric": "pearson",
        "value": value,
        "ci_low": value - width,
        "ci_high": value + width,
        "n": 720,
        "n_groups": 720,
        "method": "perturbation",
        "input": "waveform",
        "unit": "word",
        "against": "frame",
        "resampling_unit": "utterance",
        "n_seeds": 5,
        "seeds_low": value - 0.1,
        "seeds_high": value + 0.1,
    } | more
    # By ranks the same, unless said otherwise.
    by_rank = row | {"metric": "spearman"}
    if ranks is not None:
        by_rank |= {"value": ranks, "ci_low": ranks - width, "ci_high": ranks + width}
    return pd.DataFrame([row, by_rank])[list(INTERACTION_COLUMNS)]


def write(folder, table, tasks=TASKS):
    inputs = {"table": str(folder / "reliability.csv"), "interaction": str(folder / "interaction.csv")}
    for name, each in (("table", table), ("interaction", interaction_table())):
        write_table(each, inputs[name])
    entry = {"title": "Reliability", "models": [], "analysis": {"tasks": tasks, "n_resamples": 1234}}
    return run_script("reliability", folder, entry, inputs, study=STUDY)


def draw(table, tasks=TASKS, interaction=None):
    interaction = interaction_table() if interaction is None else interaction
    context = context_of("reliability", {}, analysis={"tasks": tasks}, study=STUDY)
    return draw_styled(figure, context, table=table, interaction=interaction)


def words_of(*tables):
    return " ".join(texts_of(draw(*tables)))


@pytest.fixture(scope="module")
def drawn():
    return texts_of(draw(reliability_table()))


def test_every_panel_states_utterances_seeds_and_what_was_resampled(drawn):
    words = " ".join(drawn)
    assert words.count("240 utterances · 5 seeds") == 5
    assert words.count("40 utterances · 5 seeds") - 5 == 11
    assert "95 % interval over utterances" in words
    assert "constant ≤ 3, mispredicted ≤ 2" in words
    assert words.count("short ≤ 4") == 3
    assert len(re.findall(r"median: 9\s+words, 31\s+phones,\s+149\s+frames", words)) == 11


def test_the_finding_and_its_controls_are_named(drawn):
    words = " ".join(drawn)
    for text in (
        "agreement of seeds · word-based",
        "agreement of seeds · not word-based",
        "Agreement of seeds, words minus frames",
        "perturbation, mean",
        "gradient, mean",
        "untrained (chance)",
        "by frame in words",
        "same model again (retest)",
        "range without one seed",
        "longest segment first",
        "chance level of agreement, which is not 0",
        "randomised: untrained",
        "KernelSHAP",
        "input × gradient",
        ".67 [.64, .70]",
    ):
        assert text in words, text
    assert "synthesised speech (english, french)" in words


def test_tasks_without_truth_have_no_pointing_game(drawn):
    assert " ".join(drawn).count("pointing game · word-based") == 2
    assert "pointing game · not word-based" not in " ".join(drawn)
    assert "no word is known to decide" in " ".join(drawn)


@pytest.mark.parametrize(
    ("interaction", "verdict"),
    [
        (
            interaction_table(),
            "other tasks, perturbation: .59 [.55, .63], above 0 by r and ρ (without one seed .49 to .69)",
        ),
        (
            interaction_table(0.01),
            "perturbation: .01 [−.03, .05], not separated from 0 by r and ρ (without one seed −.09 to .11)",
        ),
        (
            interaction_table(width=np.nan, seeds_low=np.nan),
            "other tasks, perturbation: .59, too few utterances for a statement",
        ),
        (interaction_table()[:0], "word-based minus other tasks: not compared"),
    ],
)
def test_one_line_compares_word_based_with_other_tasks(interaction, verdict):
    assert verdict in words_of(reliability_table(["gender"], ("lime",)), {"gender": {}}, interaction)


def test_what_was_measured_on_another_input_is_drawn_and_named():
    table = reliability_table(["gender"], ("lime", "saliency"))
    faithfulness = table["target"] == "faithfulness"
    table.loc[faithfulness, "input"] = "cnn"
    first = pd.concat([table[table["target"] == "seeds"].assign(input="cnn"), table], ignore_index=True)
    words = words_of(first, {"gender": {}})
    assert words.count("input: cnn") == 2
    assert "Input: waveform" in words
    assert words.count("gain over random orders") == 2


def test_what_was_not_measured_is_said():
    table = reliability_table(["gender", "number"], ("lime",))
    table = table[(table["task"] != "gender") | (table["target"] != "faithfulness")]
    words = words_of(table, {task: TASKS[task] for task in ("gender", "number")})
    assert words.count("not measured") == 2


def test_duration_and_occlusion_are_no_members_of_a_class():
    drawn = texts_of(draw(reliability_table(["keyword"], ("lime", "occlusion")), {"keyword": {}}))
    assert "duration" not in drawn
    lines = [text for text in drawn if text in ("perturbation, mean", "LIME", "occlusion", "gradient, mean")]
    assert lines[:4] == ["perturbation, mean", "LIME", "occlusion", "gradient, mean"]


def test_too_few_utterances_are_said_to_have_no_interval():
    words = words_of(reliability_table(["gender"], ("lime",), n_groups=4), {"gender": {}})
    assert "no interval: 4 utterances" in words
    assert "95 % interval" not in words


def test_a_task_without_results_is_one_clear_line():
    with pytest.raises(AnalysisError, match="expected task 'number' in the table of reliability, found 'keyword'"):
        draw(reliability_table(["keyword"]))


def test_it_is_drawn_from_its_tables_alone_and_its_note_is_short():
    alone = figure.draw(reliability_table(["gender"], ("lime",)), interaction_table()[:0])
    assert "agreement of seeds" in texts_of(alone)
    assert all(len(note_of(page).split()) <= 60 for page in alone)


def found(interaction, table=None, tasks=TASKS):
    context = context_of("reliability", {}, analysis={"tasks": tasks})
    text = figure.describe_finding(reliability_table() if table is None else table, interaction, context=context)
    assert len(text.split()) <= 45
    return text


@pytest.mark.parametrize(
    ("interaction", "text"),
    [
        (
            interaction_table(),
            "is .59 [.55, .63] larger in word-based than other tasks, above 0 by r and ρ.",
        ),
        (
            interaction_table(0.17, ranks=-0.01),
            "is .17 [.13, .21] larger in word-based than other tasks, above 0 by Pearson’s r only "
            "(Spearman’s ρ: −.01 [−.05, .03]).",
        ),
        (
            interaction_table(0.01),
            "is .01 [−.03, .05] larger in word-based than other tasks, not separated from 0 by r and ρ.",
        ),
        (
            interaction_table(-0.2),
            "is −.20 [−.24, −.16] larger in word-based than other tasks, below 0 by r and ρ.",
        ),
        (
            interaction_table(width=np.nan),
            "is .59 larger in word-based than other tasks, too few utterances for a statement.",
        ),
    ],
)
def test_the_finding_is_the_interaction_of_unit_and_task(interaction, text):
    assert found(interaction) == f"Gain of words over frames in seed agreement {text}"


def test_agreement_where_none_was_published_is_said():
    table = reliability_table()
    by_frame = (table["target"] == "seeds") & (table["unit"] == "frame") & (table["method"] == "perturbation")
    some = by_frame & (table["task"] == "gender") & (table["step"] != "0")
    table.loc[some, ["value", "ci_low", "ci_high"]] = [0.78, 0.76, 0.8]
    assert found(interaction_table(), table).endswith(
        "Not replicated in level: seeds agree at .78 [.76, .80] by frame (gender)."
    )


def test_the_finding_without_other_tasks_is_the_agreement_of_seeds():
    one = {"gender": TASKS["gender"]}
    table = reliability_table(["gender"], ("lime",))
    text = "Agreement of seeds by word-level perturbation (gender) is .35 [.32, .38], above untrained (.07)."
    assert found(interaction_table()[:0], table, one) == text
    few = reliability_table(["gender"], ("lime",), n_groups=4)
    assert found(interaction_table()[:0], few, one) == (
        "4 utterances are too few for a statement on the agreement of seeds by word-level perturbation (gender)."
    )
    assert found(interaction_table()[:0], table[table["target"] != "seeds"], one) == ""


@pytest.mark.parametrize("tasks", [("gender",), tuple(TASKS)])
@pytest.mark.parametrize("methods", [METHODS, ("lime", "saliency")])
def test_reliability_lays_no_text_over_text(tmp_path, misplaced, tasks, methods):
    write(tmp_path, reliability_table(tasks, methods), {task: TASKS[task] for task in tasks})
    assert misplaced == []


def slide_of(table, tasks=TASKS, interaction=None):
    context = context_of("reliability", {}, analysis={"tasks": tasks}, study=STUDY)
    interaction = interaction_table() if interaction is None else interaction
    with slide_style():
        shown = headline.draw(table, interaction, context=context)
    title = headline.describe_headline(table, interaction, context=context)
    assert faults(shown, SLIDE_MM) == []
    assert " ".join(shown.texts[0].get_text().split()) == title
    assert len(title) <= 142
    return shown, title


def test_the_slide_has_one_matrix_per_task_with_untrained_and_ceiling():
    shown, title = slide_of(reliability_table())
    assert [axes.get_title() or axes.get_title(loc="left") for axes in shown.axes] == [
        f"{task}, 240 utterances" for task in TASKS
    ]
    words = texts_of(shown)
    assert words.count("ceiling") == words.count("trained") == 3
    assert {"KernelSHAP", "word", "frame", "phone"} <= set(words)
    assert title.endswith("(keyword, by word): above untrained for 7 of 7 methods, below the ceiling for 7 of 7")


@pytest.mark.parametrize(("value", "verdict"), [(0.9, "above"), (0.3, "not separated from"), (0.05, "below")])
def test_the_headline_compares_seeds_with_untrained_seeds(value, verdict):
    table = reliability_table(["gender"], ("lime", "saliency"))
    seeds = (table["target"] == "seeds") & (table["unit"] == "word")
    table.loc[seeds & (table["step"] == "0"), ["value", "ci_low", "ci_high"]] = [0.3, 0.25, 0.35]
    table.loc[seeds & (table["step"] != "0"), ["value", "ci_low", "ci_high"]] = [value, value - 0.01, value + 0.01]
    _, title = slide_of(table, {"gender": {}})
    assert f"{verdict} untrained for 2 of 2" in title
    assert "below the ceiling for" in title


def test_a_task_with_few_utterances_is_grey_and_gets_no_verdict():
    few = reliability_table(["gender"], ("lime",), n_groups=12)
    shown, title = slide_of(few, {"gender": {}})
    assert title.endswith("(gender, by word): 12 utterances are too few to compare with untrained seeds")
    assert not any("▲" in word for word in texts_of(shown)[:-3])
    both = pd.concat([few, reliability_table(["keyword"], ("lime",))])
    assert "(keyword, by word): above untrained" in slide_of(both, {"gender": {}, "keyword": {}})[1]


def test_the_slide_without_seeds_without_retest_and_of_tables_alone():
    table = reliability_table(["gender"], ("lime",))
    _, title = slide_of(table[table["target"] != "seeds"], {"gender": {}})
    assert title.startswith("One model per task")
    _, title = slide_of(table[(table["target"] != "retest") & (table["step"] != "0")], {"gender": {}})
    assert re.fullmatch(r"Between seeds, attributions agree at r = \.\d\d \(gender, by word\)", title)
    alone = headline.draw(table, interaction_table()[:0])
    assert "ceiling" in texts_of(alone)


def test_reliability_drawn_twice_has_the_same_bytes_and_names_its_sources(tmp_path):
    stems = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        stems.append(write(folder, reliability_table(["gender"], ("lime",)), {"gender": TASKS["gender"]}))
    for ending in ("pdf", "svg", "png", "csv", "json"):
        assert digest(Path(f"{stems[0]}.{ending}")) == digest(Path(f"{stems[1]}.{ending}")), ending
    assert set(json.loads(Path(f"{stems[0]}.json").read_text())["tables"]) == {"reliability.csv", "interaction.csv"}


def test_the_caption_takes_its_numbers_from_the_study():
    analysis = {"tasks": TASKS, "n_resamples": 1234, "n_utterances": 40, "n_random": 7}
    entry = {"name": "reliability", "title": "T", "models": [], "analysis": analysis}
    caption = caption_of("reliability", {"figure": entry, "study": STUDY, "models": {}})
    assert "(1234 resamplings)" in caption
    assert "7 random orders" in caption
    assert "Up to 40 utterances" in caption
    assert "gender (not word-based)" in caption
    assert "Seen." in caption
    assert "problematic" not in caption
