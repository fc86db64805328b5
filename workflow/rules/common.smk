"""The checked configuration, wildcard constraints and input functions that all rules share."""

import logging
from urllib.parse import urlsplit

import yaml

from auscult.corpora.synthesis.grammar import TEXT_GRAMMARS, languages
from auscult.corpora.translations import has_translations
from auscult.errors import ConfigError
from auscult.seeds import task_of
from auscult.sources import module_sources
from auscult.study.configuration import (
    analysed_steps,
    leave_out,
    model_seed,
    models_of,
    read_steps,
    runs_of,
    start_of,
    steps_of,
    tiers_of,
)
from auscult.study.requirements import is_text
from auscult.study.extractions import extracted_sweeps
from auscult.study.published_checkpoints import published_checkpoint


def source(path):
    """Return a file of this repository as an input: whole repositories and study directories can be moved."""
    path = Path(workflow.basedir) / path
    return str(
        path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    )


def load_study():
    """Check the configuration in place, without unreachable hub models if the study allows it.

    Return all of its models, by which figures choose colours, and those that were left out.
    """
    schema = yaml.safe_load(
        Path(source("workflow/schemas/config.schema.yaml")).read_text()
    )
    study = check_study(config, schema)
    check_places(study)
    left_out = get_unreachable_models(study)
    config.clear()
    config.update(leave_out(study, left_out))
    return study["models"], left_out


def check_places(study):
    """Refuse folders, files and languages that are not there, before anything runs."""
    for section in ("corpora", "models"):
        for name, entry in study[section].items():
            if entry["source"] == "folder" and not Path(get_local_path(entry)).is_dir():
                raise ConfigError(
                    f"expected a folder at {section}: {name}: path, found none at {get_local_path(entry)}; "
                    "a relative path starts at the study's file"
                )
    for name, target in (
        study["analyses"].get("abx", {"targets": {}})["targets"].items()
    ):
        if "items" in target:
            path = get_local_path({"path": target["items"]})
            if not Path(path).is_file():
                raise ConfigError(
                    f"expected an item file at analyses: abx: targets: {name}: items, found none at {path}; "
                    "a relative path starts at the study's file"
                )
    for name, entry in (
        study["analyses"].get("similarity", {"references": {}})["references"].items()
    ):
        if entry["space"] == "vectors" and not Path(get_local_path(entry)).is_file():
            raise ConfigError(
                f"expected a file at analyses: similarity: references: {name}: path, found none at "
                f"{get_local_path(entry)}; a relative path starts at the study's file"
            )
    for name, entry in study["corpora"].items():
        if entry["source"] == "text" and entry["grammar"] not in languages(
            TEXT_GRAMMARS
        ):
            raise ConfigError(
                f"expected a grammar among {', '.join(languages(TEXT_GRAMMARS))} in corpora: {name}, found "
                f"{entry['grammar']!r}; correct it, or add its lexicon and rules to lexicons/text"
            )
        missing = [
            language
            for language in entry.get("languages", [])
            if language not in languages()
        ]
        if missing:
            raise ConfigError(
                f"expected languages among {', '.join(languages())} in corpora: {name}, found {missing[0]!r}; "
                "correct it, or add its lexicon and rules"
            )


def get_unreachable_models(study):
    """Return the hub models that are neither fetched nor to be had now, if the study says to leave such out.

    Asked once a run: the steps that this process starts read the answer from their environment.
    """
    if study["hub_unreachable"] != "leave-out":
        return []
    if "AUSCULT_LEFT_OUT" not in os.environ:
        unfetched = [
            name
            for name, model in study["models"].items()
            if model["source"] == "hub" and not is_fetched(name, model)
        ]
        if unfetched:
            from auscult.models.hub.fetching import is_reachable

            unfetched = [] if is_reachable(study["hub_endpoint"] or None) else unfetched
        os.environ.update(AUSCULT_LEFT_OUT=" ".join(unfetched))
    return os.environ.get("AUSCULT_LEFT_OUT", "").split()


def is_fetched(name, model):
    """Say whether every checkpoint of a hub model that must come from the hub is there."""
    steps = [
        step for step in steps_of(name, model) if published_checkpoint(model, step)
    ]
    return all(
        Path(f"resources/checkpoints/{name}/{step}/manifest.json").exists()
        for step in steps
    )


def get_local_path(entry):
    """Return where a corpus, model or file of one's own is; a relative path starts at the study's file."""
    return os.path.relpath(
        Path(workflow.configfiles[-1]).absolute().parent
        / Path(entry["path"]).expanduser()
    )


def get_names(section, *sources):
    """Return a regular expression of the configured names with one of these sources, for wildcard constraints."""
    return (
        "|".join(
            name
            for name, entry in config[section].items()
            if entry["source"] in sources
        )
        or "(?!)"
    )


def get_checkpoint(wildcards):
    """Return the checkpoint's manifest; acoustic baselines have none."""
    acoustic = config["models"][wildcards.model]["source"] == "acoustic"
    return (
        []
        if acoustic
        else f"resources/checkpoints/{wildcards.model}/{wildcards.step}/manifest.json"
    )


def get_folder(model, step):
    """Return the folder of a checkpoint."""
    return f"resources/checkpoints/{model}/{step}"


def get_trained_twin(wildcards):
    """Return the manifest of the last trained checkpoint, whose architecture the untrained one shares."""
    last = steps_of(wildcards.model, config["models"][wildcards.model])[-1]
    return f"resources/checkpoints/{wildcards.model}/{last}/manifest.json"


def get_published(wildcards):
    """Return the repository, revision and hashes of a checkpoint on the hub."""
    return published_checkpoint(config["models"][wildcards.model], wildcards.step)


def get_uninitialised():
    """Return the models that come trained, without their untrained selves."""
    return [
        name
        for name, model in config["models"].items()
        if model["source"] == "folder"
        or (model["source"] == "hub" and published_checkpoint(model, "0") is None)
    ]


def get_local_checkpoint(wildcards):
    """Return the files of a local model's folder, so that exchanged weights are noticed."""
    folder = Path(get_local_path(config["models"][wildcards.model]))
    return sorted(str(path) for path in folder.glob("*") if path.is_file()) or str(
        folder / "config.json"
    )


def get_local_corpus(wildcards):
    """Return every file of a local corpus, so that corrected labels are noticed."""
    folder = Path(get_local_path(config["corpora"][wildcards.corpus]))
    return sorted(str(path) for path in folder.rglob("*") if path.is_file()) or str(
        folder
    )


def get_corpora(family):
    """Return the manifests of the corpora that an analysis family reads."""
    return expand(
        "resources/corpora/{corpus}/manifest.json",
        corpus=config["analyses"][family]["corpora"],
    )


def get_checkpoints(family):
    """Return the manifests of the checkpoints that an analysis family reads."""
    return [
        f"{get_folder(model, step)}/manifest.json"
        for model in models_of(config["analyses"][family])
        if config["models"][model]["source"] != "acoustic"
        for step in read_steps(config, family, model)
    ]


def get_figure(name):
    """Return what a figure shows: its own entry and the analysis it draws."""
    return {
        "name": name,
        **config["figures"].get(name, {}),
        "analysis": config["analyses"][name],
    }


def get_study():
    """Return what every figure and the page say of their study."""
    return {
        "name": config["study"],
        "title": config["title"],
        "seed": config["seed"],
        "sources": {
            name: (
                "written"
                if is_text(corpus) and corpus["source"] != "text"
                else corpus["source"]
            )
            for name, corpus in config["corpora"].items()
        },
        "left_out": {name: "the hub could not be reached" for name in LEFT_OUT},
    }


def get_runs(family, ending):
    """Return one path for each run of an analysis family."""
    return [
        f"results/{family}/{corpus}/{model}/{step}{ending}"
        for corpus, model, step in runs_of(config, family)
    ]


def get_lexicons(wildcards):
    """Return the lexicon and the grammar of each language of a synthesised corpus, and its translations if it has any."""
    languages = config["corpora"][wildcards.corpus]["languages"]
    translated = [language for language in languages if has_translations(language)]
    return [
        *expand(
            source("src/auscult/corpora/synthesis/lexicons/{language}.{ending}"),
            language=languages,
            ending=["tsv", "toml"],
        ),
        *expand(
            source(
                "src/auscult/corpora/synthesis/lexicons/translations/{language}.tsv"
            ),
            language=translated,
        ),
    ]


def get_text_grammar(wildcards):
    """Return the lexicon and the rules of a corpus of text."""
    grammar = config["corpora"][wildcards.corpus]["grammar"]
    return [
        source(f"src/auscult/corpora/synthesis/lexicons/text/{grammar}.{ending}")
        for ending in ("tsv", "toml")
    ]


def get_archive(wildcards):
    """Return where the archive of a fetched corpus lies once downloaded."""
    return f"resources/downloads/{wildcards.corpus}/{Path(urlsplit(config['corpora'][wildcards.corpus]['url']).path).name}"


def get_alignments(wildcards):
    """Return the archive of alignments of a fetched corpus that has its labels apart."""
    alignments = config["corpora"][wildcards.corpus].get("alignments")
    folder = f"resources/downloads/{wildcards.corpus}/alignments"
    return (
        [f"{folder}/{Path(urlsplit(alignments['url']).path).name}"]
        if alignments
        else []
    )


def get_gpus():
    """Return how many GPUs a step that runs a model asks of the cluster."""
    return int(config["device"] == "cuda")


def library(*modules):
    """Return the library's source files behind these modules: Snakemake does not notice changes in imported code."""
    return [source(path) for path in module_sources(*modules)]


try:
    MODELS, LEFT_OUT = load_study()
except AuscultError as error:
    raise WorkflowError(f"auscult: {error}") from None

for name in LEFT_OUT:
    logging.getLogger("snakemake.logging").warning(
        f"auscult: left out model {name}: the hub cannot be reached and hub_unreachable is leave-out"
    )


# The collected tables that the figure of each family is drawn from, by name; filled by the rules of the family.
FIGURE_TABLES = {}


wildcard_constraints:
    corpus=get_names("corpora", "synthetic", "nonspeech", "text", "fetched", "folder"),
    model=get_names(
        "models", "trained", "finetuned", "translator", "hub", "folder", "acoustic"
    ),
    step="[0-9]+|final",
