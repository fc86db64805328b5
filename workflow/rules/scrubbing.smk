"""
Gender erased inside a recogniser: gender probes of every layer and error rates, before and after.

required inputs:  resources/corpora/{corpus}/manifest.json (genders, transcripts); resources/checkpoints/{model}/{step}/manifest.json
                  (with a CTC head); acoustic baselines need none
outputs:          results/scrubbing/{corpus}/{model}/{step}.csv, collected in results/scrubbing/scrubbing.csv; error rates by
                  condition, results/scrubbing/rates.csv; the erasers, results/scrubbing/{corpus}/{model}/{step}/manifest.json;
                  results/figures/scrubbing.*
"""

from auscult.study.scrubbing import scrubbing_settings


def get_fit_corpus(wildcards):
    """Return the manifest of the corpus that provides the split fit, if it is another one."""
    fit = config["analyses"]["scrubbing"]["fit_corpora"].get(wildcards.corpus)
    return [f"resources/corpora/{fit}/manifest.json"] if fit else []


localrules:
    scrubbing,


rule scrubbing_run:
    """Erase gender from one model, probe every layer again and count its errors."""
    input:
        corpus="resources/corpora/{corpus}/manifest.json",
        needs=get_checked,
        fit=get_fit_corpus,
        checkpoint=get_checkpoint,
    output:
        table="results/scrubbing/{corpus}/{model}/{step}.csv",
        erasers="results/scrubbing/{corpus}/{model}/{step}/manifest.json",
    log:
        "logs/scrubbing/{corpus}/{model}/{step}.log",
    benchmark:
        "logs/benchmarks/scrubbing/{corpus}/{model}/{step}.tsv"
    threads: 1
    resources:
        mem_mb=REQUEST.memory("scrubbing_run"),
        runtime=REQUEST.minutes("scrubbing_run"),
        gpu=get_gpus(),
    params:
        code=code_of("scrubbing"),
        features=lookup("models/{model}/features", within=config, default=None),
        settings=lambda wildcards: scrubbing_settings(
            config, wildcards.model, wildcards.step
        ),
        device=config["device"],
        seed=config["seed"],
    script:
        "../../scripts/scrubbing.py"


rule scrubbing_tables:
    """Collect the results, and tabulate the error rates before and after erasure."""
    input:
        table=get_runs("scrubbing", ".csv"),
    output:
        table="results/scrubbing/scrubbing.csv",
        rates="results/scrubbing/rates.csv",
    log:
        "logs/scrubbing/collect.log",
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_of("scrubbing_tables"),
    script:
        "../../scripts/scrubbing_tables.py"


rule scrubbing:
    """Erase gender from the study's recognisers; in results/scrubbing/."""
    input:
        rules.scrubbing_tables.output,


# Tables of the figure.
FIGURE_TABLES["scrubbing"] = {
    "table": rules.scrubbing_tables.output.table,
}
