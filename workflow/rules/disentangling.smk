"""
Whether models separate phone class, gender and language, and how much each prediction uses them.

required inputs:  results/activations/{corpus}/{model}/{step}/manifest.json; for the bottleneck
                  resources/corpora/{corpus}/manifest.json and resources/checkpoints/{model}/{step}/manifest.json
outputs:          results/disentangling/{corpus}/{model}/{step}.csv (subspaces, erasure, attribution) and {step}.latents.csv
                  (bottleneck), collected in results/disentangling/disentangling.csv and latents.csv;
                  results/figures/disentangling.*
"""

# The rules pass only the settings on which their results depend.
DISENTANGLING_SETTINGS = [
    "tier",
    "methods",
    "shrinkage",
    "min_items",
    "max_items",
    "min_class_size",
    "n_folds",
    "n_splits",
    "n_mlp_items",
    "n_null",
    "n_resamples",
]
LATENTS_SETTINGS = ["tier", "min_class_size", "n_folds", "n_resamples", "bottleneck"]


localrules:
    disentangling,


rule disentangling_run:
    """Compare the subspaces of factors, erase each, and attribute predictions to them, in the vectors of one model."""
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
        mem_mb=REQUEST.memory("disentangling_run"),
        runtime=REQUEST.minutes("disentangling_run"),
    params:
        code=code_of("disentangling"),
        layer=config["analyses"]["disentangling"]["layer"],
        factors=config["analyses"]["disentangling"]["factors"],
        targets=config["analyses"]["disentangling"]["targets"],
        settings=get_settings("disentangling", *DISENTANGLING_SETTINGS),
        seed=config["seed"],
    script:
        "../../scripts/disentangling.py"


rule disentangling_latents:
    """Train a two-stage bottleneck on one model's frames and probe its latents on other speakers."""
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
        mem_mb=REQUEST.memory("disentangling_latents"),
        runtime=REQUEST.minutes("disentangling_latents"),
        gpu=get_gpus(),
    params:
        code=code_of("disentangling_latents"),
        features=lookup("models/{model}/features", within=config, default=None),
        layer=config["analyses"]["disentangling"]["layer"],
        factors=config["analyses"]["disentangling"]["factors"],
        targets=config["analyses"]["disentangling"]["targets"],
        splits=config["activations"]["splits"],
        batch_s=config["activations"]["batch_s"],
        settings=get_settings("disentangling", *LATENTS_SETTINGS),
        seed=config["seed"],
        device=config["device"],
    script:
        "../../scripts/disentangling_latents.py"


rule disentangling_tables:
    """Collect the results of every model and of its latents."""
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
    """Measure how well the study's models separate factors; in results/disentangling/."""
    input:
        rules.disentangling_tables.output,


# Tables of the figure.
FIGURE_TABLES["disentangling"] = {
    "table": rules.disentangling_tables.output.table,
    "latents": rules.disentangling_tables.output.latents,
}
