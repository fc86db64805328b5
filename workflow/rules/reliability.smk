"""
How far attributions can be trusted: agreement of seeds, methods and inputs, faithfulness, randomisation, pointing game.

required inputs:  results/attribution/{corpus}/{model}/{step}.parquet, resources/corpora/{corpus}/manifest.json,
                  resources/checkpoints/{model}/{step}/manifest.json
outputs:          results/reliability/{corpus}/{model}/{step}.csv (one model) and .parquet (its utterances),
                  results/reliability/{corpus}/{task}.csv (all models of a task) and .contrasts.parquet (words less
                  frames, of its utterances), collected in results/reliability/reliability.csv (tasks), interaction.csv
                  (between tasks) and runs.csv (models); results/figures/reliability.*
"""


include: "reliability_inputs.smk"


localrules:
    reliability,


# One rule a task: its models are perturbed in one run that loads libraries and corpus once.
for corpus, task in get_tasks():
    runs = get_perturbed(task)

    rule:
        """Perturb the inputs of models by their attributions, randomise layers, play the pointing game."""
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
            tables=get_run_paths("reliability", corpus, runs, ".csv"),
            measured=get_run_paths("reliability", corpus, runs, ".parquet"),
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
            attribution=[get_explanation(model) for model, _ in runs],
            reliability=[get_perturbation(model, step) for model, step in runs],
            n_resamples=config["analyses"]["reliability"]["n_resamples"],
            device=config["device"],
            seed=config["seed"],
        script:
            "../../scripts/reliability.py"


rule reliability_task:
    """Compare the attributions of all models of a task, and average what was measured of each."""
    input:
        scores=get_task_scores,
        measured=get_task_items,
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
        runs=get_task_runs,
        between=get_between,
        methods=config["analyses"]["reliability"]["methods"],
        top_share=config["analyses"]["reliability"]["top_share"],
        n_resamples=config["analyses"]["reliability"]["n_resamples"],
        seed=config["seed"],
    script:
        "../../scripts/reliability_task.py"


rule reliability_interaction:
    """Compare what words gain on frames in word-based tasks with what they gain in others."""
    input:
        contrasts=get_task_contrasts(),
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
        runs=get_tasks(),
        word_based=get_word_based(),
        n_resamples=config["analyses"]["reliability"]["n_resamples"],
        seed=config["seed"],
    script:
        "../../scripts/reliability_interaction.py"


rule reliability_tables:
    """Collect the reliability of every task, and of every model."""
    input:
        table=get_task_tables(),
        runs=get_measured_runs(".csv"),
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
    """Measure how far the study's attributions can be trusted; in results/reliability/."""
    input:
        rules.reliability_tables.output,
        rules.reliability_interaction.output,


# What the figure is drawn from.
FIGURE_TABLES["reliability"] = {
    "table": rules.reliability_tables.output.table,
    "interaction": rules.reliability_interaction.output.table,
}
