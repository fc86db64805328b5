"""
What is nearer to what without training anything, beside what a trained probe reads from the same items.

required inputs:  results/activations/{corpus}/{model}/{step}/manifest.json, results/probing/probing.csv; for item files those
                  and resources/corpora/{corpus}/manifest.json, resources/checkpoints/{model}/{step}/manifest.json
outputs:          results/abx/{corpus}/{model}/{step}.csv (scores) and .parquet (contrasts), {step}/items.csv and .parquet those
                  of item files, collected in results/abx/abx.csv and contrasts.parquet; results/abx/agreement.csv (rank
                  correlation with the probe); results/figures/abx.*
"""


include: "abx_inputs.smk"


localrules:
    abx,


rule abx_run:
    """Score one model's layers on one corpus, within and across speakers."""
    input:
        activations="results/activations/{corpus}/{model}/{step}/manifest.json",
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
        code=code_of("abx"),
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


rule abx_items:
    """Run one model over the items of files, and score its layers on them."""
    input:
        corpus="resources/corpora/{corpus}/manifest.json",
        checkpoint=get_checkpoint,
        item_files=get_abx_item_files,
    output:
        table="results/abx/{corpus}/{model}/{step}/items.csv",
        contrasts="results/abx/{corpus}/{model}/{step}/items.parquet",
    log:
        "logs/abx_items/{corpus}/{model}/{step}.log",
    threads: 1
    resources:
        mem_mb=8000,
        runtime=600,
        gpu=get_gpus(),
    params:
        code=code_of("abx_items"),
        targets=get_abx_item_targets,
        checkpoint="resources/checkpoints/{model}/{step}",
        features=lookup("models/{model}/features", within=config, default=None),
        batch_s=config["activations"]["batch_s"],
        device=config["device"],
        contexts=config["analyses"]["abx"]["contexts"],
        speakers=config["analyses"]["abx"]["speakers"],
        max_items_per_bin=config["analyses"]["abx"]["max_items_per_bin"],
        max_cells=config["analyses"]["abx"]["max_cells"],
        n_resamples=config["analyses"]["abx"]["n_resamples"],
        seed=config["seed"],
    script:
        "../../scripts/abx_items.py"


rule abx_tables:
    """Collect the ABX scores of the study and of its contrasts."""
    input:
        table=get_abx_tables(".csv"),
        contrasts=get_abx_tables(".parquet"),
    output:
        table="results/abx/abx.csv",
        contrasts="results/abx/contrasts.parquet",
    log:
        "logs/abx/collect.log",
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_of("collect_tables"),
    script:
        "../../scripts/collect_tables.py"


rule abx_agreement:
    """Compare how ABX and the probe rank layers and models."""
    input:
        abx=rules.abx_tables.output.table,
        probing="results/probing/probing.csv",
    output:
        table="results/abx/agreement.csv",
    log:
        "logs/abx/agreement.log",
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_of("abx_agreement"),
    script:
        "../../scripts/abx_agreement.py"


rule abx:
    """Score the study by ABX, and compare with its probes; in results/abx/."""
    input:
        rules.abx_tables.output,
        rules.abx_agreement.output,


# What the figure is drawn from.
FIGURE_TABLES["abx"] = {
    "abx": rules.abx_tables.output.table,
    "probing": "results/probing/probing.csv",
    "agreement": rules.abx_agreement.output.table,
    "published": source("workflow/reference/de_heer_kloots_2025.csv"),
}
