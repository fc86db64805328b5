"""The figure of disentangling, drawn from measured tables of planted vectors as Snakemake draws it."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from disentangling_planted import planted
from figure_cases import MODELS, STUDY, caption_of, run_script, texts

from auscult.analyses.disentangling.analysis import disentangle_activations
from auscult.analyses.disentangling.latents import LATENT_COLUMNS, LATENTS
from auscult.analyses.disentangling.settings import DisentanglingSettings
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
    return main_table(), latents_table()


def draw(folder, tables, figure=None):
    for name, table in zip(("disentangling", "latents"), tables):
        write_table(table, folder / f"{name}.csv")
    inputs = {"table": str(folder / "disentangling.csv"), "latents": str(folder / "latents.csv")}
    figure = figure or {"title": "Disentangling", "analysis": ANALYSIS}
    return run_script("disentangling", folder, figure, inputs)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory, tables):
    return texts(draw(tmp_path_factory.mktemp("disentangling"), tables))


def test_disentangling_states_models_counts_and_what_was_resampled(drawn):
    words = " ".join(drawn)
    assert "16 speakers" in words
    assert "95 % interval over speakers" in words
    assert {"HuBERT (English)", "HuBERT (English), untrained", "log-mel", "random subspaces, 95 %"} <= set(drawn)
    assert "phone error rate 0.43" in words
    assert "trained on 480 utterances" in words


def test_disentangling_names_factors_methods_and_chance(drawn):
    words = " ".join(drawn)
    for name in ("LEACE", "Class means projected out", "Random directions", "nothing", "(chance .50)", "(chance .33)"):
        assert name in words
    assert "phone class – other voices" in drawn
    assert "gender – language" in drawn


def test_of_a_score_that_may_be_nothing_no_shares_are_drawn(drawn):
    # Of the untrained model's words, and of scores of the planted vectors none.
    assert drawn.count("nothing is predicted") == 1


def test_disentangling_draws_the_declared_layer_alone(tmp_path, tables):
    stem = draw(tmp_path, tables)
    assert set(pd.read_csv(f"{stem}.csv").query("analysis == 'geometry'")["layer"]) == {"T1", "input"}


def test_disentangling_of_a_model_without_results_ends_in_one_line(tmp_path, tables, capsys):
    with pytest.raises(SystemExit):
        draw(tmp_path, tables, {"title": "", "models": ["absent"], "analysis": ANALYSIS})
    assert "auscult: expected model 'absent' in" in capsys.readouterr().err


def test_disentangling_drawn_twice_has_the_same_bytes_and_names_its_sources(tmp_path, tables):
    stems = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        stems.append(draw(folder, tables))
    for ending in ("pdf", "svg", "png", "csv", "json"):
        assert digest(Path(f"{stems[0]}.{ending}")) == digest(Path(f"{stems[1]}.{ending}")), ending
    assert set(json.loads(Path(f"{stems[0]}.json").read_text())["tables"]) == {"disentangling.csv", "latents.csv"}


@pytest.mark.parametrize("models", [["hubert-english"], ["hubert-english", "mel"]])
def test_disentangling_lays_no_text_over_text(tmp_path, tables, misplaced, models):
    draw(tmp_path, tables, {"title": "", "models": models, "analysis": ANALYSIS})
    assert misplaced == []


def test_the_caption_takes_its_numbers_from_the_study():
    figure = {"name": "disentangling", "title": "T", "models": ["hubert-english", "mel"], "analysis": ANALYSIS}
    caption = caption_of("disentangling", {"figure": figure, "study": STUDY, "models": MODELS})
    assert "1,234 resamplings" in caption
    assert "321 pairs" in caption
    assert "phone class, gender, language" in caption
    assert "problematic" not in caption
