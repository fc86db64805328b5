"""
ABX discrimination, which trains nothing, beside the accuracy of a trained probe on the same items.

required inputs:  results/activations/{corpus}/{model}/{step}/manifest.json, results/probing/probing.csv; for item files those
                  and resources/corpora/{corpus}/manifest.json, resources/checkpoints/{model}/{step}/manifest.json
outputs:          results/abx/{corpus}/{model}/{step}.csv (scores) and .parquet (contrasts); {step}/items.csv and .parquet
                  (item files); collected in results/abx/abx.csv and contrasts.parquet; results/abx/agreement.csv (rank
                  correlation with the probe); results/figures/abx.*
"""

from auscult.study.abx import item_file_targets, scored_runs, segment_targets


def get_abx_targets(wildcards):
    """Return the ABX targets of a corpus that compare its segments."""
    return segment_targets(config, wildcards.corpus)


def get_abx_item_targets(wildcards):
    """Return the ABX targets of a corpus that compare items of a file."""
    return item_file_targets(config, wildcards.corpus, STUDY_FOLDER)


def get_abx_item_files(wildcards):
    """Return the item files of a corpus."""
    return [target["items"] for target in get_abx_item_targets(wildcards)]


def get_abx_tables(ending):
    """Return one path for each run on segments, and one for each run on item files."""
    return [
        (f"results/abx/{corpus}/{model}/" + (f"{step}/items" if from_files else step))
        + ending
        for corpus, model, step, from_files in scored_runs(config)
    ]


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
        mem_mb=REQUEST.memory("abx_run"),
        runtime=REQUEST.minutes("abx_run"),
    params:
        code=code_of("abx"),
        targets=get_abx_targets,
        settings=get_settings(
            "abx",
            "contexts",
            "speakers",
            "distance",
            "standardise",
            "max_items_per_bin",
            "max_cells",
            "n_resamples",
        ),
        seed=config["seed"],
    script:
        "../../scripts/abx.py"


rule abx_items:
    """Run one model over the recordings of item files, and score its layers on their items."""
    input:
        corpus="resources/corpora/{corpus}/manifest.json",
        needs=get_checked,
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
        settings=get_settings(
            "abx",
            "contexts",
            "speakers",
            "standardise",
            "max_items_per_bin",
            "max_cells",
            "n_resamples",
        ),
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
    """Compare the rankings of layers and models by ABX and by the probe."""
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


# Tables from which the figure is drawn.
FIGURE_TABLES["abx"] = {
    "table": rules.abx_tables.output.table,
    "probing": "results/probing/probing.csv",
    "agreement": rules.abx_agreement.output.table,
    "published": source("workflow/reference/de_heer_kloots_2025.csv"),
}
