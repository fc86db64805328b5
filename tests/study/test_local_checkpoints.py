"""Checkpoints of a training run in local folders: by a pattern or one by one, complete or refused."""

import pytest
import yaml
from places import ROOT

from auscult.errors import ConfigError
from auscult.study.configuration import steps_of, uninitialised_models
from auscult.study.loading import load_study
from auscult.study.local_checkpoints import expand_steps, local_checkpoint

SCHEMA = yaml.safe_load((ROOT / "workflow/schemas/study.schema.yaml").read_text())


def study(**model):
    return {
        "study": "mine",
        "title": "My run",
        "seed": 1,
        "corpora": {"speech": {"source": "folder", "reader": "textgrid", "path": "corpus"}},
        "models": {"run": {"source": "folder", **model}},
        "activations": {"tiers": ["phone"], "splits": ["test"]},
        "analyses": {"reduction": {"models": ["run"], "corpora": ["speech"], "layers": ["T1"], "factors": ["speaker"]}},
        "figures": {"reduction": {"title": "Maps"}},
    }


@pytest.fixture
def folder(tmp_path):
    for name in ("corpus", *(f"runs/checkpoint-{step}" for step in ("0500", "1000", "20000", "final", "x3"))):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path


def load(folder, **model):
    return load_study(study(**model), SCHEMA, folder, lambda *_: True).config["models"]["run"]


def test_a_pattern_finds_every_folder_of_a_number(folder):
    model = load(folder, path="runs/checkpoint-{step}", layers=["T1"])
    assert steps_of("run", model) == ["0", "500", "1000", "20000"]
    assert local_checkpoint(model, "500") == "runs/checkpoint-0500"
    assert local_checkpoint(model, "0") is None
    assert uninitialised_models({"models": {"run": model}}) == ["run"]


def test_a_list_chooses_among_them(folder):
    assert steps_of("run", load(folder, path=str(folder / "runs/checkpoint-{step}"), steps=[20000])) == ["0", "20000"]


def test_folders_below_the_step_and_an_untrained_one(folder):
    for step in (0, 7):
        (folder / f"other/{step}/hf").mkdir(parents=True)
    model = load(folder, path="other/{step}/hf")
    assert [local_checkpoint(model, step) for step in ("0", "7")] == ["other/0/hf", "other/7/hf"]
    assert uninitialised_models({"models": {"run": model}}) == []


def test_folders_can_be_named_one_by_one(folder):
    model = load(folder, steps={1000: "runs/checkpoint-1000", 20000: "runs/checkpoint-20000"})
    assert steps_of("run", model) == ["0", "1000", "20000"]


def test_one_folder_is_as_before(folder):
    model = load(folder, path="runs/checkpoint-final")
    assert (steps_of("run", model), local_checkpoint(model, "final")) == (["0", "final"], "runs/checkpoint-final")


def test_more_than_a_hundred_folders(folder):
    for step in range(122):
        (folder / f"many/{step * 100}").mkdir(parents=True)
    assert len(steps_of("run", load(folder, path="many/{step}"))) == 122


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            {"path": "runs/step-{step}"},
            r"expected folders matching runs/step-\{step\} at models: run: path, found none",
        ),
        (
            {"path": "runs/checkpoint-{step}", "steps": [500, 700, 900]},
            r"expected folders of step 700, 900 at models: run: path, found those of 3 steps \(500, 1000, 20000",
        ),
        ({"steps": {1: "runs/a", 2: "runs/b"}}, r"expected a folder at models: run: steps: 1 and 1 more, found none"),
        ({"steps": {1: "corpus", 2: "corpus/"}}, r"a folder of its own for each step .* for steps 1 and 2"),
        ({}, r"expected in models: run either path.*found neither"),
        ({"path": "corpus", "steps": {1: "corpus"}}, r"expected in models: run either path.*found path, steps"),
        ({"path": "corpus", "steps": [1]}, r"expected in models: run either path.*found path, steps"),
    ],
)
def test_what_does_not_fit_is_refused(folder, model, message):
    with pytest.raises(ConfigError, match=message):
        load(folder, **model)


def test_two_folders_of_one_step_are_refused(folder):
    (folder / "runs/checkpoint-500").mkdir()
    with pytest.raises(ConfigError, match=r"one folder per step .* found .*checkpoint-0500 and .*checkpoint-500"):
        load(folder, path="runs/checkpoint-{step}")


def test_a_faulty_study_is_left_to_the_schema(tmp_path):
    for models in (None, [], {"run": "x"}, {"run": {"source": "folder", "path": 3}}):
        assert expand_steps({"models": models}, tmp_path)["models"] == models
