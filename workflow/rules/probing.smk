"""
What can be read from each layer by a probe, on speakers or types it has not met, and what its controls read.

required inputs:  results/activations/{corpus}/{model}/{step}/manifest.json, for targets such as log F0 those of baselines, too;
                  for noun_number and verb_number resources/corpora/{corpus}/manifest.json
outputs:          results/probing/{corpus}.csv, collected in results/probing/probing.csv; results/figures/probing.*
"""

from auscult.activations.columns import ACOUSTIC, CUED


include: "probing_inputs.smk"


rule probing_run:
    """Probe the layers of every model on one corpus, with chance, shuffled labels and control tasks."""
    input:
        activations=get_probed_activations,
        acoustics=get_acoustics,
        corpus=get_words,
    output:
        table="results/probing/{corpus}.csv",
    log:
        "logs/probing/{corpus}.log",
    benchmark:
        "logs/benchmarks/probing/{corpus}.tsv"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=240,
    params:
        code=code_of("probing"),
        runs=get_probed_runs,
        targets=get_targets,
        acoustics=get_measured,
        probe=config["analyses"]["probing"]["probe"],
        n_folds=config["analyses"]["probing"]["n_folds"],
        n_permutations=config["analyses"]["probing"]["n_permutations"],
        n_resamples=config["analyses"]["probing"]["n_resamples"],
        min_class_size=config["analyses"]["probing"]["min_class_size"],
        max_items=config["analyses"]["probing"]["max_items"],
        seed=config["seed"],
    script:
        "../../scripts/probing.py"


rule probing:
    """Collect the probing results of the study in results/probing/probing.csv."""
    input:
        table=expand(
            "results/probing/{corpus}.csv",
            corpus=config["analyses"]["probing"]["corpora"],
        ),
    output:
        table="results/probing/probing.csv",
    log:
        "logs/probing/collect.log",
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_of("collect_tables"),
    script:
        "../../scripts/collect_tables.py"


# What the figure is drawn from.
FIGURE_TABLES["probing"] = {
    "table": rules.probing.output.table,
}
