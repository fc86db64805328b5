"""Configuration of a study: it is checked before anything runs, and every mistake is reported in one line."""

import re

import pytest
import yaml
from places import ROOT

from auscult.errors import ConfigError
from auscult.models.training.architecture import DEFAULT_ARCHITECTURE
from auscult.requirements import DEFAULT_LAYERS
from auscult.study.configuration import (
    analysed_steps,
    check_study,
    leave_out,
    model_seed,
    read_steps,
    runs_of,
    steps_of,
    teacher_of,
    tiers_of,
)
from auscult.study.extractions import extracted_sweeps
from auscult.study.schema import build_schema

SCHEMA = build_schema(yaml.safe_load((ROOT / "workflow/schemas/study.schema.yaml").read_text()))
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


def test_a_misspelt_key_is_reported_with_the_closest_known_key(config):
    config["modles"] = config.pop("models")
    with pytest.raises(ConfigError, match=r"unknown key 'modles' in the study \(did you mean 'models'\?\)"):
        check_study(config, SCHEMA)


def test_a_misspelt_nested_key_is_reported_with_its_path(config):
    config["corpora"]["english"]["sentence"] = {"train": 1}
    with pytest.raises(ConfigError, match="unknown key 'sentence' in corpora: english"):
        check_study(config, SCHEMA)


def test_a_missing_key_is_reported(config):
    del config["models"]["hubert-english"]["steps"]
    with pytest.raises(ConfigError, match="expected key 'steps' in models: hubert-english"):
        check_study(config, SCHEMA)


def test_a_value_of_the_wrong_type_is_reported_with_the_expected_type(config):
    config["models"]["hubert-english"]["steps"] = "1500"
    with pytest.raises(ConfigError, match="models: hubert-english: steps: '1500' is not of type 'array'"):
        check_study(config, SCHEMA)


def test_a_figure_that_names_an_unknown_model_is_an_error(config):
    config["figures"]["probing"]["models"] = ["hubert-englsh"]
    with pytest.raises(ConfigError, match=r"figures: probing: models, found 'hubert-englsh' \(did you mean"):
        check_study(config, SCHEMA)


def test_a_figure_of_a_model_that_is_not_in_its_analysis_is_an_error(config):
    config["analyses"]["probing"]["models"].remove("mel")
    with pytest.raises(ConfigError, match="expected one of the study's analyses: probing: models"):
        check_study(config, SCHEMA)


@pytest.mark.parametrize("family", ["probing", "abx"])
def test_a_target_that_an_analysis_does_not_define_is_an_error(config, family):
    config["analyses"][family]["corpora"]["english"] = ["phones"]
    with pytest.raises(ConfigError, match=rf"analyses: {family}: corpora: english, found 'phones'.*mean 'phone'"):
        check_study(config, SCHEMA)


def test_abx_without_probing_is_an_error(config):
    del config["analyses"]["probing"], config["figures"]["probing"]
    with pytest.raises(ConfigError, match=r"expected analyses: probing beside analyses: abx.*add probing or leave"):
        check_study(config, SCHEMA)


def test_a_target_with_values_that_no_acoustic_baseline_provides_is_an_error(config):
    del config["models"]["f0"]
    for entry in (*config["analyses"].values(), *config["figures"].values()):
        if "models" in entry:
            entry["models"] = [model for model in entry["models"] if model != "f0"]
    with pytest.raises(
        ConfigError, match=r"acoustic features .* in analyses: probing: targets: log_f0: column: log_f0"
    ):
        check_study(config, SCHEMA)


def test_a_reference_space_of_a_model_other_than_a_baseline_is_an_error(config):
    config["analyses"]["similarity"]["references"]["mel"]["model"] = "hubert-english"
    with pytest.raises(ConfigError, match=r"acoustic models .* in analyses: similarity: references: mel: model"):
        check_study(config, SCHEMA)


def test_similarity_measures_have_defaults(config):
    measures = check_study(config, SCHEMA)["analyses"]["similarity"]["measures"]
    assert (measures["metrics"][0], measures["n_resamples"]) == ("cka", 1000)


def test_an_analysis_of_an_unknown_corpus_is_an_error(config):
    config["analyses"]["reduction"]["corpora"] = ["englich"]
    with pytest.raises(ConfigError, match="analyses: reduction: corpora, found 'englich'"):
        check_study(config, SCHEMA)


def test_a_model_trained_on_a_corpus_without_training_split_is_an_error(config):
    for counts in ("sentences", "voices"):
        del config["corpora"]["dutch"][counts]["train"]
    with pytest.raises(ConfigError, match="expected a corpus with split 'train'"):
        check_study(config, SCHEMA)


def test_a_model_name_that_is_not_safe_as_a_path_is_an_error(config):
    config["models"]["../etc"] = {"source": "acoustic", "features": "mel"}
    with pytest.raises(ConfigError, match=r"'\.\./etc' does not match"):
        check_study(config, SCHEMA)


def test_steps_are_in_training_order_and_start_with_the_untrained_model():
    assert steps_of("m", {"source": "hub", "revisions": {"20": "b", "100": "c", "5": "a"}}) == ["0", "5", "20", "100"]
    assert analysed_steps("m", {"source": "trained", "steps": [0, 10, 1500]}) == ["0", "1500"]
    assert analysed_steps("m", {"source": "acoustic"}) == ["final"]


def test_runs_are_in_the_order_of_the_configuration(config):
    config["models"]["hubert-english"]["steps"] = [0, 100, 1500]
    runs = list(runs_of(check_study(config, SCHEMA), "reduction"))
    assert runs[:3] == [
        ("multilingual", "hubert-english", "0"),
        ("multilingual", "hubert-english", "1500"),
        ("multilingual", "mel", "final"),
    ]


def test_a_model_can_be_added_to_a_single_corpus(config):
    runs = set(runs_of(check_study(config, SCHEMA), "probing"))
    assert {corpus for corpus, model, _ in runs if model == "recogniser-french"} == {"french"}
    assert {corpus for corpus, model, _ in runs if model == "mel"} == set(config["analyses"]["probing"]["corpora"])


@pytest.mark.parametrize(
    ("also", "message"),
    [
        ({"frensh": ["mel"]}, r"in analyses: probing: also, found 'frensh' \(did you mean 'french'\?\)"),
        ({"french": ["mell"]}, r"in analyses: probing: also: french, found 'mell' \(did you mean 'mel'\?\)"),
    ],
)
def test_unknown_corpora_and_models_under_also_are_errors(config, also, message):
    config["analyses"]["probing"]["also"] = also
    with pytest.raises(ConfigError, match=message):
        check_study(config, SCHEMA)


def test_the_seed_of_a_model_defaults_to_the_seed_of_the_study(config):
    assert model_seed(config, "hubert-english") == config["seed"]
    config["models"]["hubert-english"]["seed"] = 7
    assert model_seed(config, "hubert-english") == 7


def test_leaving_a_model_out_removes_it_everywhere(config):
    left = leave_out(check_study(config, SCHEMA), ["mel"])
    named = [left["models"], *(entry["models"] for entry in (*left["analyses"].values(), *left["figures"].values()))]
    assert not any("mel" in models for models in named)


def test_a_fine_tuned_model_is_left_out_with_its_starting_model(config):
    config |= {
        "analyses": {"probing": config["analyses"]["probing"]},
        "figures": {},
        "listen": {"english": config["listen"]["english"]},
    }
    left = leave_out(check_study(config, SCHEMA), ["hubert-english"])
    assert left["analyses"]["probing"]["also"] == {"french": [], "dutch": ["hubert-dutch", "hubert-multilingual"]}
    assert "recogniser-french" not in left["models"]


def test_leaving_out_the_last_model_of_an_analysis_is_an_error(config):
    config["analyses"]["reduction"]["models"] = config["figures"]["reduction"]["models"] = ["mel"]
    with pytest.raises(ConfigError, match="expected a model in analyses: reduction once mel is left out"):
        leave_out(check_study(config, SCHEMA), ["mel"])


def test_an_untrained_model_shared_by_several_models_is_read_once(config):
    study = check_study(config, SCHEMA)
    steps = [
        step for corpus, model, step in runs_of(study, "abx") if (corpus, model) == ("english", "hubert-nonspeech")
    ]
    assert read_steps(study, "abx", "hubert-english")[0] == "0"
    assert (
        steps
        == read_steps(study, "abx", "hubert-nonspeech")
        == analysed_steps("", study["models"]["hubert-nonspeech"])[1:]
    )
    assert read_steps(study, "encoding", "hubert-nonspeech")[0] == "0"
    study["models"]["hubert-nonspeech"]["seed"] = 5
    assert read_steps(study, "abx", "hubert-nonspeech")[0] == "0"


def test_every_fine_tuned_seed_has_its_own_untrained_model(config):
    study = check_study(config, SCHEMA)
    assert [read_steps(study, "reliability", name)[0] for name in ("keyword-1", "keyword-2")] == ["0", "0"]


def test_steps_without_an_untrained_control_are_an_error(config):
    config["models"]["hubert-english"]["steps"] = [10, 100]
    with pytest.raises(ConfigError, match=r"expected 0, the untrained control, among models: hubert-english: steps"):
        check_study(config, SCHEMA)


def test_a_model_with_another_seed_is_not_an_untrained_control(config):
    config["models"]["hubert-nonspeech"]["steps"] = [1500]
    check_study(config, SCHEMA)
    config["models"]["hubert-nonspeech"]["seed"] = 5
    with pytest.raises(ConfigError, match=r"models: hubert-nonspeech: steps, .*, found \[1500\]; add 0"):
        check_study(config, SCHEMA)


def test_steps_without_a_trained_checkpoint_are_an_error(config):
    config["models"]["hubert-english"]["steps"] = [0]
    with pytest.raises(ConfigError, match=r"expected a value of 1 or more among models: hubert-english: steps"):
        check_study(config, SCHEMA)


def test_a_training_corpus_without_a_validation_split_is_an_error(config):
    for counts in ("sentences", "voices"):
        del config["corpora"]["english"][counts]["valid"]
    with pytest.raises(ConfigError, match="expected a corpus with split 'valid'"):
        check_study(config, SCHEMA)


def test_steps_of_a_sweep_can_be_written_as_numbers(config):
    config["models"]["sweep"] = {"source": "hub", "repository": "a/b", "revisions": {20: "y", 1000: "x"}}
    model = check_study(config, SCHEMA)["models"]["sweep"]
    assert [model["revisions"][step] for step in steps_of("sweep", model)[1:]] == ["y", "x"]


def test_a_hub_model_without_revision_is_reported_with_the_possible_keys(config):
    config["models"]["base"] = {"source": "hub", "repository": "a/b"}
    with pytest.raises(
        ConfigError, match="expected key 'revision' in models: base, or revisions or repositories by step"
    ):
        check_study(config, SCHEMA)


def test_a_missing_source_is_reported(config):
    del config["models"]["mel"]["source"]
    with pytest.raises(ConfigError, match="expected key 'source' in models: mel"):
        check_study(config, SCHEMA)


def changed(config, place, **changes):
    """Update the part of the analyses at a path of keys."""
    entry = config["analyses"]
    for key in place.split():
        entry = entry[key]
    entry |= changes


PHONE = "probing targets phone"
SPEAKER = "probing targets speaker"


@pytest.mark.parametrize(
    ("place", "changes", "message"),
    [
        (PHONE, {"tier": "syllable"}, "probing: targets: phone: tier, found 'syllable'"),
        ("reduction", {"tier": "syllable"}, "reduction: tier, found 'syllable'"),
        ("similarity", {"tier": "syllable"}, "similarity: tier, found 'syllable'"),
        ("similarity references word", {"tier": "syllable"}, "references: word: tier, found 'syllable'"),
        ("abx targets phone", {"tier": "syllable"}, "abx: targets: phone: tier, found 'syllable'"),
        (SPEAKER, {"control": True}, "probing: target 'speaker': expected a column of types where control is asked"),
        (SPEAKER, {"held_out": "type"}, "expected a column of types where held_out is 'type'"),
        (PHONE, {"held_out": "type"}, "found held_out 'type', which keeps them apart"),
        (PHONE, {"kind": "values"}, "expected kind classes for a control task, found values"),
        (PHONE, {"kind": "values", "control": False}, "expected kind classes for mlp, mdl, found values"),
        (PHONE, {"nonlinear": ["attention"]}, "expected tier utterance for probe 'attention', found 'phone'"),
        ("reduction", {"layers": ["T3", "T9"]}, "hubert-english (cnn, embed, T1, T2, T3, T4) in analyses: reduction"),
        ("probing", {"n_folds": 30}, "expected at least 30 voices (test) in corpora: english: voices"),
    ],
)
def test_invalid_settings_of_analyses_are_reported_before_anything_runs(config, place, changes, message):
    changed(config, PHONE, mdl=True)
    changed(config, place, **changes)
    with pytest.raises(ConfigError, match=re.escape(message)) as caught:
        check_study(config, SCHEMA)
    assert "\n" not in str(caught.value)


def test_an_attention_probe_without_extracted_phones_is_an_error(config):
    config["analyses"] = {"probing": config["analyses"]["probing"]}
    config["figures"] = {"probing": config["figures"]["probing"]}
    targets = config["analyses"]["probing"]["targets"]
    for name in set(targets) - {"gender"}:
        del targets[name]
    config["analyses"]["probing"] |= {"corpora": {"english": ["gender"]}, "also": {}}
    config["activations"]["tiers"] = ["utterance"]
    targets["gender"]["nonlinear"] = ["attention"]
    with pytest.raises(ConfigError, match="targets: gender: nonlinear: attention, which reads phones, found 'phone'"):
        check_study(config, SCHEMA)


def test_layers_of_a_model_without_an_architecture_of_its_own_are_the_defaults(config):
    assert DEFAULT_ARCHITECTURE["layers"] == DEFAULT_LAYERS
    config["models"]["hubert-english"]["architecture"] = {"layers": 2}
    config["models"]["hubert-nonspeech"]["architecture"] = {"layers": 2}
    with pytest.raises(ConfigError, match=r"\(cnn, embed, T1, T2\) in analyses: reduction: layers, found 'T3'"):
        check_study(config, SCHEMA)


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [("reduction", "methods", ["pca", "pca"]), ("reduction", "layers", ["T3", "T3"])],
)
def test_a_duplicate_method_or_layer_is_an_error(config, section, key, value):
    config["analyses"][section][key] = value
    with pytest.raises(ConfigError, match=f"analyses: {section}: {key}: .* has non-unique elements"):
        check_study(config, SCHEMA)


@pytest.mark.parametrize(("key", "value"), [("tiers", ["phone", "phone"]), ("splits", ["test", "test"])])
def test_a_duplicate_tier_or_split_is_an_error(config, key, value):
    config["activations"][key] = value
    with pytest.raises(ConfigError, match=f"activations: {key}: .* has non-unique elements"):
        check_study(config, SCHEMA)


def test_an_empty_type_is_an_error(config):
    changed(config, PHONE, type="")
    with pytest.raises(ConfigError, match="targets: phone: type: '' "):
        check_study(config, SCHEMA)


def test_an_early_checkpoint_is_not_analysed_as_the_untrained_model():
    assert analysed_steps("m", {"source": "trained", "steps": [25, 100, 1500]}) == ["1500"]


@pytest.mark.parametrize("family", ["probing", "similarity", "abx"])
def test_every_analysis_of_a_trained_model_needs_its_untrained_control(config, family):
    config["models"]["hubert-nonspeech"]["steps"] = [1500]
    config["analyses"][family].pop("also", None)
    for section in ("analyses", "figures"):
        config[section][family]["models"] = ["hubert-nonspeech", "mel"]
    expected = f"models: hubert-nonspeech: steps, .* in analyses: {family}: models, found"
    with pytest.raises(ConfigError, match=expected):
        check_study(config, SCHEMA)


@pytest.fixture
def smoke():
    return yaml.safe_load((ROOT / "studies/smoke.yaml").read_text())


def test_reliability_compares_explanations_of_the_same_class(smoke):
    assert check_study(smoke, SCHEMA)["analyses"]["attribution"]["explain"]["classes"] == "labelled"
    smoke["analyses"]["attribution"]["explain"] = {"classes": "predicted"}
    message = (
        r"expected explain: \{classes: labelled\} in analyses: attribution, so that reliability compares "
        "explanations of the same class by all models of keyword, found predicted"
    )
    with pytest.raises(ConfigError, match=message):
        check_study(smoke, SCHEMA)
    del smoke["analyses"]["reliability"], smoke["figures"]["reliability"]
    assert check_study(smoke, SCHEMA)["analyses"]["attribution"]["explain"]["classes"] == "predicted"


def test_the_labelled_class_is_explained_by_default(smoke):
    del smoke["analyses"]["attribution"]["explain"]
    assert check_study(smoke, SCHEMA)["analyses"]["attribution"]["explain"] == {"classes": "labelled", "ctc": "word"}


def test_comparing_seeds_requires_at_least_two_untrained_models(smoke):
    smoke["models"]["keyword-2"]["steps"] = [6]
    message = (
        "expected step 0 for at least two models of task keyword, whose agreement is the chance level of seeds, "
        "found it for keyword-1; add 0 to models: keyword-2: steps"
    )
    with pytest.raises(ConfigError, match=message):
        check_study(smoke, SCHEMA)
    smoke["analyses"]["reliability"]["tasks"]["keyword"]["between"] = ["methods"]
    check_study(smoke, SCHEMA)


@pytest.mark.parametrize(
    ("family", "key", "names", "message"),
    [
        ("attribution", "inputs_of_seeds", ["spectrogram"], r"attribution inputs \(waveform, cnn\) .*inputs_of_seeds"),
        ("reliability", "inputs", ["cnn"], r"attribution inputs of every seed \(waveform\) in .*reliability: inputs"),
        (
            "reliability",
            "randomised_units",
            ["frame"],
            r"attribution units \(word\) in .*reliability: randomised_units",
        ),
    ],
)
def test_reliability_requires_inputs_and_units_that_are_explained_for_every_seed(smoke, family, key, names, message):
    smoke["analyses"]["attribution"]["inputs_of_seeds"] = ["waveform"]
    check_study(smoke, SCHEMA)
    smoke["analyses"][family][key] = names
    with pytest.raises(ConfigError, match=message):
        check_study(smoke, SCHEMA)


def test_tasks_of_the_default_study_have_two_untrained_models(config):
    for task in ("keyword", "gender"):
        assert [0 in config["models"][f"{task}-{seed}"]["steps"] for seed in range(1, 4)] == [True, True, False]


def test_a_head_of_a_model_is_selected_by_name_and_needs_one(config):
    config["models"]["own"] = {"source": "folder", "path": "own", "head": {"name": "classifier1", "labels": ["a", "b"]}}
    assert check_study(config, SCHEMA)["models"]["own"]["head"]["name"] == "classifier1"
    config["models"]["own"]["head"] = {"labels": ["a", "b"]}
    with pytest.raises(ConfigError, match="expected key 'name' in models: own: head, found only labels"):
        check_study(config, SCHEMA)


def test_an_extraction_covers_every_checkpoint_that_any_analysis_reads(config):
    study = check_study(config, SCHEMA)
    sweeps = {(corpus, name): runs for corpus, name, runs in extracted_sweeps(study)}
    name = "hubert-english-pitch-1"
    every = steps_of(name, study["models"][name])
    assert sweeps["mandarin", name] == [(name, step) for step in every]
    assert sweeps["english", "hubert-english"] == [("hubert-english", step) for step in ("0", "1200")]
    assert ("english", "hubert-mandarin-pitch-1") not in sweeps
    acoustic = [name for name, model in study["models"].items() if model["source"] == "acoustic"]
    assert sweeps["dutch", ""] == [(name, "final") for name in acoustic]


def test_extractions_cover_every_run_of_the_families_that_read_activations(config):
    study = check_study(config, SCHEMA)
    made = {(corpus, *run) for corpus, _, runs in extracted_sweeps(study) for run in runs}
    for family in ("probing", "reduction", "similarity", "abx", "tone"):
        assert set(runs_of(study, family)) <= made


def test_a_corpus_can_have_its_own_tiers(config):
    study = check_study(config, SCHEMA)
    assert "rime_50" in tiers_of(study, "mandarin")
    assert tiers_of(study, "english") == config["activations"]["tiers"]
    config["activations"]["corpora"] = {"mandrin": {"tiers": ["phone"]}}
    with pytest.raises(ConfigError, match=r"activations: corpora, found 'mandrin' \(did you mean 'mandarin'\?\)"):
        check_study(config, SCHEMA)


@pytest.mark.parametrize("tier", ["rime_101", "rime_x", "rimes", "frame"])
def test_an_unknown_tier_is_an_error(config, tier):
    config["activations"]["tiers"] = [tier]
    with pytest.raises(ConfigError, match=f"activations: tiers: 0: '{tier}' does not match"):
        check_study(config, SCHEMA)


TIERS_OF_MANDARIN = r"\(phone, syllable, rime_20, rime_50, rime_80\) in analyses: tone: poolings: mean, found 'rime'"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"models": ["hubert-english", "mel"]}, "expected models with checkpoints in .* tone: models, found .* 'mel'"),
        ({"baselines": ["time"]}, r"acoustic models of features f0 or mfcc \(.*\) in analyses: tone: baselines, found"),
        (
            {"contrasts": {"tone": ["max"]}},
            r"poolings \(mean, contour\) in analyses: tone: contrasts: tone, found 'max'",
        ),
        ({"contrasts": {"vowel": ["mean"]}}, "unknown key 'vowel' in analyses: tone: contrasts"),
        ({"poolings": {"mean": ["rime"], "contour": ["syllable"]}}, TIERS_OF_MANDARIN),
        ({"n_folds": 25}, "expected at least 25 voices .* in corpora: mandarin: voices, since analyses: tone holds"),
        ({"n_folds": 1}, "analyses: tone: n_folds: 1 is less than the minimum of 2"),
        ({"corpora": ["mandarine"]}, "analyses: tone: corpora, found 'mandarine'"),
        (
            {"train": {"mandarin": "mandarin"}},
            r"other corpora \(.*\) in analyses: tone: train: mandarin, found",
        ),
        ({"train": {"dutch": "french"}}, r"corpora of tone \(.*\) in analyses: tone: train: dutch, found 'dutch'"),
        ({"train": {"mandarin": "english"}}, "tone: train: mandarin: poolings"),
    ],
)
def test_invalid_settings_of_tone_are_reported_before_anything_runs(config, changes, message):
    changed(config, "tone", **changes)
    with pytest.raises(ConfigError, match=message) as caught:
        check_study(config, SCHEMA)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"models": ["gender-1"]},
            r"recognisers \(task ctc\) and acoustic baselines in .* scrubbing: models, found 'gend",
        ),
        ({"models": ["hubert-english"]}, "acoustic baselines in analyses: scrubbing: models, found 'hubert-english'"),
        (
            {"splits": {"test": "train"}},
            "a separate test split in analyses: scrubbing: splits, found 'train' also for fit;",
        ),
        ({"corpora": ["multilingual"], "fit_corpora": {"english": "dutch"}}, "fit_corpora, found 'english'"),
        ({"fit_corpora": {"english-reading": "no"}}, "scrubbing: fit_corpora: english-reading, found 'no'"),
        ({"methods": ["lace"]}, "analyses: scrubbing: methods: 0: 'lace' does not match"),
        ({"shrinkage": 2}, "analyses: scrubbing: shrinkage"),
        ({"n_utterances": 3}, "analyses: scrubbing: n_utterances: 3 is less than the minimum of 4"),
    ],
)
def test_invalid_settings_of_scrubbing_are_reported_before_anything_runs(config, changes, message):
    changed(config, "scrubbing", **changes)
    with pytest.raises(ConfigError, match=message) as caught:
        check_study(config, SCHEMA)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"models": ["hubert-english"]}, r"recognisers \(task: ctc\), or Whisper, in .* lens: models, found 'hubert-e"),
        ({"models": ["gender-1"]}, r"or Whisper, in analyses: lens: models, found 'gender-1'; take it out"),
        ({"models": ["mel"]}, r"or Whisper, in analyses: lens: models, found 'mel'; take it out"),
        (
            {"splits": {"test": ["train", "test"]}},
            "separate splits for fit and test in analyses: lens: splits, found train in both; name another, or set aff",
        ),
        ({"splits": {"test": []}}, "analyses: lens: splits: test"),
        ({"n_fit": 0}, "analyses: lens: n_fit: 0 is less than the minimum of 1"),
    ],
)
def test_invalid_settings_of_lens_are_reported_before_anything_runs(config, changes, message):
    changed(config, "lens", **changes)
    with pytest.raises(ConfigError, match=message) as caught:
        check_study(config, SCHEMA)
    assert "\n" not in str(caught.value)


def test_lens_without_maps_may_test_on_the_split_of_the_maps(config):
    changed(config, "lens", splits={"test": ["train"]}, affine=False)
    assert check_study(config, SCHEMA)["analyses"]["lens"]["splits"] == {"fit": ["train"], "test": ["train"]}


def test_scrubbing_fits_and_tests_on_separate_splits(config):
    splits = check_study(config, SCHEMA)["analyses"]["scrubbing"]["splits"]
    assert splits == {"fit": "train", "test": "test"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"layer": "T9"},
            r"layers of models: hubert-multilingual \(cnn, .*\) in .* disentangling: layer, found",
        ),
        ({"layer": "input"}, "analyses: disentangling: layer: 'input' does not match"),
        ({"factors": ["gender"]}, r"analyses: disentangling: factors: \['gender'\] is too short"),
        ({"methods": ["inlp"]}, "analyses: disentangling: methods: 0: 'inlp' is not one of"),
        ({"tier": "syllable"}, "analyses: disentangling: tier, found 'syllable'"),
        ({"targets": {"word": {"tier": "syllable", "column": "label"}}}, "disentangling: targets: word: tier, found"),
        ({"n_folds": 25}, "expected at least 25 voices .* since analyses: disentangling holds speakers out"),
        ({"corpora": ["english"], "bottleneck": {"steps": 3}}, "unknown key 'steps' in analyses: disentangling: bottl"),
        ({"bottleneck": {"beta": [1]}}, r"analyses: disentangling: bottleneck: beta: \[1\] is too short"),
    ],
)
def test_invalid_settings_of_disentangling_are_reported_before_anything_runs(config, changes, message):
    changed(config, "disentangling", **changes)
    with pytest.raises(ConfigError, match=message) as caught:
        check_study(config, SCHEMA)
    assert "\n" not in str(caught.value)


def test_a_bottleneck_needs_a_training_split(config):
    for counts in ("sentences", "voices"):
        config["corpora"]["multilingual"][counts] = {"test": 16}
    del config["models"]["hubert-multilingual"]
    config["analyses"] = {"disentangling": config["analyses"]["disentangling"] | {"models": ["mel"]}}
    config["figures"] = {}
    with pytest.raises(ConfigError, match=r"splits of multilingual \(test\) in .* train_split, found 'train'"):
        check_study(config, SCHEMA)


def test_seeds_of_one_condition_have_equal_steps(config):
    config["models"]["hubert-mandarin-pitch-2"] |= {"steps": [0, 7]}
    found = r"hubert-mandarin-pitch-1 and hubert-mandarin-pitch-2 in analyses: tone: .* found .* and \[0, 7\]"
    with pytest.raises(ConfigError, match=f"expected equal steps of {found}"):
        check_study(config, SCHEMA)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (
            ("models", "bert-english-1", "corpus"),
            "english",
            "expected a corpus of text in models: bert-english-1: corpus, found 'english'",
        ),
        (
            ("models", "hubert-english", "corpus"),
            "written-english",
            "expected a corpus of speech in models: hubert-english: corpus, found 'written-english'",
        ),
        (
            ("analyses", "syntax", "corpora"),
            ["english"],
            "expected corpora of text in analyses: syntax: corpora, found",
        ),
        (
            ("analyses", "syntax", "models"),
            ["hubert-english"],
            "expected models of text in analyses: syntax: models, found 'hubert-english'",
        ),
        (("models", "bert-english-1", "crop_s"), 2.0, "unknown key 'crop_s' in models: bert-english-1"),
        (("models", "hubert-english", "mask_share"), 0.2, "unknown key 'mask_share' in models: hubert-english"),
    ],
)
def test_language_models_need_text_and_speech_models_need_speech(config, place, value, message):
    entry = config
    for key in place[:-1]:
        entry = entry[key]
    entry[place[-1]] = value
    with pytest.raises(ConfigError, match=message):
        check_study(config, SCHEMA)


@pytest.mark.parametrize(
    ("place", "changes", "message"),
    [
        ("encoding targets phone", {"tier": "syllable"}, "encoding: targets: phone: tier, found 'syllable'"),
        ("encoding targets gender", {"held_out": "type"}, "encoding: target 'gender': expected a column of types"),
        (
            "encoding",
            {"n_folds": 20},
            "expected at least 20 voices (test) in corpora: english: voices, since "
            "analyses: encoding: targets: phone holds speakers out in 20 folds, found 8; add voices or lower n_folds",
        ),
        (
            "encoding",
            {"compare": [["hubert-english", "hubert-englsh"]]},
            "expected one of the study's models of "
            "encoding (hubert-english, mel) in analyses: encoding: compare, found 'hubert-englsh' (did you mean",
        ),
        ("encoding corpora", {"english": ["fone"]}, "in analyses: encoding: corpora: english, found 'fone'"),
        ("encoding targets phone", {"givn": "pos"}, "unknown key 'givn' in analyses: encoding: targets: phone"),
    ],
)
def test_invalid_settings_of_encoding_are_reported_before_anything_runs(smoke, place, changes, message):
    changed(smoke, place, **changes)
    with pytest.raises(ConfigError, match=re.escape(message)) as caught:
        check_study(smoke, SCHEMA)
    assert "\n" not in str(caught.value)


def test_only_families_that_follow_training_read_all_checkpoints(smoke):
    steps = [step for *run, step in runs_of(smoke, "encoding") if run == ["english", "hubert-english"]]
    assert steps == ["0", "4", "12"]
    assert [step for _, model, step in runs_of(smoke, "probing") if model == "hubert-english"][:2] == ["0", "12"]


def test_syntax_runs_on_every_checkpoint(config):
    checked = check_study(config, SCHEMA)
    steps = [step for corpus, model, step in runs_of(checked, "syntax") if model == "bert-english-1"]
    assert steps == [str(step) for step in checked["models"]["bert-english-1"]["steps"]]


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"codebooks": {"T3": 100}}, "codebooks T3 and no teacher"),
        ({"teacher": "hubert-english"}, "codebooks mel and a teacher"),
    ],
)
def test_codebooks_of_layers_and_a_teacher_go_together(config, changes, found):
    config["models"]["hubert-dutch"] = config["models"]["hubert-dutch"] | {"codebooks": {"mel": 100}} | changes
    with pytest.raises(ConfigError, match=f"in models: hubert-dutch, found {found}"):
        check_study(config, SCHEMA)


def test_a_model_is_left_out_with_its_teacher(config):
    entry = config["models"]["hubert-dutch"]
    config["models"]["hubert-dutch-2nd"] = entry | {"codebooks": {"T3": 100}, "teacher": "hubert-dutch"}
    study = check_study(config, SCHEMA)
    assert teacher_of(study, "hubert-dutch-2nd") == ("hubert-dutch", str(entry["steps"][-1]))
    assert "hubert-dutch-2nd" not in leave_out(study, ["hubert-dutch"])["models"]


@pytest.mark.parametrize(
    ("train", "column", "message"),
    [
        (
            "sumerian",
            "label",
            "expected one of the study's corpora .* in analyses: probing: targets: phone: train: corpus",
        ),
        (
            "english",
            "label",
            "expected another corpus than the tested one, english, in analyses: probing: targets: phone",
        ),
        ("written-english", "label", "expected a corpus of speech in .* found 'written-english', which is text"),
        (
            "dutch",
            "log_f0",
            "expected a column of the index where probes are trained on another corpus, found 'log_f0'",
        ),
    ],
)
def test_a_corpus_that_probes_cannot_be_trained_on_is_refused(config, train, column, message):
    config["analyses"]["probing"]["targets"]["phone"] = {
        "tier": "phone",
        "column": column,
        "held_out": "speaker",
        "kind": "values" if column == "log_f0" else "classes",
        "train": {"corpus": train},
    }
    with pytest.raises(ConfigError, match=message):
        check_study(config, SCHEMA)
