"""
Speaker gender in the translations and in the states of speech translators, and whether one follows the other.

required inputs:  resources/corpora/{corpus}/manifest.json with references, resources/checkpoints/{model}/{step}/manifest.json
outputs:          resources/companions/{corpus}/manifest.json of synthetic corpora;
                  results/translation/{corpus}/{translator}.csv and {translator}.translations.parquet (of every test translation),
                  {model}.csv of baselines; collected in results/translation/translation.csv, over seeds, with the regression, in
                  results/translation/summary.csv; results/figures/translation.*
"""

from auscult.study.translation import (
    companion_plan,
    has_companion,
    scored_translators,
    translator_runs,
)


def get_translator_checkpoints(wildcards):
    """Return the manifests of all seeds of a translator, untrained and at the end of training."""
    runs = translator_runs(config, wildcards.corpus, wildcards.translator)
    return [f"{get_folder(model, step)}/manifest.json" for model, step in runs]


def get_companion(wildcards):
    """Return the manifest of a synthetic corpus's companion in a list, which is empty for other corpora."""
    path = f"resources/companions/{wildcards.corpus}/manifest.json"
    return [path] if has_companion(config, wildcards.corpus) else []


def get_translators(ending):
    """Return one path per translator and corpus."""
    return [
        f"results/translation/{corpus}/{translator}{ending}"
        for corpus, translator in scored_translators(config)
    ]


def get_translation_baselines():
    """Return one path per acoustic baseline and corpus."""
    return expand(
        "results/translation/{corpus}/{model}.csv",
        corpus=config["analyses"]["translation"]["corpora"],
        model=config["analyses"]["translation"]["baselines"],
    )


localrules:
    translation,


rule translation_companion:
    """Synthesise voices that no model has met, and sentences with exchanged pitch and vocal tract."""
    output:
        manifest="resources/companions/{corpus}/manifest.json",
    log:
        "logs/translation_companion/{corpus}.log",
    benchmark:
        "logs/benchmarks/translation_companion/{corpus}.tsv"
    wildcard_constraints:
        corpus=get_names("corpora", "synthetic"),
    threads: 1
    resources:
        mem_mb=400,
        runtime=30,
    params:
        code=code_of("translation_companion"),
        plan=lambda wildcards: companion_plan(config, wildcards.corpus),
    script:
        "../../scripts/translation_companion.py"


rule translation_run:
    """Translate the test sentences with all seeds of one translator, score their gender, and probe its states."""
    input:
        corpus="resources/corpora/{corpus}/manifest.json",
        needs=get_checked,
        companion=get_companion,
        checkpoints=get_translator_checkpoints,
    output:
        table="results/translation/{corpus}/{translator}.csv",
        translations="results/translation/{corpus}/{translator}.translations.parquet",
    log:
        "logs/translation/{corpus}/{translator}.log",
    benchmark:
        "logs/benchmarks/translation/{corpus}/{translator}.tsv"
    wildcard_constraints:
        translator="|".join(
            task_of(name) for name in config["analyses"]["translation"]["models"]
        ),
    threads: 1
    resources:
        mem_mb=REQUEST.memory("translation_run"),
        runtime=REQUEST.minutes("translation_run"),
        gpu=get_gpus(),
    params:
        code=code_of("translation"),
        settings=get_settings("translation", "n_probe", "n_resamples"),
        seed=config["seed"],
        device=config["device"],
    script:
        "../../scripts/translation.py"


rule translation_baseline:
    """Probe acoustic frames of the same utterances for gender."""
    input:
        corpus="resources/corpora/{corpus}/manifest.json",
        needs=get_checked,
        companion=get_companion,
    output:
        table="results/translation/{corpus}/{model}.csv",
    log:
        "logs/translation/{corpus}/{model}.log",
    benchmark:
        "logs/benchmarks/translation/{corpus}/{model}.tsv"
    wildcard_constraints:
        model=get_names("models", "acoustic"),
    threads: 1
    resources:
        mem_mb=REQUEST.memory("translation_baseline"),
        runtime=REQUEST.minutes("translation_baseline"),
    params:
        code=code_of("translation_baseline"),
        features=lookup("models/{model}/features", within=config),
        settings=get_settings("translation", "n_probe", "n_resamples"),
        seed=config["seed"],
    script:
        "../../scripts/translation_baseline.py"


rule translation_summary:
    """Collect the results, average them over seeds, and regress gender accuracy on the probe's F1."""
    input:
        table=[*get_translators(".csv"), *get_translation_baselines()],
        translations=get_translators(".translations.parquet"),
    output:
        table="results/translation/translation.csv",
        summary="results/translation/summary.csv",
    log:
        "logs/translation/summary.log",
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code_of("translation_summary"),
        settings=get_settings("translation", "n_resamples"),
        seed=config["seed"],
    script:
        "../../scripts/translation_summary.py"


rule translation:
    """Score and probe speaker gender in the study's translators; in results/translation/."""
    input:
        rules.translation_summary.output,


# Tables of the figure.
FIGURE_TABLES["translation"] = {
    "table": rules.translation_summary.output.table,
    "summary": rules.translation_summary.output.summary,
    "probes": source("workflow/reference/fucci_2025.csv"),
    "accuracies": source("workflow/reference/fucci_2025_accuracy.csv"),
}
