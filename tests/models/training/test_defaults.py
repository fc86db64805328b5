"""Settings of models have one default: where schema and signature both have one, they are equal."""

import inspect

import pytest
import yaml
from places import ROOT

from auscult.models.hub.fetching import fetch_checkpoint
from auscult.models.training.architecture import DEFAULT_ARCHITECTURE, build_encoder
from auscult.models.training.finetuning import finetune_model
from auscult.models.training.heads import build_headed
from auscult.models.training.language_model import train_language_model
from auscult.models.training.language_trainer import DEFAULT_TEXT_ARCHITECTURE
from auscult.models.training.pretraining import train_model
from auscult.models.training.translation import train_translators
from auscult.models.translators.architecture import build_translator

MODEL = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())["$defs"]["model"]
# Settings of figures, and those that the workflow resolves before it calls the library: `recipe` chooses between
# functions, and the seeds of translators are passed together.
RESOLVED = {"source", "label", "colour", "start_step", "revisions", "repositories"}
# Of a fetched model, the extraction of activations reads which layers are kept and in which windows they are computed.
RESOLVED_OF = {"masked_language_model": {"recipe"}, "translator": {"seed"}, "hub": {"layers", "windows"}}
RECEIVERS = {
    "trained": train_model,
    "masked_language_model": train_language_model,
    "finetuned": finetune_model,
    "translator": train_translators,
    "hub": fetch_checkpoint,
}
# Functions behind these, and the settings that they receive under another name.
INNER = {
    "trained": [(build_encoder, {})],
    "finetuned": [(build_headed, {})],
    "translator": [(build_translator, {"layers": "decoder_layers"})],
}


def settings_of(source):
    """Return the schema of each setting of a model source, or of the recipe of a language model."""
    for branch in MODEL["allOf"]:
        conditions = branch["if"]["properties"]
        if source == conditions.get("recipe", conditions["source"])["const"]:
            return branch["then"]["properties"]
    raise KeyError(source)


def disagreements(settings, function, names=None):
    """Return the settings whose default in the schema is not the function's own."""
    parameters = inspect.signature(function).parameters
    found = []
    for name, parameter in parameters.items():
        setting = settings.get((names or {}).get(name, name), True)
        if parameter.default is inspect.Parameter.empty or setting is True:
            continue
        in_schema = setting.get("default")
        if parameter.default != in_schema:
            found.append(f"{function.__name__}: {name} is {parameter.default!r}, in the schema {in_schema!r}")
    return found


@pytest.mark.parametrize("source", RECEIVERS)
def test_a_setting_has_the_same_default_in_schema_and_signature(source):
    settings = settings_of(source)
    found = disagreements(settings, RECEIVERS[source])
    for function, names in INNER.get(source, []):
        found += disagreements(settings, function, names)
    assert found == []


@pytest.mark.parametrize("source", RECEIVERS)
def test_every_setting_is_received_by_its_function(source):
    received = settings_of(source).keys() - RESOLVED - RESOLVED_OF.get(source, set())
    assert received <= inspect.signature(RECEIVERS[source]).parameters.keys()


def test_a_difference_would_be_found():
    def train(*, batch_size=8, steps, width=16):
        pass

    settings = {"batch_size": {"default": 16}, "steps": {}, "width": {"default": 16}}
    assert disagreements(settings, train) == ["train: batch_size is 8, in the schema 16"]
    assert disagreements({"size": {"default": 16}}, train, {"batch_size": "size"}) == disagreements(settings, train)


@pytest.mark.parametrize(
    ("source", "sizes"), [("trained", DEFAULT_ARCHITECTURE), ("masked_language_model", DEFAULT_TEXT_ARCHITECTURE)]
)
def test_sizes_have_their_defaults_in_the_library_alone(source, sizes):
    architecture = settings_of(source)["architecture"]
    assert architecture["default"] == {}
    assert architecture["properties"].keys() == sizes.keys()
    assert not any("default" in size for size in architecture["properties"].values())
