"""Roles disjoint in kinds of voices, penalties chosen by leaving kinds out, and the dose curve, on planted data."""

import numpy as np
import pandas as pd
import pytest
import torch

from auscult.analyses.scrubbing import analysis
from auscult.analyses.scrubbing.analysis import scrub_gender
from auscult.analyses.scrubbing.conditions import plan_conditions
from auscult.analyses.scrubbing.items import choose_items, leave_kinds_out, voice_bands
from auscult.analyses.scrubbing.probes import choose_validation, probe_gender
from auscult.analyses.scrubbing.settings import ScrubbingSettings, ScrubbingSplits
from auscult.corpora.corpus import Corpus
from auscult.erasure.erasers import Eraser
from auscult.errors import AnalysisError
from auscult.manifests import Manifest
from auscult.models.acoustic import acoustic_model

SPLITS = ScrubbingSplits()
NAMES = {"corpus": "c", "model": "m", "step": "final"}


def voices(n_train=72, n_test=36, n_each=3):
    """Return a corpus without recordings whose voices have a tract and a pitch, independent of each other."""
    rng, rows = np.random.default_rng(0), []
    for split, n_speakers in (("train", n_train), ("test", n_test)):
        for s in range(n_speakers):
            tract, pitch = rng.normal(size=2)
            for i in range(n_each):
                name, gender = f"{split}{s:03d}", ("female", "male")[s % 2]
                rows.append((f"{name}-{i}", name, gender, "a b", split, tract, 150 + 30 * pitch))
    columns = ["utterance", "speaker", "gender", "text", "split", "tract", "pitch_hz"]
    return Corpus("c", None, pd.DataFrame(rows, columns=columns).assign(n_samples=100), None, Manifest({}))


def folds_of(corpus, kinds=("tract", "pitch_hz"), n_utterances=None):
    return leave_kinds_out(corpus, kinds, splits=SPLITS, n_utterances=n_utterances, n_test=None, seed=0)


@pytest.mark.parametrize("kinds", [("tract", "pitch_hz"), ("tract",)])
def test_no_kind_and_no_speaker_has_two_roles_and_every_test_voice_is_tested_once(kinds):
    corpus = voices()
    folds = folds_of(corpus, kinds)
    tested = [name for items in folds for name in items.table.loc[items.table["role"] == "test", "speaker"].unique()]
    assert sorted(tested) == sorted(corpus.utterances.loc[corpus.utterances["split"] == "test", "speaker"].unique())
    for items in folds:
        for column in ("kind", "speaker"):
            parts = [set(items.table.loc[items.table["role"] == role, column]) for role in ("erase", "probe", "test")]
            assert all(parts)
            assert sum(map(len, parts)) == len(set.union(*parts))
        assert (items.table.groupby("role")["gender"].nunique() == 2).all()
    # Of two properties, every role has every band; of one, a single band.
    first = {kind.split("-")[0] for kind in folds[0].table.loc[folds[0].table["role"] == "erase", "kind"]}
    assert len(first) == (3 if len(kinds) == 2 else 1)


def test_bands_are_terciles_of_each_gender():
    corpus = voices()
    table = corpus.utterances.assign(tract=corpus.utterances["tract"] + 100 * (corpus.utterances["gender"] == "male"))
    train = table[table["split"] == "train"]
    bands = voice_bands(train, train, ["tract"], "c")[:, 0]
    counts = pd.crosstab(train["gender"].to_numpy(), bands)
    assert (counts == 36).all(axis=None)


def test_a_missing_property_is_refused():
    with pytest.raises(AnalysisError, match=r"number in column 'breath' for every utterance of corpus 'c', found none"):
        folds_of(voices(), ("breath",))
    corpus = voices()
    table = corpus.utterances.assign(tract=np.where(corpus.utterances["speaker"] == "test003", np.nan, 1.0))
    with pytest.raises(AnalysisError, match="take it out of analyses: scrubbing: kinds"):
        folds_of(Corpus("c", None, table, None, corpus.manifest), ("tract",))


def test_penalties_are_chosen_by_leaving_kinds_out_or_else_speakers():
    items = folds_of(voices())[0]
    validation = choose_validation(items)
    kinds = items.table.loc[items.table["role"] == "probe", "kind"].to_numpy()
    assert validation.over == "kind"
    assert len(np.unique(validation.folds)) == 3
    assert pd.DataFrame({"kind": kinds, "fold": validation.folds}).drop_duplicates().shape == (3, 2)
    items = choose_items(voices(), splits=SPLITS, n_utterances=None, n_test=None, seed=0)
    validation = choose_validation(items)
    speakers = items.table.loc[items.table["role"] == "probe", "speaker"].to_numpy()
    assert validation.over == "speaker"
    pairs = pd.DataFrame({"speaker": speakers, "fold": validation.folds}).drop_duplicates()
    assert len(pairs) == len(np.unique(speakers))
    assert choose_validation(
        choose_items(voices(4, 4), splits=SPLITS, n_utterances=None, n_test=None, seed=0)
    ).over == ("utterance")


def test_kinds_left_out_show_what_voices_of_known_kinds_hide():
    items = folds_of(voices(n_train=180))[0]
    rows, rng = items.rows("probe", "test"), np.random.default_rng(0)
    codes, kinds = items["code"][rows], items["kind"][rows]
    # Gender has a direction of its own in every kind.
    direction = np.eye(9)[np.unique(kinds, return_inverse=True)[1]]
    x = direction * (2 * codes - 1)[:, None] + 0.1 * rng.normal(size=(len(rows), 9))
    answers = next(probe_gender(x, items, rows, probes=["ridge"]))
    pooled = items.table.assign(kind="")
    within = next(probe_gender(x, type(items)(pooled), rows, probes=["ridge"]))
    # Voices of known kinds promise what does not hold for others.
    assert within.valid_value > 0.95
    assert answers.valid_value < 0.75
    assert answers.hits.mean() < 0.75


class PlantedRuns:
    """An acoustic model whose frames hold gender in three blocks of dimensions, the same for all kinds of voice."""

    layers = ("input",)

    def __init__(self, model, corpus, *, edge_ms):
        rng = np.random.default_rng(0)
        table = corpus.utterances.sort_values("utterance")
        train = table[table["split"] == "train"]
        groups = voice_bands(train, table, ["tract", "pitch_hz"], "c").sum(axis=1) % 3
        self.base = {}
        for (_, row), group in zip(table.iterrows(), groups):
            sign = 1 if row["gender"] == "male" else -1
            mean = 2 * rng.normal(size=60) + 1.5 * sign * self.direction(group)
            self.base[row["utterance"]] = mean + rng.normal(size=(8, 60))

    def direction(self, group):
        return np.ones(60)

    def frames(self, names, layer, erasers):
        for name in names:
            yield [name], [torch.from_numpy(self.base[name])]

    def run(self, names, erasers):
        frames = [self.base[name] for name in names]
        frames = [erasers["input"].apply(x) for x in frames] if erasers else frames
        return {"input": np.stack([np.repeat(x.mean(axis=0)[None], 4, axis=0) for x in frames])}, None


class PlantedKinds(PlantedRuns):
    """Of three blocks with gender, each group of kinds lacks one, and any two groups share one."""

    def direction(self, group):
        return (np.arange(60) // 20 != group).astype(float)


def scrubbed(monkeypatch, runs):
    monkeypatch.setattr(analysis, "AcousticRuns", runs)
    settings = ScrubbingSettings(methods=("leace",), kinds=("tract", "pitch_hz"), n_resamples=200, n_permutations=100)
    table, erasers = scrub_gender(voices(n_train=144), acoustic_model("mel"), names=NAMES, settings=settings)
    found = table[(table["metric"] == "accuracy") & (table["probe"] == "ridge") & (table["position"] == "all")]
    return found.set_index(["disjoint_in", "method"]).sort_index(), erasers


def test_an_eraser_of_what_all_kinds_share_erases_for_other_kinds(monkeypatch):
    found, erasers = scrubbed(monkeypatch, PlantedRuns)
    assert found.loc[("kind", "none"), "value"] > 0.95
    assert found.loc[("kind", "leace"), "value"] < 0.75
    assert found.loc[("speaker", "leace"), "value"] < 0.75
    assert set(erasers) == {
        *(f"kind/{fold}/leace/frame/all/input" for fold in range(3)),
        "speaker/0/leace/frame/all/input",
    }
    assert found.loc[("kind", "leace"), "n_groups"] == 36
    assert found.loc[("kind", "leace"), "chosen_over"] == "kind"
    assert found.loc[("speaker", "leace"), "chosen_over"] == "speaker"


def test_an_eraser_that_does_not_generalise_to_other_kinds_is_found_out(monkeypatch):
    found, _ = scrubbed(monkeypatch, PlantedKinds)
    assert found.loc[("kind", "none"), "value"] > 0.95
    assert found.loc[("kind", "leace"), "value"] > 0.75
    assert found.loc[("speaker", "leace"), "value"] < found.loc[("kind", "leace"), "value"] - 0.1


def test_doses_are_planned_for_the_first_layer():
    conditions = plan_conditions(("cnn", "T1"), ["leace", "inlp"], single_layers=True, doses=(0.5, 0.25))
    assert [(each.method, each.erased_at, each.dose) for each in conditions] == [
        ("none", "", 0.0),
        ("leace", "cnn", 0.25),
        ("leace", "cnn", 0.5),
        ("leace", "cnn", 1.0),
        ("leace", "T1", 1.0),
        ("leace", "blocks", 1.0),
        ("leace", "all", 1.0),
        ("inlp", "all", 1.0),
    ]


def test_a_larger_dose_leaves_less_gender():
    rng = np.random.default_rng(0)
    codes = np.arange(400) % 2
    x = rng.normal(size=(400, 4)) + np.outer(2 * codes - 1, [1, 0, 0, 0])
    direction = np.eye(4)[:, :1]
    eraser = Eraser("random", np.zeros(4), direction, direction.T, 1, ("female", "male"))
    gaps = [np.ptp([eraser.partial(dose).apply(x)[codes == c, 0].mean() for c in (0, 1)]) for dose in (0.25, 0.5, 1)]
    gap = np.ptp([x[codes == c, 0].mean() for c in (0, 1)])
    assert np.allclose(gaps, [0.75 * gap, 0.5 * gap, 0])
