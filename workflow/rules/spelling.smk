"""
Number as spelt by recognisers where only the determiner marks it, with the determiner audible and silenced.

required inputs:  resources/corpora/{corpus}/manifest.json, resources/checkpoints/{model}/{step}/manifest.json (with a CTC head)
outputs:          results/spelling/{corpus}/{model}/{step}.csv, collected in results/spelling/spelling.csv;
                  results/figures/spelling.*
"""


localrules:
    spelling,


rule spelling_run:
    """Score one recogniser on words whose number only a cue marks, with the cue audible and silenced."""
    input:
        corpus="resources/corpora/{corpus}/manifest.json",
        needs=get_checked,
        checkpoint=get_checkpoint,
    output:
        table="results/spelling/{corpus}/{model}/{step}.csv",
    log:
        "logs/spelling/{corpus}/{model}/{step}.log",
    benchmark:
        "logs/benchmarks/spelling/{corpus}/{model}/{step}.tsv"
    threads: 1
    resources:
        mem_mb=REQUEST.memory("spelling_run"),
        runtime=REQUEST.minutes("spelling_run"),
        gpu=get_gpus(),
    params:
        code=code_of("spelling"),
        settings=get_settings("spelling", "split", "n_resamples"),
        seed=config["seed"],
        device=config["device"],
    script:
        "../../scripts/spelling.py"


rule spelling_tables:
    """Collect the scores of every recogniser."""
    input:
        table=get_runs("spelling", ".csv"),
    output:
        table="results/spelling/spelling.csv",
    log:
        "logs/spelling/collect.log",
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_of("collect_tables"),
    script:
        "../../scripts/collect_tables.py"


rule spelling:
    """Score the number spelling of every recogniser; in results/spelling/."""
    input:
        rules.spelling_tables.output,


# Tables from which the figure is drawn.
FIGURE_TABLES["spelling"] = {
    "table": rules.spelling_tables.output.table,
}
