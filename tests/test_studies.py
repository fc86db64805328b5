"""A study's configuration: checked whole before anything runs, each mistake told in one line."""

from pathlib import Path

import pytest
import yaml

from auscult.errors import ConfigError
from auscult.studies import analysed_steps, check_study, leave_out, model_seed, runs_of, steps_of

ROOT = Path(__file__).parents[1]
SCHEMA = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())
STUDIES = [ROOT / "config.yaml", *sorted((ROOT / "studies").glob("*.yaml"))]


@pytest.fixture
def config():
    return yaml.safe_load((ROOT / "config.yaml").read_text())


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_every_study_of_the_repository_is_valid(path):
    assert check_study(yaml.safe_load(path.read_text()), SCHEMA)["study"]


def test_defaults_come_from_the_schema_and_the_input_is_not_changed(config):
    before = yaml.safe_dump(config)
    checked = check_study(config, SCHEMA)
    assert checked["models"]["hubert-english"]["crop_s"] == 2.0
    assert checked["models"]["mel"]["features"] == "mel"
    assert yaml.safe_dump(config) == before


def test_a_misspelt_key_is_named_with_the_likely_one(config):
    config["modles"] = config.pop("models")
    with pytest.raises(ConfigError, match=r"unknown key 'modles' in the study \(did you mean 'models'\?\)"):
        check_study(config, SCHEMA)


def test_a_misspelt_nested_key_is_told_with_its_place(config):
    config["corpora"]["english"]["sentence"] = {"train": 1}
    with pytest.raises(ConfigError, match="unknown key 'sentence' in corpora: english"):
        check_study(config, SCHEMA)


def test_a_missing_key_is_named(config):
    del config["models"]["hubert-english"]["steps"]
    with pytest.raises(ConfigError, match="expected key 'steps' in models: hubert-english"):
        check_study(config, SCHEMA)


def test_a_value_of_the_wrong_type_is_told_with_the_keys_meaning(config):
    config["models"]["hubert-english"]["steps"] = "1500"
    with pytest.raises(ConfigError, match="models: hubert-english: steps: '1500' is not of type 'array'"):
        check_study(config, SCHEMA)


def test_a_figure_that_names_an_unknown_model_is_an_error(config):
    config["figures"]["probing"]["models"] = ["hubert-englsh"]
    with pytest.raises(ConfigError, match=r"figures: probing: models, found 'hubert-englsh' \(did you mean"):
        check_study(config, SCHEMA)


def test_a_figure_of_a_model_that_its_analysis_leaves_out_is_an_error(config):
    config["analyses"]["probing"]["models"].remove("mel")
    with pytest.raises(ConfigError, match="expected one of the study's analyses: probing: models"):
        check_study(config, SCHEMA)


@pytest.mark.parametrize("family", ["probing", "abx"])
def test_a_target_that_an_analysis_does_not_define_is_an_error(config, family):
    config["analyses"][family]["corpora"]["english"] = ["phones"]
    with pytest.raises(ConfigError, match=rf"analyses: {family}: corpora: english, found 'phones'.*mean 'phone'"):
        check_study(config, SCHEMA)


def test_abx_without_the_probes_it_is_drawn_beside_is_an_error(config):
    del config["analyses"]["probing"], config["figures"]["probing"]
    with pytest.raises(ConfigError, match=r"expected analyses: probing beside analyses: abx.*add probing or leave"):
        check_study(config, SCHEMA)


def test_a_target_whose_values_no_baseline_holds_is_an_error(config):
    del config["models"]["f0"]
    for entry in (*config["analyses"].values(), *config["figures"].values()):
        entry["models"] = [model for model in entry["models"] if model != "f0"]
    with pytest.raises(ConfigError, match=r"acoustic features .* in analyses: probing: targets: log_f0: column: log_f0"):
        check_study(config, SCHEMA)


def test_a_reference_space_of_a_model_that_is_no_baseline_is_an_error(config):
    config["analyses"]["similarity"]["references"]["mel"]["model"] = "hubert-english"
    with pytest.raises(ConfigError, match=r"acoustic models .* in analyses: similarity: references: mel: model"):
        check_study(config, SCHEMA)


def test_how_similarity_is_measured_has_defaults(config):
    measures = check_study(config, SCHEMA)["analyses"]["similarity"]["measures"]
    assert (measures["metrics"][0], measures["n_resamples"]) == ("cka", 1000)


def test_an_analysis_of_an_unknown_corpus_is_an_error(config):
    config["analyses"]["reduction"]["corpora"] = ["englich"]
    with pytest.raises(ConfigError, match="analyses: reduction: corpora, found 'englich'"):
        check_study(config, SCHEMA)


def test_a_model_trained_on_a_corpus_without_training_split_is_an_error(config):
    config["models"]["hubert-english"]["corpus"] = "multilingual"
    with pytest.raises(ConfigError, match="expected a corpus with split 'train'"):
        check_study(config, SCHEMA)


def test_a_model_name_that_cannot_be_a_path_is_refused(config):
    config["models"]["../etc"] = {"source": "acoustic", "features": "mel"}
    with pytest.raises(ConfigError, match=r"'\.\./etc' does not match"):
        check_study(config, SCHEMA)


def test_steps_are_ordered_and_begin_untrained():
    assert steps_of("m", {"source": "hub", "revisions": {"20": "b", "100": "c", "5": "a"}}) == ["0", "5", "20", "100"]
    assert analysed_steps("m", {"source": "trained", "steps": [0, 10, 1500]}) == ["0", "1500"]
    assert analysed_steps("m", {"source": "acoustic"}) == ["final"]


def test_runs_follow_the_configuration(config):
    runs = list(runs_of(check_study(config, SCHEMA), "reduction"))
    assert runs[:3] == [("multilingual", "hubert-english", "0"), ("multilingual", "hubert-english", "1500"),
                        ("multilingual", "mel", "final")]  # fmt: skip


def test_a_models_seed_is_its_own_or_the_studys(config):
    assert model_seed(config, "hubert-english") == config["seed"]
    config["models"]["hubert-english"]["seed"] = 7
    assert model_seed(config, "hubert-english") == 7


def test_leaving_a_model_out_removes_it_everywhere(config):
    left = leave_out(check_study(config, SCHEMA), ["mel"])
    named = [left["models"], *(entry["models"] for entry in (*left["analyses"].values(), *left["figures"].values()))]
    assert not any("mel" in models for models in named)


def test_leaving_out_the_last_model_of_an_analysis_is_an_error(config):
    config["analyses"]["reduction"]["models"] = config["figures"]["reduction"]["models"] = ["mel"]
    with pytest.raises(ConfigError, match="expected a model in analyses: reduction once mel is left out"):
        leave_out(check_study(config, SCHEMA), ["mel"])


def test_steps_without_the_untrained_model_are_an_error(config):
    config["models"]["hubert-english"]["steps"] = [10, 100]
    with pytest.raises(ConfigError, match=r"expected 0, the untrained control, among models: hubert-english: steps"):
        check_study(config, SCHEMA)


def test_a_twin_of_another_seed_is_no_untrained_control(config):
    check_study(config, SCHEMA)
    config["models"]["hubert-nonspeech"]["seed"] = 5
    with pytest.raises(ConfigError, match=r"models: hubert-nonspeech: steps, .*, found \[1500\]; add 0"):
        check_study(config, SCHEMA)


def test_steps_that_train_nothing_are_an_error(config):
    config["models"]["hubert-english"]["steps"] = [0]
    with pytest.raises(ConfigError, match=r"expected a value of 1 or more among models: hubert-english: steps"):
        check_study(config, SCHEMA)


def test_a_training_corpus_without_held_out_part_is_an_error(config):
    for counts in ("sentences", "voices"):
        del config["corpora"]["english"][counts]["valid"]
    with pytest.raises(ConfigError, match="expected a corpus with split 'valid'"):
        check_study(config, SCHEMA)


def test_steps_of_a_sweep_may_be_written_as_numbers(config):
    config["models"]["sweep"] = {"source": "hub", "repository": "a/b", "revisions": {1000: "x", 20: "y"}}
    model = check_study(config, SCHEMA)["models"]["sweep"]
    assert [model["revisions"][step] for step in steps_of("sweep", model)[1:]] == ["y", "x"]


def test_a_hub_model_without_revision_is_told_which_keys_it_may_have(config):
    config["models"]["base"] = {"source": "hub", "repository": "a/b"}
    with pytest.raises(ConfigError, match="expected exactly one of the keys revision, revisions in models: base"):
        check_study(config, SCHEMA)


def test_a_missing_source_is_told_as_such(config):
    del config["models"]["mel"]["source"]
    with pytest.raises(ConfigError, match="expected key 'source' in models: mel"):
        check_study(config, SCHEMA)
