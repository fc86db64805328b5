"""The checked configuration, wildcard constraints and input functions that all rules share."""

import logging
from urllib.parse import urlsplit

import yaml

from auscult.corpora.synthesis.lexicon_files import has_translations
from auscult.seeds import task_of
from auscult.sources import code_digest, keep_digests, recall_digests
from auscult.study.configuration import (
    analysed_steps,
    model_seed,
    models_of,
    read_steps,
    runs_of,
    start_of,
    steps_of,
    tiers_of,
    uninitialised_models,
)
from auscult.study.extractions import extracted_sweeps
from auscult.study.families import parts
from auscult.study.loading import load_study
from auscult.study.looks import figure_entry, study_entry
from auscult.study.places import local_path
from auscult.study.published_checkpoints import published_checkpoint

# The folder of the study's file, where its relative paths start.
STUDY_FOLDER = Path(workflow.configfiles[-1]).absolute().parent
DIGESTS = ".snakemake/auscult/digests.json"

recall_digests(DIGESTS)


def source(path):
    """Return a file of this repository as an input: whole repositories and study directories can be moved."""
    path = Path(workflow.basedir) / path
    return str(
        path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    )


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
    return local_path(entry, STUDY_FOLDER)


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


def get_settings(family, *names):
    """Return settings of an analysis by name: what a rule's results depend on, and nothing else."""
    return {name: config["analyses"][family][name] for name in names}


def get_targets(family):
    """Return an input function for the targets that a family asks of a corpus, each with its name."""
    analysis = config["analyses"][family]
    return lambda wildcards: [
        {"name": name, **analysis["targets"][name]}
        for name in analysis["corpora"][wildcards.corpus]
    ]


def get_sweep(wildcards):
    """Return the activations of every checkpoint of a model on a corpus, in the order of training."""
    return [
        f"results/activations/{wildcards.corpus}/{wildcards.model}/{step}/manifest.json"
        for step in steps_of(wildcards.model, config["models"][wildcards.model])
    ]


def get_figure(name):
    """Return what a figure shows: its own entry and the analysis it draws."""
    return figure_entry(config, name)


def get_study():
    """Return what every figure and the page state about their study."""
    return study_entry(config, LEFT_OUT)


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


def code_of(script, *modules):
    """Return the digest of the code behind a script, and of modules that it imports by name.

    A parameter of every rule that computes: Snakemake notices neither changes of imported code nor that an edit
    changes nothing but words.
    """
    return code_digest(Path(workflow.basedir) / f"scripts/{script}.py", *modules)


try:
    study = load_study(
        config,
        yaml.safe_load(Path(source("workflow/schemas/study.schema.yaml")).read_text()),
        STUDY_FOLDER,
        is_fetched,
    )
except AuscultError as error:
    raise WorkflowError(f"auscult: {error}") from None

config.clear()
config.update(study.config)
MODELS, LEFT_OUT = study.models, study.left_out

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
