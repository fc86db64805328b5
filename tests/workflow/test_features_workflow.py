"""The page on features made elsewhere, run as it stands, on a corpus with planted phones."""

import re

import h5py
import numpy as np
import pandas as pd
import pytest
import soundfile
import yaml
from places import ROOT
from workflow_runs import run

PAGE = (ROOT / "docs" / "howto" / "your-features.md").read_text(encoding="utf-8")
RATE_HZ = 16000
PHONES = {"a": 700, "i": 2300, "u": 350}
GRID = """File type = "ooTextFile"
Object class = "TextGrid"

0
{end}
<exists>
2
"IntervalTier"
"words"
0
{end}
1
0
{end}
"word"
"IntervalTier"
"phones"
0
{end}
{n}
{intervals}
"""


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.S)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a corpus of six speakers, each phone a tone of its own."""
    random = np.random.default_rng(0)
    for speaker in ("anna", "bert", "cleo", "dirk", "elsa", "finn"):
        (tmp_path / "my-corpus" / speaker).mkdir(parents=True)
        for number in range(2):
            labels = list(random.permutation(list(PHONES) * 4))
            times = np.arange(int(0.1 * RATE_HZ)) / RATE_HZ
            tones = [np.sin(2 * np.pi * PHONES[label] * random.uniform(0.9, 1.1) * times) for label in labels]
            waveform = 0.2 * np.concatenate(tones) + random.normal(0, 0.02, len(times) * len(labels))
            stem = tmp_path / "my-corpus" / speaker / f"{number:03d}"
            soundfile.write(f"{stem}.wav", waveform, RATE_HZ)
            intervals = "\n".join(f'{i / 10:g}\n{(i + 1) / 10:g}\n"{label}"' for i, label in enumerate(labels))
            grid = GRID.format(end=len(labels) / 10, n=len(labels), intervals=intervals)
            stem.with_suffix(".TextGrid").write_text(grid)
    (tmp_path / "mine.yaml").write_text(blocks("yaml")[0])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def build(place, *more, **options):
    return run(
        "snakemake",
        "--snakefile",
        str(ROOT / "Snakefile"),
        "--cores",
        "2",
        "--configfile",
        "mine.yaml",
        "--directory",
        "runs/mine",
        *more,
        cwd=place,
        **options,
    )


def with_more(study):
    """Return the study of the page with items kept, and probes trained on a second corpus."""
    study["corpora"]["other"] = study["corpora"]["mine"]
    probing = study["analyses"]["probing"]
    probing["keep_items"] = True
    probing["targets"]["across"] = probing["targets"]["phone"] | {"train": {"corpus": "other"}}
    probing["corpora"]["mine"].append("across")
    return study


def test_the_page_on_features_runs_as_it_stands(place):
    make, export = blocks("python")
    exec(make, {"__name__": "page"})
    build(place, "--", "results/figures/probing.svg")
    table = pd.read_csv(place / "runs/mine/results/probing/probing.csv")
    shown = table.query("model == 'my-features' and layer == 'selected' and labels == 'true' and probe == 'logistic'")
    assert shown.query("metric == 'accuracy'")["value"].item() > 0.9
    study = with_more(yaml.safe_load((place / "mine.yaml").read_text()))
    (place / "mine.yaml").write_text(yaml.safe_dump(study))
    build(place, "--", "probing")
    items = pd.read_parquet(place / "runs/mine/results/probing/items/mine.parquet")
    assert set(items.query("target == 'across'")["utterance"].str.split(":").str[0]) == {"mine"}
    written = (place / "runs/mine/results/probing").rglob("mine.*")
    assert {path.name for path in written if path.parent.name != ".seals"} == {
        "mine.csv",
        "mine.parquet",
        "mine.safetensors",
    }
    exec(export, {"__name__": "page"})
    with h5py.File(place / "exported" / "activations.h5") as stream:
        assert stream["features"].shape == (6 * 2 * 12, 24)
    (place / "my-features" / "anna" / "000.npy").unlink()
    assert "no array for 1 of 12 utterances: anna-000; add them" in build(place, "--", "probing", ok=False)

