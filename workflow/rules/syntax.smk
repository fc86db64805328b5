"""
How loss, syntactic attention and grammar change while a language model is trained.

required inputs:  resources/corpora/{corpus}/manifest.json (of text), resources/checkpoints/{model}/{step}/manifest.json of all steps
outputs:          results/syntax/{corpus}/{model}.csv, collected in results/syntax/syntax.csv; results/syntax/onsets.csv, when
                  each curve breaks; results/figures/syntax.*
"""


include: "syntax_inputs.smk"


localrules:
    syntax,


rule syntax_run:
    """Measure every checkpoint of one language model on one corpus."""
    input:
        corpus="resources/corpora/{corpus}/manifest.json",
        checkpoints=get_sweep_checkpoints,
    output:
        table="results/syntax/{corpus}/{model}.csv",
    log:
        "logs/syntax/{corpus}/{model}.log",
    benchmark:
        "logs/benchmarks/syntax/{corpus}/{model}.tsv"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=240,
        gpu=get_gpus(),
    params:
        code=code_of("syntax"),
        split=config["analyses"]["syntax"]["split"],
        min_arcs=config["analyses"]["syntax"]["min_arcs"],
        max_sentences=config["analyses"]["syntax"]["max_sentences"],
        variant=config["analyses"]["syntax"]["variant"],
        n_resamples=config["analyses"]["syntax"]["n_resamples"],
        device=config["device"],
        seed=config["seed"],
    script:
        "../../scripts/syntax.py"


rule syntax_tables:
    """Collect the measures of every model and checkpoint."""
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
    """Date the break of every curve, and compare the dates."""
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
        share=config["analyses"]["syntax"]["onset_share"],
    script:
        "../../scripts/syntax_onsets.py"


rule syntax:
    """Follow the language models of the study through training; in results/syntax/."""
    input:
        rules.syntax_tables.output,
        rules.syntax_onsets.output,


# What the figure is drawn from.
FIGURE_TABLES["syntax"] = {
    "table": rules.syntax_tables.output.table,
    "onsets": rules.syntax_onsets.output.table,
}
