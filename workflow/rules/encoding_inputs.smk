"""Input functions of the rules of encoding."""


def get_encoding_steps(wildcards):
    """Return the checkpoints of a model, in training order."""
    return steps_of(wildcards.model, config["models"][wildcards.model])


def get_encoding_sweep(wildcards):
    """Return the activations of every checkpoint of a model on a corpus."""
    return [
        f"results/activations/{wildcards.corpus}/{wildcards.model}/{step}/manifest.json"
        for step in get_encoding_steps(wildcards)
    ]


def get_encoding_levels(wildcards):
    """Return the levels asked of a corpus, each with its name."""
    encoding = config["analyses"]["encoding"]
    return [
        {"name": name, **encoding["targets"][name]}
        for name in encoding["corpora"][wildcards.corpus]
    ]


def get_encoding_settings():
    """Return how items are drawn, folded and resampled."""
    encoding = config["analyses"]["encoding"]
    names = (
        "n_folds",
        "min_class_size",
        "max_items",
        "max_items_per_bin",
        "max_cells",
        "n_resamples",
    )
    return {name: encoding[name] for name in names} | {"seed": config["seed"]}


def get_encoding_tables(name):
    """Return one path for each model and corpus."""
    runs = dict.fromkeys(run[:2] for run in runs_of(config, "encoding"))
    return [f"results/encoding/{corpus}/{model}/{name}" for corpus, model in runs]
