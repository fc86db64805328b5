"""
Two-dimensional maps of segment vectors and their quality on held-out speakers.

required inputs:  results/activations/{corpus}/{model}/{step}/manifest.json
outputs:          results/reduction/{corpus}/{model}/{step}.csv (quality) and .parquet (coordinates), collected in
                  results/reduction/reduction.csv and coordinates.parquet; results/figures/reduction.*
"""

from auscult.study.reduction import mapped_layers


def get_mapped_layers(wildcards):
    """Return the layers of a model to map."""
    return mapped_layers(config, wildcards.model)


rule reduction_run:
    """Map one model's segment vectors to two dimensions and evaluate the maps on held-out speakers."""
    input:
        activations="results/activations/{corpus}/{model}/{step}/manifest.json",
    output:
        quality="results/reduction/{corpus}/{model}/{step}.csv",
        coordinates="results/reduction/{corpus}/{model}/{step}.parquet",
    log:
        "logs/reduction/{corpus}/{model}/{step}.log",
    threads: 1
    resources:
        mem_mb=REQUEST.memory("reduction_run"),
        runtime=REQUEST.minutes("reduction_run"),
    params:
        code=code_of("reduction"),
        layers=get_mapped_layers,
        settings=get_settings(
            "reduction",
            "tier",
            "methods",
            "factors",
            "supervised_by",
            "n_items",
            "n_neighbours",
            "n_resamples",
            "n_seeds",
        ),
        seed=config["seed"],
    script:
        "../../scripts/reduction.py"


rule reduction:
    """Collect the maps of the study and their quality in results/reduction/."""
    input:
        table=get_runs("reduction", ".csv"),
        coordinates=get_runs("reduction", ".parquet"),
    output:
        table="results/reduction/reduction.csv",
        coordinates="results/reduction/coordinates.parquet",
    log:
        "logs/reduction/collect.log",
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code_of("collect_tables"),
    script:
        "../../scripts/collect_tables.py"


# Tables from which the figure is drawn.
FIGURE_TABLES["reduction"] = {
    "table": rules.reduction.output.table,
    "coordinates": rules.reduction.output.coordinates,
}
