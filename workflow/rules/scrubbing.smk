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
        code=library("scrubbing", "models.predictor", "models.acoustic"),
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
        code=library("scrubbing_summary"),
    output:
        table="results/scrubbing/scrubbing.csv",
        rates="results/scrubbing/rates.csv",
    log:
        "logs/scrubbing/collect.log",
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    script:
        "../../scripts/scrubbing_tables.py"


rule scrubbing:
    """Erase gender from the study's recognisers; in results/scrubbing/."""
    input:
        rules.scrubbing_tables.output,


rule figure_scrubbing:
    """Draw probes of gender by layer and by position, and error rates, before and after erasing."""
    input:
        table=rules.scrubbing_tables.output.table,
        corpora=get_corpora("scrubbing"),
        checkpoints=get_checkpoints("scrubbing"),
        style=source("src/auscult/auscult.mplstyle"),
        code=library("plotting"),
    output:
        pdf=report(
            "results/figures/scrubbing.pdf",
            caption="../report/scrubbing.rst",
            category="scrubbing",
        ),
        svg="results/figures/scrubbing.svg",
        png="results/figures/scrubbing.png",
        table="results/figures/scrubbing.csv",
        provenance="results/figures/scrubbing.json",
    log:
        "logs/figures/scrubbing.log",
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        figure=get_figure("scrubbing"),
        study=get_study(),
        models=MODELS,
    script:
        "../../scripts/figures/scrubbing.py"
