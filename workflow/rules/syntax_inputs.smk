"""Input functions of the rules of syntax."""


def get_sweep_checkpoints(wildcards):
    """Return the manifests of all checkpoints of a model, in the order of training."""
    return [
        f"resources/checkpoints/{wildcards.model}/{step}/manifest.json"
        for step in steps_of(wildcards.model, config["models"][wildcards.model])
    ]


def get_syntax_tables():
    """Return one table for each corpus and model."""
    pairs = dict.fromkeys(
        (corpus, model) for corpus, model, _ in runs_of(config, "syntax")
    )
    return [f"results/syntax/{corpus}/{model}.csv" for corpus, model in pairs]
