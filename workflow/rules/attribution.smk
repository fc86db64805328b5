"""
Feature attribution: the segments of an utterance on which the prediction of a fine-tuned model rests.

required inputs:  resources/corpora/{corpus}/manifest.json, resources/checkpoints/{model}/{step}/manifest.json (with a head)
outputs:          results/attribution/{corpus}/{model}/{step}.parquet (a score per segment), .csv (completeness gaps, share
                  of the deciding word) and .example.parquet (one recording), collected in results/attribution/attribution.csv,
                  scores.parquet and examples.parquet; results/figures/attribution.*
"""

from auscult.study.attribution import (
    attribution_settings,
    explained_inputs,
    explained_tasks,
)


localrules:
    attribution,


# Number of jobs among which the utterances of a task are divided. For clusters: --set-scatter attribution=8.
scattergather:
    attribution=1,


def get_attribution_inputs(corpus, runs):
    """Return what the attribution of a task, and a part of it, reads."""
    return dict(
        corpus=f"resources/corpora/{corpus}/manifest.json",
        checkpoints=[
            f"resources/checkpoints/{model}/{step}/manifest.json"
            for model, step in runs
        ],
    )


def get_attribution_params(corpus, runs):
    """Return the parameters that the attribution of a task and a part of it share."""
    return dict(
        code=code_of("attribution"),
        corpus=corpus,
        runs=runs,
        settings=attribution_settings(config),
        inputs=[explained_inputs(config, model) for model, _ in runs],
        device=config["device"],
        seed=config["seed"],
    )


def get_attribution_parts(corpus, task):
    """Return the folders of the parts of a task; none if one job explains all utterances."""
    parts = gather.attribution(
        f"results/attribution/.parts/{corpus}/{task}/{{scatteritem}}"
    )
    return [] if len(parts) == 1 else parts


# One rule per task: its models are explained on the same utterances, in one job that loads libraries and corpus once.
for (corpus, task), runs in explained_tasks(config).items():

    rule:
        """Attribute the predictions of the models of one task on a sample of one corpus."""
        name:
            f"attribution_{corpus}_{task}".replace("-", "_")
        input:
            **get_attribution_inputs(corpus, runs),
            parts=get_attribution_parts(corpus, task),
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
            # Activations, and 2000 MB for model and libraries.
            mem_mb=int(2000 + config["analyses"]["attribution"]["memory_mb"]),
            runtime=240,
            gpu=get_gpus(),
        params:
            **get_attribution_params(corpus, runs),
            part="",
        script:
            "../../scripts/attribution.py"

    if get_attribution_parts(corpus, task):

        rule:
            """Explain a share of the utterances of a task; another job summarises all of them."""
            name:
                f"attribution_part_{corpus}_{task}".replace("-", "_")
            input:
                **get_attribution_inputs(corpus, runs),
            output:
                folder=temp(
                    directory(
                        f"results/attribution/.parts/{corpus}/{task}/{{scatteritem}}"
                    )
                ),
            log:
                f"logs/attribution_part/{corpus}/{task}-{{scatteritem}}.log",
            threads: 1
            resources:
                mem_mb=int(2000 + config["analyses"]["attribution"]["memory_mb"]),
                runtime=240,
                gpu=get_gpus(),
            params:
                **get_attribution_params(corpus, runs),
                part="{scatteritem}",
            script:
                "../../scripts/attribution.py"


rule attribution_tables:
    """Collect scores, summaries and examples of all runs."""
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
    """Attribute the predictions of fine-tuned models; results in results/attribution/."""
    input:
        rules.attribution_tables.output,


# Tables of the figure.
FIGURE_TABLES["attribution"] = {
    "table": rules.attribution_tables.output.table,
    "scores": rules.attribution_tables.output.scores,
    "examples": rules.attribution_tables.output.examples,
}
