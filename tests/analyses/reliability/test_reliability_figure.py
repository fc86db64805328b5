import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from figure_cases import STUDY, caption_of, run_script, texts

from auscult.analyses.reliability.agreement import DURATION, GROUPED
from auscult.analyses.reliability.faithfulness import BETTER
from auscult.analyses.reliability.interaction import INTERACTION_COLUMNS
from auscult.analyses.reliability.items import RELIABILITY_COLUMNS, method_class
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


def interaction_table(value=0.59, width=0.04, **more):
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
    return pd.DataFrame([row])[list(INTERACTION_COLUMNS)]


def draw(folder, table, tasks=TASKS, interaction=None):
    interaction = interaction_table() if interaction is None else interaction
    inputs = {"table": str(folder / "reliability.csv"), "interaction": str(folder / "interaction.csv")}
    for name, each in (("table", table), ("interaction", interaction)):
        write_table(each, inputs[name])
    figure = {"title": "Reliability", "models": [], "analysis": {"tasks": tasks, "n_resamples": 1234}}
    return run_script("reliability", folder, figure, inputs, study=STUDY)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return texts(draw(tmp_path_factory.mktemp("reliability"), reliability_table()))


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
        "between seeds · word-based",
        "between seeds · not word-based",
        "Borne out? Words less frames",
        "perturbation, mean",
        "gradient, mean",
        "untrained models",
        "chance",
        "by frame in words",
        "same model again",
        "without one seed",
        "longest segment first",
        "0 is not chance",
        "sanity: untrained",
        "KernelSHAP",
        "input × gradient",
        "+0.67 [0.64, 0.70]",
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
            "other tasks, perturbation: borne out, +0.59 [0.55, 0.63] (without one seed 0.49 to 0.69)",
        ),
        (
            interaction_table(0.01),
            "other tasks, perturbation: not borne out, +0.01 [-0.03, 0.05] (without one seed -0.09 to 0.11)",
        ),
        (
            interaction_table(width=np.nan, seeds_low=np.nan),
            "other tasks, perturbation: undecided, too few utterances, +0.59",
        ),
        (interaction_table()[:0], "word-based less other tasks: not compared"),
    ],
)
def test_one_line_says_whether_the_finding_is_borne_out(tmp_path, interaction, verdict):
    words = " ".join(texts(draw(tmp_path, reliability_table(["gender"], ("lime",)), {"gender": {}}, interaction)))
    assert verdict in words


def test_what_was_measured_on_another_input_is_drawn_and_named(tmp_path):
    table = reliability_table(["gender"], ("lime", "saliency"))
    faithfulness = table["target"] == "faithfulness"
    table.loc[faithfulness, "input"] = "cnn"
    first = pd.concat([table[table["target"] == "seeds"].assign(input="cnn"), table], ignore_index=True)
    words = " ".join(texts(draw(tmp_path, first, {"gender": {}})))
    assert words.count("input: cnn") == 2
    assert "Input: waveform" in words
    assert "comprehensiveness gained" in words


def test_what_was_not_measured_is_said(tmp_path):
    table = reliability_table(["gender", "number"], ("lime",))
    table = table[(table["task"] != "gender") | (table["target"] != "faithfulness")]
    words = " ".join(texts(draw(tmp_path, table, {task: TASKS[task] for task in ("gender", "number")})))
    assert words.count("not measured") == 2


def test_duration_and_occlusion_are_no_members_of_a_class(tmp_path):
    drawn = texts(draw(tmp_path, reliability_table(["keyword"], ("lime", "occlusion")), {"keyword": {}}))
    assert "duration" not in drawn
    lines = [text for text in drawn if text in ("perturbation, mean", "LIME", "occlusion", "gradient, mean")]
    assert lines[:4] == ["perturbation, mean", "LIME", "occlusion", "gradient, mean"]


def test_too_few_utterances_are_said_to_have_no_interval(tmp_path):
    table = reliability_table(["gender"], ("lime",), n_groups=4)
    words = " ".join(texts(draw(tmp_path, table, {"gender": {}})))
    assert "no interval: 4 utterances" in words
    assert "95 % interval" not in words


def test_a_task_without_results_ends_in_one_line(tmp_path, capsys):
    with pytest.raises(SystemExit):
        draw(tmp_path, reliability_table(["keyword"]))
    assert "auscult: expected task 'number' in" in capsys.readouterr().err


@pytest.mark.parametrize("tasks", [("gender",), tuple(TASKS)])
@pytest.mark.parametrize("methods", [METHODS, ("lime", "saliency")])
def test_reliability_lays_no_text_over_text(tmp_path, misplaced, tasks, methods):
    draw(tmp_path, reliability_table(tasks, methods), {task: TASKS[task] for task in tasks})
    assert misplaced == []


def test_reliability_drawn_twice_has_the_same_bytes_and_names_its_sources(tmp_path):
    stems = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        stems.append(draw(folder, reliability_table(["gender"], ("lime",)), {"gender": TASKS["gender"]}))
    for ending in ("pdf", "svg", "png", "csv", "json"):
        assert digest(Path(f"{stems[0]}.{ending}")) == digest(Path(f"{stems[1]}.{ending}")), ending
    assert set(json.loads(Path(f"{stems[0]}.json").read_text())["tables"]) == {"reliability.csv", "interaction.csv"}


def test_the_caption_takes_its_numbers_from_the_study():
    analysis = {
        "tasks": TASKS,
        "n_resamples": 1234,
        "n_utterances": 40,
        "n_random": 7,
        "n_randomised": 10,
        "n_draws": 3,
        "shares": [0.1, 0.5],
        "top_share": 0.2,
    }
    figure = {"name": "reliability", "title": "T", "models": [], "analysis": analysis}
    caption = caption_of("reliability", {"figure": figure, "study": STUDY, "models": {}})
    assert "1,234 resamplings" in caption
    assert "7 random orders" in caption
    assert "problematic" not in caption
