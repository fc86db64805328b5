"""Input functions of the rules of tone."""


def get_sweep_activations(wildcards):
    """Return the activations of every checkpoint of a model, in the order of training."""
    steps = read_steps(config, "tone", wildcards.model)
    return [
        f"results/activations/{wildcards.corpus}/{wildcards.model}/{step}/manifest.json"
        for step in steps
    ]


def get_contour_features():
    """Return which features each acoustic baseline of tone has, by its name."""
    return {
        name: config["models"][name]["features"]
        for name in config["analyses"]["tone"]["baselines"]
    }


def get_tone(ending):
    """Return one path for each model and for the baselines, of every corpus."""
    tone = config["analyses"]["tone"]
    return expand(
        "results/tone/{corpus}/{name}{ending}",
        corpus=tone["corpora"],
        name=[*tone["models"], *(["baselines"] if tone["baselines"] else [])],
        ending=ending,
    )
