"""
Gender erased inside a recogniser: what probes still find of it layer by layer, and what the recogniser loses by it.

required inputs:  resources/corpora/{corpus}/manifest.json (genders, transcripts); resources/checkpoints/{model}/{step}/manifest.json
                  (with a CTC head); acoustic baselines need none
outputs:          results/scrubbing/{corpus}/{model}/{step}.csv, collected in results/scrubbing/scrubbing.csv; the error rates as a
                  table to read, results/scrubbing/rates.csv; the erasers, results/scrubbing/{corpus}/{model}/{step}/manifest.json;
                  results/figures/scrubbing.*
"""


include: "scrubbing_inputs.smk"


localrules:
    scrubbing,


rule scrubbing_run:
    """Erase gender from one model, probe every layer again and count its errors."""
    input:
        corpus="resources/corpora/{corpus}/manifest.json",
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
        mem_mb=3000,
        runtime=240,
        gpu=get_gpus(),
    params:
        code=code_of("scrubbing"),
        features=get_scrubbed_features,
        settings=get_scrubbing_settings,
        device=config["device"],
        seed=config["seed"],
    script:
        "../../scripts/scrubbing.py"


rule scrubbing_tables:
    """Collect the results, and set out the error rates before and after erasing."""
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


# What the figure is drawn from.
FIGURE_TABLES["scrubbing"] = {
    "table": rules.scrubbing_tables.output.table,
}
