"""
What a map of segment vectors shows, and how far it can be believed.

required inputs:  results/activations/{corpus}/{model}/{step}/manifest.json
outputs:          results/reduction/{corpus}/{model}/{step}.csv (quality) and .parquet (coordinates), collected in
                  results/reduction/reduction.csv and coordinates.parquet; results/figures/reduction.*
"""


include: "reduction_inputs.smk"


rule reduction_run:
    """Map one model's segment vectors to the plane and measure the maps on held-out speakers."""
    input:
        activations="results/activations/{corpus}/{model}/{step}/manifest.json",
    output:
        quality="results/reduction/{corpus}/{model}/{step}.csv",
        coordinates="results/reduction/{corpus}/{model}/{step}.parquet",
    log:
        "logs/reduction/{corpus}/{model}/{step}.log",
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        code=code_of("reduction"),
        tier=config["analyses"]["reduction"]["tier"],
        layers=get_layers,
        methods=config["analyses"]["reduction"]["methods"],
        supervised_by=config["analyses"]["reduction"]["supervised_by"],
        factors=config["analyses"]["reduction"]["factors"],
        n_items=config["analyses"]["reduction"]["n_items"],
        n_neighbours=config["analyses"]["reduction"]["n_neighbours"],
        n_resamples=config["analyses"]["reduction"]["n_resamples"],
        n_seeds=config["analyses"]["reduction"]["n_seeds"],
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


# What the figure is drawn from.
FIGURE_TABLES["reduction"] = {
    "quality": rules.reduction.output.table,
    "coordinates": rules.reduction.output.coordinates,
}
