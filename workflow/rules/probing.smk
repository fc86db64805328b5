"""
Probes of every layer, tested on held-out speakers or types, with their controls.

required inputs:  results/activations/{corpus}/{model}/{step}/manifest.json, of acoustic baselines as well for targets such as log F0;
                  resources/corpora/{corpus}/manifest.json for the targets noun_number and verb_number
outputs:          results/probing/{corpus}.csv, collected in results/probing/probing.csv; results/figures/probing.*;
                  with keep_items results/probing/items/{corpus}.parquet, results/probing/confusions/{corpus}.csv (collected in
                  results/probing/confusions.csv) and results/probing/probes/{corpus}.safetensors
"""

from auscult.study.probing import (
    acoustic_baselines,
    needs_words,
    probed_runs,
    training_names,
)


def get_probed_runs(wildcards):
    """Return the (model, step) pairs to probe on a corpus."""
    return probed_runs(config, wildcards.corpus)


def get_probed_activations(wildcards):
    """Return the activations of every model that is probed on a corpus."""
    return [
        f"results/activations/{wildcards.corpus}/{model}/{step}/manifest.json"
        for model, step in get_probed_runs(wildcards)
    ]


def get_training_corpora(wildcards):
    """Return the other corpora on which probes of a corpus are trained."""
    return training_names(config, wildcards.corpus)


def get_training_activations(wildcards):
    """Return the activations of every probed model on these corpora, one corpus after the other."""
    return [
        f"results/activations/{corpus}/{model}/{step}/manifest.json"
        for corpus in get_training_corpora(wildcards)
        for model, step in get_probed_runs(wildcards)
    ]


def get_acoustic_features(wildcards):
    """Return the acoustic features that hold the values of numeric targets, such as log F0."""
    return list(acoustic_baselines(config, wildcards.corpus))


def get_acoustics(wildcards):
    """Return the activations of the baselines with these features."""
    return expand(
        "results/activations/{corpus}/{model}/final/manifest.json",
        corpus=wildcards.corpus,
        model=acoustic_baselines(config, wildcards.corpus).values(),
    )


def get_words(wildcards):
    """Return the corpus if a target is derived from all of its words, otherwise nothing."""
    manifest = f"resources/corpora/{wildcards.corpus}/manifest.json"
    return [manifest] if needs_words(config, wildcards.corpus) else []


# Further outputs of a study that keeps the results of single items.
KEPT_ITEMS = (
    {
        "item_table": "results/probing/items/{corpus}.parquet",
        "confusions": "results/probing/confusions/{corpus}.csv",
        "probes": "results/probing/probes/{corpus}.safetensors",
    }
    if config["analyses"].get("probing", {}).get("keep_items")
    else {}
)


rule probing_run:
    """Probe the layers of all models on one corpus, with chance, shuffled labels and control tasks."""
    input:
        activations=get_probed_activations,
        training=get_training_activations,
        acoustics=get_acoustics,
        corpus=get_words,
    output:
        **KEPT_ITEMS,
        table="results/probing/{corpus}.csv",
    log:
        "logs/probing/{corpus}.log",
    benchmark:
        "logs/benchmarks/probing/{corpus}.tsv"
    threads: 1
    resources:
        mem_mb=REQUEST.memory("probing_run"),
        runtime=REQUEST.minutes("probing_run"),
    params:
        code=code_of("probing"),
        runs=get_probed_runs,
        training=get_training_corpora,
        targets=get_targets("probing"),
        acoustics=get_acoustic_features,
        settings=get_settings(
            "probing",
            "probe",
            "n_folds",
            "n_permutations",
            "n_resamples",
            "min_class_size",
            "max_items",
        ),
        seed=config["seed"],
    script:
        "../../scripts/probing.py"


# Tables of single corpora that are collected: results, and confusions where the study keeps them.
PROBING_TABLES = {
    "table": "results/probing/{corpus}.csv",
    **{name: path for name, path in KEPT_ITEMS.items() if name == "confusions"},
}


rule probing:
    """Collect the probing results of the study in results/probing/probing.csv, and the confusions in confusions.csv."""
    input:
        **{
            name: expand(path, corpus=config["analyses"]["probing"]["corpora"])
            for name, path in PROBING_TABLES.items()
        },
    output:
        **{
            name: f"results/probing/{'probing' if name == 'table' else name}.csv"
            for name in PROBING_TABLES
        },
    log:
        "logs/probing/collect.log",
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_of("collect_tables"),
    script:
        "../../scripts/collect_tables.py"


# Tables from which the figure is drawn.
FIGURE_TABLES["probing"] = {
    name: getattr(rules.probing.output, name) for name in PROBING_TABLES
}
