"""Files of a figure, written by the figure script as Snakemake runs it: with an injected object."""

import json
from pathlib import Path

import pandas as pd
import pytest
from figure_cases import draw_probing, probing_table, texts

from auscult.manifests import digest


def test_a_figure_drawn_twice_has_the_same_bytes_and_names_its_sources(tmp_path):
    stems = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        stems.append(draw_probing(folder, probing_table([("english", "phone")])))
    for ending in ("pdf", "svg", "png", "csv", "json", "rst"):
        assert digest(Path(f"{stems[0]}.{ending}")) == digest(Path(f"{stems[1]}.{ending}")), ending
    source = json.loads(Path(f"{stems[0]}.json").read_text())
    assert set(source["corpora"]) == {"english"}
    assert set(source["models"]) == {"hubert-english/1500"}


def test_a_figure_shows_only_the_models_of_its_entry(tmp_path):
    figure = {"title": "One", "models": ["mel", "hubert-english"]}
    stem = draw_probing(tmp_path, probing_table([("english", "phone")]), figure)
    assert "wav2vec 2.0 (English)" not in texts(stem)
    assert set(pd.read_csv(f"{stem}.csv")["model"]) == {"mel", "hubert-english"}


def test_a_model_without_results_ends_in_one_line(tmp_path, capsys):
    with pytest.raises(SystemExit):
        draw_probing(tmp_path, probing_table([("english", "phone")]), {"title": "", "models": ["absent"]})
    assert "auscult: expected model 'absent' in" in capsys.readouterr().err
    assert not (tmp_path / "figures").exists()


def test_the_finding_stands_in_the_caption(tmp_path):
    stem = draw_probing(tmp_path, probing_table([("english", "phone")]))
    assert Path(f"{stem}.rst").read_text().startswith("Shown. Phone accuracy of HuBERT (English) on english is ")
