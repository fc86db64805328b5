"""
Whether models keep phone class, gender and language apart, and what runs through each.

required inputs:  results/activations/{corpus}/{model}/{step}/manifest.json; for the bottleneck
                  resources/corpora/{corpus}/manifest.json and resources/checkpoints/{model}/{step}/manifest.json
outputs:          results/disentangling/{corpus}/{model}/{step}.csv (subspaces, erasure, attribution) and {step}.latents.csv
                  (bottleneck), collected in results/disentangling/disentangling.csv and latents.csv;
                  results/figures/disentangling.*
"""


include: "disentangling_inputs.smk"


localrules:
    disentangling,


rule disentangling_run:
    """Measure the subspaces of factors, erase each and attribute predictions to them, in one model's vectors."""
    input:
        activations="results/activations/{corpus}/{model}/{step}/manifest.json",
    output:
        table="results/disentangling/{corpus}/{model}/{step}.csv",
    log:
        "logs/disentangling/{corpus}/{model}/{step}.log",
    benchmark:
        "logs/benchmarks/disentangling/{corpus}/{model}/{step}.tsv"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        code=code_of("disentangling"),
        layer=config["analyses"]["disentangling"]["layer"],
        factors=config["analyses"]["disentangling"]["factors"],
        targets=config["analyses"]["disentangling"]["targets"],
        tier=config["analyses"]["disentangling"]["tier"],
        methods=config["analyses"]["disentangling"]["methods"],
        shrinkage=config["analyses"]["disentangling"]["shrinkage"],
        min_items=config["analyses"]["disentangling"]["min_items"],
        max_items=config["analyses"]["disentangling"]["max_items"],
        min_class_size=config["analyses"]["disentangling"]["min_class_size"],
        n_folds=config["analyses"]["disentangling"]["n_folds"],
        n_mlp_items=config["analyses"]["disentangling"]["n_mlp_items"],
        n_null=config["analyses"]["disentangling"]["n_null"],
        n_resamples=config["analyses"]["disentangling"]["n_resamples"],
        seed=config["seed"],
    script:
        "../../scripts/disentangling.py"


rule disentangling_latents:
    """Train a two-stage bottleneck on one model's frames and probe its latents on other voices."""
    input:
        corpus="resources/corpora/{corpus}/manifest.json",
        checkpoint=get_checkpoint,
    output:
        table="results/disentangling/{corpus}/{model}/{step}.latents.csv",
    log:
        "logs/disentangling/{corpus}/{model}/{step}.latents.log",
    benchmark:
        "logs/benchmarks/disentangling/{corpus}/{model}/{step}.latents.tsv"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=120,
        gpu=get_gpus(),
    params:
        code=code_of("disentangling_latents"),
        features=get_features,
        layer=config["analyses"]["disentangling"]["layer"],
        bottleneck=config["analyses"]["disentangling"]["bottleneck"],
        factors=config["analyses"]["disentangling"]["factors"],
        targets=config["analyses"]["disentangling"]["targets"],
        tier=config["analyses"]["disentangling"]["tier"],
        splits=config["activations"]["splits"],
        batch_s=config["activations"]["batch_s"],
        min_class_size=config["analyses"]["disentangling"]["min_class_size"],
        n_folds=config["analyses"]["disentangling"]["n_folds"],
        n_resamples=config["analyses"]["disentangling"]["n_resamples"],
        seed=config["seed"],
        device=config["device"],
    script:
        "../../scripts/disentangling_latents.py"


rule disentangling_tables:
    """Collect how every model keeps factors apart, and what its latents hold."""
    input:
        table=get_runs("disentangling", ".csv"),
        latents=get_runs("disentangling", ".latents.csv"),
    output:
        table="results/disentangling/disentangling.csv",
        latents="results/disentangling/latents.csv",
    log:
        "logs/disentangling/collect.log",
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_of("collect_tables"),
    script:
        "../../scripts/collect_tables.py"


rule disentangling:
    """Measure how the study's models keep factors apart; in results/disentangling/."""
    input:
        rules.disentangling_tables.output,


# What the figure is drawn from.
FIGURE_TABLES["disentangling"] = {
    "table": rules.disentangling_tables.output.table,
    "latents": rules.disentangling_tables.output.latents,
}
