"""
What is nearer to what without training anything, beside what a trained probe reads from the same items.

required inputs:  results/activations/{corpus}/{model}/{step}/manifest.json, results/probing/probing.csv
outputs:          results/abx/{corpus}/{model}/{step}.csv (scores) and .parquet (contrasts), collected in results/abx/abx.csv and
                  contrasts.parquet; results/abx/agreement.csv (rank correlation with the probe); results/figures/abx.*
"""


localrules:
    abx,


rule abx_run:
    """Score one model's layers on one corpus, within and across speakers."""
    input:
        activations="results/activations/{corpus}/{model}/{step}/manifest.json",
        code=library("abx"),
    output:
        table="results/abx/{corpus}/{model}/{step}.csv",
        contrasts="results/abx/{corpus}/{model}/{step}.parquet",
    log:
        "logs/abx/{corpus}/{model}/{step}.log",
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        targets=get_abx_targets,
        contexts=config["analyses"]["abx"]["contexts"],
        speakers=config["analyses"]["abx"]["speakers"],
        distance=config["analyses"]["abx"]["distance"],
        max_items_per_bin=config["analyses"]["abx"]["max_items_per_bin"],
        max_cells=config["analyses"]["abx"]["max_cells"],
        n_resamples=config["analyses"]["abx"]["n_resamples"],
        seed=config["seed"],
    script:
        "../../scripts/abx.py"


rule abx_tables:
    """Collect the ABX scores of the study and of its contrasts."""
    input:
        table=get_runs("abx", ".csv"),
        contrasts=get_runs("abx", ".parquet"),
    output:
        table="results/abx/abx.csv",
        contrasts="results/abx/contrasts.parquet",
    log:
        "logs/abx/collect.log",
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    script:
        "../../scripts/collect_tables.py"


rule abx_agreement:
    """Compare how ABX and the probe rank layers and models."""
    input:
        abx=rules.abx_tables.output.table,
        probing="results/probing/probing.csv",
        code=library("abx_agreement"),
    output:
        table="results/abx/agreement.csv",
    log:
        "logs/abx/agreement.log",
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    script:
        "../../scripts/abx_agreement.py"


rule abx:
    """Score the study by ABX, and compare with its probes; in results/abx/."""
    input:
        rules.abx_tables.output,
        rules.abx_agreement.output,


rule figure_abx:
    """Draw ABX by layer beside the probe, how far they agree, and published numbers in panels of their own."""
    input:
        abx=rules.abx_tables.output.table,
        probing="results/probing/probing.csv",
        agreement=rules.abx_agreement.output.table,
        published=source("workflow/reference/de_heer_kloots_2025.csv"),
        corpora=get_corpora("abx"),
        checkpoints=get_checkpoints("abx"),
        style=source("src/auscult/auscult.mplstyle"),
        code=library("plotting", "abx_agreement"),
    output:
        pdf=report(
            "results/figures/abx.pdf",
            caption="../report/abx.rst",
            category="abx",
        ),
        svg="results/figures/abx.svg",
        png="results/figures/abx.png",
        table="results/figures/abx.csv",
        provenance="results/figures/abx.json",
    log:
        "logs/figures/abx.log",
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        figure=get_figure("abx"),
        study=get_study(),
        models=MODELS,
    script:
        "../../scripts/figures/abx.py"
