"""Looks of models: a colour of its own in every figure, that other models do not change, and that a study can set."""

import pytest
import yaml
from places import ROOT

from auscult.errors import ConfigError
from auscult.figures.palette import model_style
from auscult.seeds import task_of
from auscult.study.configuration import check_study, models_of
from auscult.study.looks import figure_entry, study_entry, with_colours
from auscult.study.schema import build_schema

SCHEMA = build_schema(yaml.safe_load((ROOT / "workflow/schemas/study.schema.yaml").read_text()))
STUDIES = [ROOT / "config.yaml", *sorted((ROOT / "studies").glob("*.yaml"))]


def study(path=ROOT / "config.yaml", **models):
    config = yaml.safe_load(path.read_text())
    for name, entry in models.items():
        config["models"][name.replace("_", "-")].update(entry)
    return check_study(config, SCHEMA)


@pytest.mark.parametrize("path", STUDIES, ids=[path.stem for path in STUDIES])
def test_no_two_conditions_of_one_analysis_share_a_colour(path):
    config = study(path)
    colours = {name: model.get("colour") for name, model in with_colours(config).items()}
    for family, analysis in config["analyses"].items():
        shown = {task_of(name): colours[name] for name in models_of(analysis) if colours[name]}
        assert len(set(shown.values())) == len(shown), family


def test_seeds_of_one_condition_share_a_colour_and_differ_in_the_marker():
    styles = model_style(with_colours(study()))
    first, second = styles["hubert-dutch"], styles["hubert-dutch-2"]
    assert first.colour == second.colour
    assert first.marker != second.marker


def test_a_colour_set_in_an_entry_is_kept_and_given_to_no_model_beside_it():
    config = study(hubert_dutch={"colour": "#0072B2"})
    colours = {name: model.get("colour") for name, model in with_colours(config).items()}
    assert colours["hubert-dutch"] == "#0072B2"
    beside = {
        name
        for analysis in config["analyses"].values()
        if "hubert-dutch" in models_of(analysis)
        for name in models_of(analysis)
        if task_of(name) != "hubert-dutch"
    }
    assert "#0072B2" not in {colours[name] for name in beside}


def test_a_model_added_at_the_end_changes_no_other_colour():
    config = study()
    before = with_colours(config)
    config["models"]["one-more"] = {**config["models"]["hubert-dutch"]}
    config["analyses"]["probing"]["models"].append("one-more")
    after = with_colours(config)
    assert {name: after[name] for name in before} == before


def test_a_colour_that_is_none_is_refused_by_name():
    with pytest.raises(ConfigError, match="models: hubert-dutch: colour: 'blue' does not match"):
        study(hubert_dutch={"colour": "blue"})


def test_acoustic_baselines_stay_grey():
    styles = model_style(with_colours(study()))
    assert all(len({*map(int, bytes.fromhex(styles[name].colour[1:]))}) == 1 for name in ("mel", "mfcc", "f0", "time"))


def test_a_figure_gets_its_entry_its_analysis_and_what_was_left_out():
    config = study()
    entry = figure_entry(config, "tone")
    assert (entry["name"], entry["analysis"]) == ("tone", config["analyses"]["tone"])
    shown = study_entry(config, ["wav2vec2-base"])
    assert shown["sources"]["english"] == "synthetic"
    assert shown["left_out"] == {"wav2vec2-base": "the hub could not be reached"}
