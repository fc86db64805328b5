"""The disentangling figure, drawn from tables of planted vectors: panels, controls, note, finding and caption."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from disentangling_planted import planted
from figure_cases import MODELS, STUDY, caption_of, context_of, draw_styled, drawn, note_of, run_script

from auscult.analyses.disentangling import figure as disentangling, headline
from auscult.analyses.disentangling.analysis import disentangle_activations
from auscult.analyses.disentangling.geometry import VERDICTS
from auscult.analyses.disentangling.latents import LATENT_COLUMNS, LATENTS
from auscult.analyses.disentangling.settings import DisentanglingSettings
from auscult.errors import AnalysisError
from auscult.figures import plotting
from auscult.figures.findings import number
from auscult.figures.legibility import SLIDE_MM, faults
from auscult.figures.slide import slide_style
from auscult.manifests import digest
from auscult.tables import write_table

RUNS = [("hubert-english", "0"), ("hubert-english", "1500"), ("mel", "final")]
ANALYSIS = {
    "layer": "T1",
    "factors": ["phone_class", "gender", "language"],
    "n_folds": 4,
    "n_null": 321,
    "n_resamples": 1234,
    "bottleneck": {"beta": [0.1, 1.0]},
}


def main_table():
    targets = {"phone": {"tier": "phone", "column": "label"}}
    tables = []
    for place, (model, step) in enumerate(RUNS):
        activations = planted(shared=0.3 * place, seed=place)
        if model == "mel":
            activations.vectors = {"input": activations.vectors["T1"]}
        tables.append(
            disentangle_activations(
                activations,
                layer="T1",
                factors=ANALYSIS["factors"],
                targets=targets,
                corpus="multilingual",
                model=model,
                step=step,
                settings=DisentanglingSettings(n_mlp_items=80, n_null=100, n_resamples=100, min_class_size=4),
            )
        )
    return pd.concat(tables, ignore_index=True)


def latents_table():
    random, rows = np.random.default_rng(0), []
    for model, step in RUNS:
        shared = {
            "corpus": "multilingual",
            "model": model,
            "step": step,
            "n": 6012,
            "n_groups": 16,
            "n_train": 480,
            "resampling_unit": "speaker",
        }
        for layer in ("input", *LATENTS):
            for target, chance in (
                ("phone_class", 0.39),
                ("gender", 0.5),
                ("language", 0.33),
                ("phone", 0.1),
                ("word", 0.05),
                ("speaker", 0.06),
            ):
                value = random.uniform(chance, 1)
                rows.append(
                    {
                        **shared,
                        "layer": layer,
                        "target": target,
                        "analysis": "probes",
                        "chance": chance,
                        "metric": "latent_accuracy",
                        "value": value,
                        "ci_low": value - 0.03,
                        "ci_high": value + 0.03,
                        "readout": "ridge",
                    }
                )
        for layer in LATENTS:
            rows.append(
                {**shared, "layer": layer, "analysis": "bottleneck", "metric": "information_nats", "value": 5.1}
            )
        rows.append(
            {**shared, "layer": "textual", "analysis": "bottleneck", "metric": "phone_error_rate", "value": 0.43}
        )
        shared |= {"analysis": "attribution", "layer": "latents", "method": "latents", "readout": "ridge"}
        for target in ("phone_class", "gender", "language", "phone", "word"):
            low = -0.1 if (target, step) == ("word", "0") else 0.2
            rows.append(
                {**shared, "target": target, "metric": "part_score", "value": 0.3, "ci_low": low, "ci_high": 0.4}
            )
            share = random.uniform(0.2, 1.1)
            for latent, value in zip(LATENTS, (share, 1 - share)):
                rows.append(
                    {
                        **shared,
                        "target": target,
                        "metric": "part_share",
                        "factor": latent,
                        "value": value,
                        "ci_low": value - 0.05,
                        "ci_high": value + 0.05,
                    }
                )
    return pd.DataFrame(rows).reindex(columns=list(LATENT_COLUMNS))


@pytest.fixture(scope="module")
def tables():
    return {"table": main_table(), "latents": latents_table()}


CONTEXT = context_of("disentangling", analysis=ANALYSIS)


@pytest.fixture(scope="module")
def figure(tables):
    return draw_styled(disentangling, CONTEXT, **tables)


@pytest.fixture(scope="module")
def shown(figure):
    return drawn(figure)


def finding(tables):
    return disentangling.describe_finding(**tables, context=CONTEXT)


def erasure_table(value, network, verdict="orthogonal", width=0.04, chance=0.5):
    """Return the rows of one model for which gender is erased."""
    shared = {
        "corpus": "multilingual",
        "model": "hubert-english",
        "step": "1500",
        "layer": "T1",
        "target": "gender",
        "metric": "balanced_accuracy",
        "method": "leace",
        "factor": "gender",
        "analysis": "erasure",
        "chance": chance,
        "n": 900,
        "n_groups": 16,
    }
    rows = [
        shared | {"readout": readout, "value": found, "ci_low": found - width, "ci_high": found + width}
        for readout, found in (("ridge", value), ("mlp", network))
        if found is not None
    ]
    geometry = shared | {"analysis": "geometry", "method": "", "readout": "", "metric": "overlap_corrected"}
    rows += [geometry | {"target": factor, "factor": ""} for factor in ANALYSIS["factors"]]
    rows.append(geometry | {"target": "phone_class", "factor": "gender", "verdict": verdict})
    return pd.DataFrame(rows)


def test_models_counts_and_the_resampled_unit_are_stated(figure, shown):
    words = " ".join(shown)
    assert "16 speakers" in words
    assert "95 % interval over speakers" in words
    assert {"HuBERT (English)", "HuBERT (English), untrained", "log-mel", "random subspaces, 95 %"} <= set(shown)
    assert "phone error rate 0.43" in words
    assert "trained on 480 utterances" in note_of(figure)
    assert all(len(note_of(page).split()) <= 60 for page in figure)


def test_factors_methods_and_chance_are_named(shown):
    words = " ".join(shown)
    for name in ("LEACE", "Mean projection", "Random directions", "none", "(chance .50)", "(chance .33)"):
        assert name in words
    assert {
        "Principal angles between subspaces",
        "Phone class removed",
        "Probes of bottleneck latents",
        "Attribution to subspaces",
        "Attribution to latents",
        "phone class – other speakers",
        "gender – language",
    } <= set(shown)


def test_no_shares_are_drawn_for_a_score_that_may_be_0(shown):
    # Only the word score of the untrained model's latents has an interval that includes 0.
    assert shown.count("score not above 0") == 1


def test_cells_of_the_erasure_matrix_have_intervals(tables, shown):
    rows = tables["table"].query("analysis == 'erasure' and readout == 'ridge' and metric == 'balanced_accuracy'")
    cells = [line.split("\n")[0] for line in shown]
    cells = [line for line in cells if "–" in line and line.startswith((".", "1.")) and line.endswith(")")]
    # Nothing erased is shown beside each of the three methods.
    assert len(cells) == len(rows) + 2 * (rows["method"] == "none").sum()


def test_what_a_network_reads_after_leace_stands_beside_the_linear_probe(tables, shown):
    rows = tables["table"].query("analysis == 'erasure' and readout == 'mlp' and metric == 'balanced_accuracy'")
    found = sorted(line.removeprefix("network ") for line in shown if line.startswith("network "))
    assert found == sorted(number(value) for value in rows["value"])
    assert len(found) == len(RUNS) * 2 * len(ANALYSIS["factors"])


def test_every_pair_has_a_verdict_beside_its_corrected_overlap(tables, shown):
    verdicts = tables["table"].query("layer in ('T1', 'input')")["verdict"].dropna()
    assert len(verdicts) == len(RUNS) * 3
    assert sorted(text for text in shown if text in VERDICTS) == sorted(verdicts)


def test_targets_are_named_that_the_textual_latent_loses(tables):
    latents = tables["latents"].copy()
    of_speaker = (latents["target"] == "speaker") & (latents["metric"] == "latent_accuracy")
    for layer, value in (("input", 0.8), ("textual", 0.2)):
        latents.loc[of_speaker & (latents["layer"] == layer), ["value", "ci_low", "ci_high"]] = (
            value, value - 0.05, value + 0.05,
        )  # fmt: skip
    others = (latents["metric"] == "latent_accuracy") & ~of_speaker
    latents.loc[others, ["value", "ci_low", "ci_high"]] = (0.6, 0.5, 0.7)
    words = drawn(draw_styled(disentangling, CONTEXT, table=tables["table"], latents=latents))
    assert sum("textual below frames: speaker" in line.split("\n") for line in words) == len(RUNS)


def test_tables_alone_can_be_drawn(tables):
    assert "hubert-english, untrained" in drawn(disentangling.draw(**tables))


def test_only_the_declared_layer_is_drawn(tables):
    rows = disentangling.drawn_rows(**tables, context=CONTEXT)
    assert set(rows.query("analysis == 'geometry'")["layer"]) == {"T1", "input"}
    assert (rows["analysis"] == "probes").sum() == (tables["latents"]["analysis"] == "probes").sum()


def test_a_model_without_results_is_named(tables):
    with pytest.raises(AnalysisError, match="expected model 'absent' in the table of disentangling"):
        disentangling.draw(**tables, context=context_of("disentangling", shown=["absent"]))


@pytest.mark.parametrize(
    ("planted_rows", "sentence"),
    [
        (
            erasure_table(0.52, 0.67, "not determined"),
            "linear probe .52 [.48, .56], network .67 (chance .50); orthogonality to phone class not determined.",
        ),
        (
            erasure_table(0.52, 0.52),
            "linear probe .52 [.48, .56], network .52 (chance .50); orthogonal to phone class.",
        ),
        (
            erasure_table(0.7, None, "shared"),
            "linear probe .70 [.66, .74] (chance .50); subspace shared with phone class.",
        ),
        (
            erasure_table(0.52, 0.6, width=np.nan),
            "linear probe .52 without interval, network .60 (chance .50); orthogonal to phone class.",
        ),
    ],
)
def test_the_finding_states_what_a_line_and_a_network_still_read_and_what_is_known_of_the_subspace(
    planted_rows, sentence
):
    found = finding({"table": planted_rows, "latents": latents_table()})
    assert found == f"Gender erased from HuBERT (English): {sentence}"
    assert len(found.split()) <= 22


def test_without_a_trained_model_or_without_erasure_there_is_no_finding(tables):
    table, latents = tables["table"], tables["latents"]
    untrained, unmodelled = table[table["step"] == "0"], table[table["model"] == "mel"]
    assert finding({"table": untrained, "latents": latents}) == ""
    assert finding({"table": unmodelled, "latents": latents}) == ""
    assert finding({"table": table[table["method"] != "leace"], "latents": latents}).startswith("Gender erased")
    assert finding({"table": table[table["analysis"] != "erasure"], "latents": latents}) == ""


def test_files_are_the_same_when_drawn_twice_and_name_their_sources(tmp_path, tables):
    stems = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        for name, table in tables.items():
            write_table(table, folder / f"{name}.csv")
        inputs = {name: str(folder / f"{name}.csv") for name in tables}
        stems.append(run_script("disentangling", folder, {"title": "Disentangling", "analysis": ANALYSIS}, inputs))
    for ending in ("pdf", "svg", "png", "csv", "json", "rst"):
        assert digest(Path(f"{stems[0]}.{ending}")) == digest(Path(f"{stems[1]}.{ending}")), ending
    assert set(json.loads(Path(f"{stems[0]}.json").read_text())["tables"]) == {"table.csv", "latents.csv"}
    assert "Gender erased from HuBERT" in Path(f"{stems[0]}.rst").read_text()


@pytest.mark.parametrize("models", [["hubert-english"], ["hubert-english", "mel"]])
def test_no_text_lies_over_text(tables, misplaced, models):
    context = context_of("disentangling", shown=models, analysis=ANALYSIS)
    plotting.save_pages(draw_styled(disentangling, context, **tables), "")
    assert misplaced == []


def test_pages_are_by_theme(figure):
    assert len(figure) == 3
    for page, title in zip(figure, ("Overlap of subspaces", "Mean projection", "Attribution to latents")):
        assert title in drawn(page)


def title(tables):
    return headline.describe_headline(**tables, context=CONTEXT)


def with_changes(tables, *, verdict=None, readouts=(), width=0.02):
    """Return tables in which verdicts, or accuracies of erased factors, of the trained model are given."""
    table = tables["table"].copy()
    trained = (table["model"] == "hubert-english") & (table["step"].astype(str) == "1500")
    if verdict:
        table.loc[trained & table["verdict"].notna(), "verdict"] = verdict
    own = trained & (table["metric"] == "balanced_accuracy") & (table["method"] == "leace")
    own &= table["factor"] == table["target"]
    for readout, over in readouts:
        rows = own & (table["readout"] == readout)
        for column, shift in (("value", 0), ("ci_low", -width), ("ci_high", width)):
            table.loc[rows, column] = table.loc[rows, "chance"] + over + shift
    return tables | {"table": table}


@pytest.mark.parametrize(
    ("models", "matrices"), [((), 2), (["hubert-english"], 2), (["mel"], 1), (["hubert-english", "mel"], 2)]
)
def test_the_slide_is_legible_and_its_title_is_the_finding(tables, models, matrices):
    context = context_of("disentangling", shown=models, analysis=ANALYSIS)
    with slide_style():
        slide = headline.draw(**tables, context=context)
    assert faults(slide, SLIDE_MM) == []
    assert " ".join(slide.texts[0].get_text().split()) == headline.describe_headline(**tables, context=context)
    assert len(slide.axes) == matrices + 1
    assert {"chance", "none", "phone class – gender", "Overlap of subspaces"} <= set(drawn(slide))
    assert not slide.legends


def test_the_slide_of_tables_alone_names_states_and_baselines(tables):
    with slide_style():
        words = drawn(headline.draw(**tables))
    assert words.count("trained") == words.count("untrained") == 2
    assert "mel" in words


@pytest.mark.parametrize(("verdict", "n"), [("orthogonal", 3), ("shared", 0), ("not determined", 0)])
def test_the_headline_counts_orthogonal_pairs_beside_the_untrained_model(tables, verdict, n):
    found = title(with_changes(tables, verdict=verdict))
    assert found.startswith(
        "Phone class, gender and language: subspaces overlap no more than random ones in "
        f"{n} of 3 pairs (untrained: in "
    )


@pytest.mark.parametrize(
    ("readouts", "said"),
    [
        (
            (("ridge", 0.0), ("mlp", 0.2)),
            "; once erased, above chance in 0 of 3 for a linear probe, 3 of 3 for a network",
        ),
        (
            (("ridge", 0.1), ("mlp", 0.0)),
            "; once erased, above chance in 3 of 3 for a linear probe, 0 of 3 for a network",
        ),
        (
            (("ridge", -0.1), ("mlp", -0.1)),
            "; once erased, above chance in 0 of 3 for a linear probe, 0 of 3 for a network",
        ),
    ],
)
def test_the_headline_counts_what_is_still_read_of_erased_factors(tables, readouts, said):
    assert title(with_changes(tables, readouts=readouts)).endswith(said)


def test_the_headline_without_intervals_counts_nothing(tables):
    bare = with_changes(tables, readouts=(("ridge", 0.1), ("mlp", 0.2)), width=np.nan)
    assert title(bare).endswith("above chance by at most: a linear probe .10, a network .20")


def test_a_slide_without_erasure_is_refused(tables):
    table = tables["table"]
    with pytest.raises(AnalysisError, match="expected erasures at a declared layer"):
        headline.draw(table[table["analysis"] != "erasure"], tables["latents"])


def test_the_caption_takes_its_numbers_from_the_study():
    figure = {"name": "disentangling", "title": "T", "models": ["hubert-english", "mel"], "analysis": ANALYSIS}
    caption = caption_of("disentangling", {"figure": figure, "study": STUDY, "models": MODELS})
    for text in (
        "Subspaces of phone class, gender and language at layer T1 of HuBERT (English) and log-mel. Seen.",
        "95 % of 321 random pairs",
        "(4 folds)",
        "1234 resamplings of speakers",
    ):
        assert text in caption
    assert "problematic" not in caption
