"""
Reliability of attributions: agreement of seeds, methods and inputs, faithfulness, pointing game, randomisation.

required inputs:  results/attribution/{corpus}/{model}/{step}.parquet, resources/corpora/{corpus}/manifest.json,
                  resources/checkpoints/{model}/{step}/manifest.json
outputs:          results/reliability/{corpus}/{model}/{step}.csv (one model) and .parquet (its utterances),
                  results/reliability/{corpus}/{task}.csv (all models of a task) and .contrasts.parquet (words minus
                  frames, by utterance), collected in results/reliability/reliability.csv (tasks), interaction.csv
                  (between tasks) and runs.csv (models); results/figures/reliability.*
"""

from auscult.study.attribution import explanation_settings
from auscult.study.reliability import (
    compared_tasks,
    perturbation_options,
    perturbed_runs,
    task_runs,
    word_based,
)


localrules:
    reliability,


def get_measured_paths(corpus, task, ending):
    """Return one path per model of a task whose inputs are perturbed."""
    return get_run_paths("reliability", corpus, perturbed_runs(config, task), ending)


def get_task_scores(wildcards):
    """Return the attributions of every model of a task."""
    runs = task_runs(config, wildcards.task)
    return get_run_paths("attribution", wildcards.corpus, runs, ".parquet")


def get_task_paths(ending):
    """Return one path per task of each corpus."""
    return [
        f"results/reliability/{corpus}/{task}{ending}"
        for corpus, task in compared_tasks(config)
    ]


# One rule per task: its models are perturbed in one job that loads libraries and corpus once.
for corpus, task in compared_tasks(config):
    runs = perturbed_runs(config, task)

    rule:
        """Perturb inputs by their attributions, randomise layers, and play the pointing game."""
        name:
            f"reliability_{corpus}_{task}".replace("-", "_")
        input:
            corpus=f"resources/corpora/{corpus}/manifest.json",
            checkpoints=[
                f"resources/checkpoints/{model}/{step}/manifest.json"
                for model, step in runs
            ],
            scores=get_run_paths("attribution", corpus, runs, ".parquet"),
        output:
            tables=get_measured_paths(corpus, task, ".csv"),
            measured=get_measured_paths(corpus, task, ".parquet"),
        log:
            f"logs/reliability/{corpus}/{task}.runs.log",
        benchmark:
            f"logs/benchmarks/reliability/{corpus}/{task}.tsv"
        threads: 1
        resources:
            mem_mb=4000,
            runtime=240,
            gpu=get_gpus(),
        params:
            code=code_of("reliability"),
            corpus=corpus,
            task=task,
            runs=runs,
            attribution=explanation_settings(config),
            settings=get_settings(
                "reliability",
                "methods",
                "inputs",
                "units",
                "n_utterances",
                "n_random",
                "n_points",
                "shares",
                "top_share",
                "n_randomised",
                "randomise",
                "n_draws",
                "randomised_units",
                "batch_s",
                "n_resamples",
            ),
            options=[perturbation_options(config, model, step) for model, step in runs],
            device=config["device"],
            seed=config["seed"],
        script:
            "../../scripts/reliability.py"


rule reliability_task:
    """Compare the attributions of all models of a task, and average the measures of single models."""
    input:
        scores=get_task_scores,
        measured=lambda wildcards: get_measured_paths(
            wildcards.corpus, wildcards.task, ".parquet"
        ),
    output:
        table="results/reliability/{corpus}/{task}.csv",
        contrasts="results/reliability/{corpus}/{task}.contrasts.parquet",
    log:
        "logs/reliability/{corpus}/{task}.log",
    wildcard_constraints:
        task="|".join(config["analyses"]["reliability"]["tasks"]),
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        code=code_of("reliability_task"),
        runs=lambda wildcards: task_runs(config, wildcards.task),
        between=lambda wildcards: config["analyses"]["reliability"]["tasks"][
            wildcards.task
        ]["between"],
        settings=get_settings("reliability", "methods", "top_share", "n_resamples"),
        seed=config["seed"],
    script:
        "../../scripts/reliability_task.py"


rule reliability_interaction:
    """Compare the difference between words and frames in word-based tasks with other tasks."""
    input:
        contrasts=get_task_paths(".contrasts.parquet"),
    output:
        table="results/reliability/interaction.csv",
    log:
        "logs/reliability/interaction.log",
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_of("reliability_interaction"),
        runs=compared_tasks(config),
        word_based=word_based(config),
        n_resamples=config["analyses"]["reliability"]["n_resamples"],
        seed=config["seed"],
    script:
        "../../scripts/reliability_interaction.py"


rule reliability_tables:
    """Collect the results of every task, and of every model."""
    input:
        table=get_task_paths(".csv"),
        runs=[
            path
            for corpus, task in compared_tasks(config)
            for path in get_measured_paths(corpus, task, ".csv")
        ],
    output:
        table="results/reliability/reliability.csv",
        runs="results/reliability/runs.csv",
    log:
        "logs/reliability/collect.log",
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_of("collect_tables"),
    script:
        "../../scripts/collect_tables.py"


rule reliability:
    """Measure the reliability of attributions; results in results/reliability/."""
    input:
        rules.reliability_tables.output,
        rules.reliability_interaction.output,


# Tables of the figure.
FIGURE_TABLES["reliability"] = {
    "table": rules.reliability_tables.output.table,
    "interaction": rules.reliability_interaction.output.table,
}
