"""
What translators write of the speaker's gender, what a probe hears of it in their states, and whether one follows the other.

required inputs:  resources/corpora/{corpus}/manifest.json with references, resources/checkpoints/{model}/{step}/manifest.json
outputs:          results/translation/{corpus}/{translator}.csv and {translator}.translations.parquet (of every test translation),
                  {model}.csv of baselines; collected in results/translation/translation.csv, over seeds, with the regression, in
                  results/translation/summary.csv; results/figures/translation.*
"""


include: "translation_inputs.smk"


localrules:
    translation,


rule translation_run:
    """Translate the test sentences with all seeds of one translator, score their gender, and probe its states."""
    input:
        corpus="resources/corpora/{corpus}/manifest.json",
        checkpoints=get_checkpoints_of_translator,
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
        mem_mb=3000,
        runtime=60,
        gpu=get_gpus(),
    params:
        code=code_of("translation"),
        n_probe=config["analyses"]["translation"]["n_probe"],
        n_resamples=config["analyses"]["translation"]["n_resamples"],
        seed=config["seed"],
        device=config["device"],
    script:
        "../../scripts/translation.py"


rule translation_baseline:
    """Probe acoustic frames of the same utterances for gender."""
    input:
        corpus="resources/corpora/{corpus}/manifest.json",
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
        mem_mb=3000,
        runtime=60,
    params:
        code=code_of("translation_baseline"),
        features=lookup("models/{model}/features", within=config),
        n_probe=config["analyses"]["translation"]["n_probe"],
        n_resamples=config["analyses"]["translation"]["n_resamples"],
        seed=config["seed"],
    script:
        "../../scripts/translation_baseline.py"


rule translation_summary:
    """Collect the results, average them over seeds, and regress gender accuracy on what the probe hears."""
    input:
        table=[*get_translation(".csv"), *get_translation_baselines()],
        translations=get_translation(".translations.parquet"),
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
        n_resamples=config["analyses"]["translation"]["n_resamples"],
        seed=config["seed"],
    script:
        "../../scripts/translation_summary.py"


rule translation:
    """Score the gender that translators write and hear; in results/translation/."""
    input:
        rules.translation_summary.output,


# What the figure is drawn from.
FIGURE_TABLES["translation"] = {
    "table": rules.translation_summary.output.table,
    "summary": rules.translation_summary.output.summary,
    "probes": source("workflow/reference/fucci_2025.csv"),
    "accuracies": source("workflow/reference/fucci_2025_accuracy.csv"),
}
