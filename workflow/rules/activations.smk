"""
One pass of a model over a corpus, made once and read by every analysis.

required inputs:  resources/corpora/{corpus}/manifest.json, resources/checkpoints/{model}/{step}/manifest.json
outputs:          results/activations/{corpus}/{model}/{step}/manifest.json, beside shards of segment means and their index
"""


rule extract_activations:
    """Run a model over a corpus and keep the mean of every layer over every segment."""
    input:
        corpus="resources/corpora/{corpus}/manifest.json",
        checkpoint=get_checkpoint,
        code=library("activations", "models.opening", "corpora.corpus"),
    output:
        manifest="results/activations/{corpus}/{model}/{step}/manifest.json",
    log:
        "logs/extract_activations/{corpus}/{model}/{step}.log",
    benchmark:
        "logs/benchmarks/extract_activations/{corpus}/{model}/{step}.tsv"
    threads: 1
    resources:
        mem_mb=6000,
        runtime=240,
        gpu=get_gpus(),
    params:
        checkpoint="resources/checkpoints/{model}/{step}",
        features=lookup("models/{model}/features", within=config, default=None),
        tiers=config["activations"]["tiers"],
        splits=config["activations"]["splits"],
        batch_s=config["activations"]["batch_s"],
        device=config["device"],
    script:
        "../../scripts/extract_activations.py"
