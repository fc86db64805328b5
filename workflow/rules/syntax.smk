"""
Loss, syntactic attention and grammatical accuracy of language models during training.

required inputs:  resources/corpora/{corpus}/manifest.json (of text), resources/checkpoints/{model}/{step}/manifest.json of all steps
outputs:          results/syntax/{corpus}/{model}.csv, collected in results/syntax/syntax.csv; results/syntax/onsets.csv, the
                  onset of each curve; results/figures/syntax.*
"""


def get_sweep_checkpoints(wildcards):
    """Return the manifests of all checkpoints of a model, in the order of training."""
    return [
        f"{get_folder(wildcards.model, step)}/manifest.json"
        for step in steps_of(wildcards.model, config["models"][wildcards.model])
    ]


def get_syntax_tables():
    """Return the path of the table of every corpus and model."""
    runs = dict.fromkeys(run[:2] for run in runs_of(config, "syntax"))
    return [f"results/syntax/{corpus}/{model}.csv" for corpus, model in runs]


localrules:
    syntax,


rule syntax_run:
    """Measure every checkpoint of one language model on one corpus."""
    input:
        corpus="resources/corpora/{corpus}/manifest.json",
        needs=get_checked,
        checkpoints=get_sweep_checkpoints,
    output:
        table="results/syntax/{corpus}/{model}.csv",
    log:
        "logs/syntax/{corpus}/{model}.log",
    benchmark:
        "logs/benchmarks/syntax/{corpus}/{model}.tsv"
    threads: 1
    resources:
        mem_mb=REQUEST.memory("syntax_run"),
        runtime=REQUEST.minutes("syntax_run"),
        gpu=get_gpus(),
    params:
        code=code_of("syntax"),
        settings=get_settings(
            "syntax", "split", "min_arcs", "max_sentences", "variant", "n_resamples"
        ),
        device=config["device"],
        seed=config["seed"],
    script:
        "../../scripts/syntax.py"


rule syntax_tables:
    """Collect the measurements of every model and checkpoint."""
    input:
        table=get_syntax_tables(),
    output:
        table="results/syntax/syntax.csv",
    log:
        "logs/syntax/collect.log",
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_of("collect_tables"),
    script:
        "../../scripts/collect_tables.py"


rule syntax_onsets:
    """Find the onset of every curve, and compare onsets of models and seeds."""
    input:
        table=rules.syntax_tables.output.table,
    output:
        table="results/syntax/onsets.csv",
    log:
        "logs/syntax/onsets.log",
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_of("syntax_onsets"),
        settings=get_settings("syntax", "onset_share"),
    script:
        "../../scripts/syntax_onsets.py"


rule syntax:
    """Measure the language models of the study at every checkpoint; tables in results/syntax/."""
    input:
        rules.syntax_tables.output,
        rules.syntax_onsets.output,


FIGURE_TABLES["syntax"] = {
    "table": rules.syntax_tables.output.table,
    "onsets": rules.syntax_onsets.output.table,
}
