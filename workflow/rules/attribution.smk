"""
Which stretches of an utterance a fine-tuned model's prediction rests on, by several methods, on three inputs.

required inputs:  resources/corpora/{corpus}/manifest.json, resources/checkpoints/{model}/{step}/manifest.json (with a head)
outputs:          results/attribution/{corpus}/{model}/{step}.parquet (a score for each segment), .csv (completeness gaps, share of
                  the cue) and .example.parquet (one recording), collected in results/attribution/attribution.csv,
                  scores.parquet and examples.parquet; results/figures/attribution.*
"""


include: "attribution_inputs.smk"


localrules:
    attribution,


# One rule a task: its models are explained on the same utterances, in one run that loads libraries and corpus once.
for (corpus, task), runs in get_explained_tasks().items():

    rule:
        """Attribute the predictions of a task's models on a sample of one corpus."""
        name:
            f"attribution_{corpus}_{task}".replace("-", "_")
        input:
            corpus=f"resources/corpora/{corpus}/manifest.json",
            checkpoints=[
                f"resources/checkpoints/{model}/{step}/manifest.json"
                for model, step in runs
            ],
        output:
            scores=get_run_paths("attribution", corpus, runs, ".parquet"),
            summaries=get_run_paths("attribution", corpus, runs, ".csv"),
            examples=get_run_paths("attribution", corpus, runs, ".example.parquet"),
        log:
            f"logs/attribution/{corpus}/{task}.log",
        benchmark:
            f"logs/benchmarks/attribution/{corpus}/{task}.tsv"
        threads: 1
        resources:
            mem_mb=get_attribution_memory(),
            runtime=240,
            gpu=get_gpus(),
        params:
            code=code_of("attribution"),
            corpus=corpus,
            runs=runs,
            settings=[get_attribution_settings(model) for model, _ in runs],
            explain=config["analyses"]["attribution"]["explain"],
            scale=config["analyses"]["attribution"]["scale"],
            n_utterances=config["analyses"]["attribution"]["n_utterances"],
            max_s=config["analyses"]["attribution"]["max_s"],
            drawn_within_s=config["analyses"]["attribution"].get("drawn_within_s"),
            n_resamples=config["analyses"]["attribution"]["n_resamples"],
            device=config["device"],
            seed=config["seed"],
        script:
            "../../scripts/attribution.py"


rule attribution_tables:
    """Collect the attributions of the study, their summaries and examples."""
    input:
        table=get_runs("attribution", ".csv"),
        scores=get_runs("attribution", ".parquet"),
        examples=get_runs("attribution", ".example.parquet"),
    output:
        table="results/attribution/attribution.csv",
        scores="results/attribution/scores.parquet",
        examples="results/attribution/examples.parquet",
    log:
        "logs/attribution/collect.log",
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code_of("collect_tables"),
    script:
        "../../scripts/collect_tables.py"


rule attribution:
    """Attribute the predictions of the study; in results/attribution/."""
    input:
        rules.attribution_tables.output,


# What the figure is drawn from.
FIGURE_TABLES["attribution"] = {
    "table": rules.attribution_tables.output.table,
    "scores": rules.attribution_tables.output.scores,
    "examples": rules.attribution_tables.output.examples,
}
