"""Checked configuration, wildcard constraints and input functions shared by all rules."""

import logging
import sys
from functools import cache
from urllib.parse import urlsplit

import yaml

from auscult.cli.places import StudyPlace
from auscult.cli.resources import ResourceRequests
from auscult.cli.work import Sizes
from auscult.corpora.synthesis.lexicon_files import has_translations
from auscult.corpora.walk import list_source
from auscult.instructions import use_instruction_set
from auscult.seeds import task_of
from auscult.sources import code_digest, keep_digests, recall_digests
from auscult.study.altered import alteration_of
from auscult.study.arrays import arrays_entry, arrays_inputs
from auscult.study.configuration import (
    analysed_steps,
    listening_runs,
    model_seed,
    models_of,
    read_steps,
    source_of,
    runs_of,
    start_of,
    teacher_of,
    steps_of,
    tiers_of,
    uninitialised_models,
)
from auscult.study.directories import check_directory, keep_owner
from auscult.study.extractions import extracted_sweeps
from auscult.study.families import charts, parts
from auscult.study.loading import load_study
from auscult.study.local_checkpoints import local_checkpoint
from auscult.study.looks import figure_entry, study_entry
from auscult.study.needs import checked_corpora, needed_modules, needs_of
from auscult.study.places import local_path
from auscult.study.published_checkpoints import published_checkpoint
from auscult.study.reading import check_file
from auscult.study.translators import translator_seeds

# Folder of the study file; relative paths in the study start here.
STUDY_FILE = Path(workflow.configfiles[-1]).absolute()
STUDY_FOLDER = STUDY_FILE.parent
# Models that run on no checkpoint of their own.
WITHOUT_CHECKPOINTS = ("acoustic", "arrays", "altered")
DIGESTS = ".snakemake/auscult/digests.json"

recall_digests(DIGESTS)


def source(path):
    """Return the path of a file of this repository, relative if possible, so that the repository can be moved."""
    path = Path(workflow.basedir) / path
    return str(
        path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    )


def is_fetched(name, model):
    """Return whether all published checkpoints of a hub model have been fetched."""
    steps = [
        step for step in steps_of(name, model) if published_checkpoint(model, step)
    ]
    return all(
        Path(f"resources/checkpoints/{name}/{step}/manifest.json").exists()
        for step in steps
    )


def get_local_path(entry):
    """Return the path of a local corpus, model or file; relative paths in a study start at its file."""
    return local_path(entry, STUDY_FOLDER)


def get_names(section, *sources):
    """Return a regular expression that matches the names with one of these sources, for wildcard constraints."""
    return (
        "|".join(
            name
            for name, entry in config[section].items()
            if entry["source"] in sources
        )
        or "(?!)"
    )


def get_checkpoint(wildcards):
    """Return the manifest of a checkpoint; acoustic baselines and arrays have none."""
    return (
        []
        if config["models"][wildcards.model]["source"] in WITHOUT_CHECKPOINTS
        else f"resources/checkpoints/{wildcards.model}/{wildcards.step}/manifest.json"
    )


def get_folder(model, step):
    """Return the folder of a checkpoint."""
    return f"resources/checkpoints/{model}/{step}"


def get_arrays(corpus, model, step):
    """Return the settings of a model of arrays on a corpus; None for other models."""
    entry = config["models"][model]
    return (
        arrays_entry(entry, corpus, step, STUDY_FOLDER)
        if entry["source"] == "arrays"
        else None
    )


def get_extracted(corpus, runs):
    """Return the files that an extraction reads: manifests of checkpoints, files of arrays, nothing for baselines."""
    found = []
    for model, step in runs:
        arrays = get_arrays(corpus, model, step)
        if arrays:
            found += arrays_inputs(arrays)
            continue
        model, step = source_of(config, model, step)
        if config["models"][model]["source"] != "acoustic":
            found.append(f"{get_folder(model, step)}/manifest.json")
    return found


def get_teacher(name):
    """Return the manifest of the checkpoint whose states a model learns to predict, in a list; empty without one."""
    if "teacher" not in config["models"][name]:
        return []
    model, step = teacher_of(config, name)
    return [f"resources/checkpoints/{model}/{step}/manifest.json"]


def get_start(name):
    """Return the manifest of the checkpoint that a model starts from."""
    model, step = start_of(config, name)
    return f"{get_folder(model, step)}/manifest.json"


def get_trained_checkpoint(wildcards):
    """Return the manifest of the last checkpoint, which has the architecture of the untrained model."""
    last = steps_of(wildcards.model, config["models"][wildcards.model])[-1]
    return f"resources/checkpoints/{wildcards.model}/{last}/manifest.json"


def get_published(wildcards):
    """Return the repository, revision and hashes of a published checkpoint."""
    return published_checkpoint(config["models"][wildcards.model], wildcards.step)


def get_local_checkpoint(wildcards):
    """Return the files of a local model, so that replaced weights cause a rerun; none of a step that is made here."""
    if local_checkpoint(config["models"][wildcards.model], wildcards.step) is None:
        return []
    folder = Path(get_local_folder(wildcards))
    return sorted(
        str(path)
        for path in folder.glob("*")
        if path.is_file() and not path.name.startswith(".")
    ) or str(folder / "config.json")


def get_local_folder(wildcards):
    """Return the folder of a step of a local model."""
    model = config["models"][wildcards.model]
    return get_local_path({"path": local_checkpoint(model, wildcards.step)})


@cache
def list_local_corpus(corpus):
    """Return the files of a local corpus: the same list that its reader and the hash of its source use."""
    try:
        entry = config["corpora"][corpus]
        return list_source(get_local_path(entry), entry.get("options", {}))
    except AuscultError as error:
        # An exception would be shown with a traceback of Snakemake's.
        sys.exit(f"auscult: {error}")


def get_local_corpus(wildcards):
    """Return the files of a local corpus, so that corrected labels cause a rerun."""
    paths = [str(path) for path in list_local_corpus(wildcards.corpus)]
    return [path for path in paths if "{" not in path]


def get_unlisted_files(wildcards):
    """Return sizes and times of files with braces in their path, which Snakemake would read as wildcards."""
    paths = [path for path in list_local_corpus(wildcards.corpus) if "{" in str(path)]
    return {str(path): [path.stat().st_size, path.stat().st_mtime_ns] for path in paths}


def get_needs(wildcards):
    """Return what the analyses of the study need of a corpus."""
    return needs_of(config, wildcards.corpus, STUDY_FOLDER)


def get_needed_corpora(wildcards):
    """Return the manifests of the other corpora that analyses of a corpus train or fit on."""
    others = get_needs(wildcards)["others"]
    return [f"resources/corpora/{name}/manifest.json" for name in others]


def get_check(corpus):
    """Return the file that an imported corpus has once it meets the needs of the study; nothing for other corpora.

    It is no reason to run anything again: whoever changes the settings of an analysis keeps the activations.
    """
    checked = corpus in checked_corpora(config)
    return [ancient(f"results/needs/{corpus}.csv")] if checked else []


def get_checked(wildcards):
    """Return the same for the corpus of a rule."""
    return get_check(wildcards.corpus)


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
        if config["models"][model]["source"] not in WITHOUT_CHECKPOINTS
        for step in read_steps(config, family, model)
    ]


def get_settings(family, *names):
    """Return the named settings of an analysis; a rule asks only for those that its results depend on."""
    return {name: config["analyses"][family][name] for name in names}


def get_targets(family):
    """Return an input function that gives the targets of a family on a corpus, each with its name."""
    analysis = config["analyses"][family]
    return lambda wildcards: [
        {"name": name, **analysis["targets"][name]}
        for name in analysis["corpora"][wildcards.corpus]
    ]


def get_sweep(wildcards):
    """Return the manifests of activations of all checkpoints of a model on a corpus, in training order."""
    return [
        f"results/activations/{wildcards.corpus}/{wildcards.model}/{step}/manifest.json"
        for step in steps_of(wildcards.model, config["models"][wildcards.model])
    ]


def get_figure(name):
    """Return the entry of a figure with the settings of its analysis."""
    return figure_entry(config, name)


def get_study():
    """Return the description of the study for figures and the page."""
    return study_entry(config, LEFT_OUT)


def get_runs(family, ending):
    """Return one result path per run of an analysis family."""
    return [
        f"results/{family}/{corpus}/{model}/{step}{ending}"
        for corpus, model, step in runs_of(config, family)
    ]


def get_run_paths(family, corpus, runs, ending):
    """Return one path for each (model, step) of an analysis family on one corpus."""
    return [f"results/{family}/{corpus}/{model}/{step}{ending}" for model, step in runs]


def get_lexicons(wildcards):
    """Return the lexicons, grammars and translations, if any, of the languages of a synthesised corpus."""
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
    """Return the lexicon and the grammar rules of a text corpus."""
    grammar = config["corpora"][wildcards.corpus]["grammar"]
    return [
        source(f"src/auscult/corpora/synthesis/lexicons/text/{grammar}.{ending}")
        for ending in ("tsv", "toml")
    ]


def get_archive(wildcards):
    """Return the path of the downloaded archive of a fetched corpus."""
    return f"resources/downloads/{wildcards.corpus}/{Path(urlsplit(config['corpora'][wildcards.corpus]['url']).path).name}"


def get_alignments(wildcards):
    """Return the path of the downloaded alignments of a fetched corpus, if they are published separately."""
    alignments = config["corpora"][wildcards.corpus].get("alignments")
    folder = f"resources/downloads/{wildcards.corpus}/alignments"
    return (
        [f"{folder}/{Path(urlsplit(alignments['url']).path).name}"]
        if alignments
        else []
    )


def get_gpus():
    """Return the number of GPUs to request for a job that runs a model."""
    return int(config["device"] == "cuda")


def code_of(script, *modules):
    """Return the digest of the code that a script runs, including modules that it imports dynamically.

    Every rule that computes has it as a parameter: Snakemake itself does not notice changes in imported modules and
    would rerun jobs after an edit that only changes comments. Another instruction set counts as other code.
    """
    digest = code_digest(Path(workflow.basedir) / f"scripts/{script}.py", *modules)
    instructions = config["instruction_set"]
    return digest if instructions == "native" else f"{digest} {instructions}"


try:
    # Snakemake has already read these files, and kept the last of any two equal keys.
    for path in workflow.configfiles:
        check_file(path)
    warning = check_directory(config, STUDY_FILE, Path.cwd(), Path(workflow.basedir))
    study = load_study(
        config,
        yaml.safe_load(Path(source("workflow/schemas/study.schema.yaml")).read_text()),
        STUDY_FOLDER,
        is_fetched,
    )
    use_instruction_set(study.config["instruction_set"])
except AuscultError as error:
    raise WorkflowError(f"auscult: {error}") from None

config.clear()
config.update(study.config)
MODELS, LEFT_OUT = study.models, study.left_out

# What the jobs of a cluster ask for: functions of the size of corpora and models.
REQUEST = ResourceRequests(
    Sizes(StudyPlace(STUDY_FILE, Path.cwd(), Path(workflow.basedir), config))
)

if warning:
    logging.getLogger("snakemake.logging").warning(f"auscult: {warning}")

for name in LEFT_OUT:
    logging.getLogger("snakemake.logging").warning(
        f"auscult: left out model {name}: the hub cannot be reached and hub_unreachable is leave-out"
    )


# Collected tables that the figure of each family is drawn from, by name. The rule file of each family adds its own.
FIGURE_TABLES = {}


wildcard_constraints:
    corpus=get_names("corpora", "synthetic", "nonspeech", "text", "fetched", "folder"),
    model=get_names(
        "models",
        "trained",
        "finetuned",
        "translator",
        "hub",
        "folder",
        "acoustic",
        "arrays",
        "altered",
    ),
    step="[0-9]+|final",
