"""Input functions of the rules of similarity."""


def get_reference_activations(wildcards):
    """Return the activations of the models that serve as reference spaces, other than the model itself."""
    references = config["analyses"]["similarity"]["references"].values()
    models = dict.fromkeys(
        r["model"] for r in references if r["space"] == "activations"
    )
    return [
        f"results/activations/{wildcards.corpus}/{model}/{steps_of(model, config['models'][model])[-1]}/manifest.json"
        for model in models
        if model != wildcards.model
    ]


def get_corpus_activations(wildcards):
    """Return the activations of every model that similarity compares on a corpus."""
    return [
        f"results/activations/{corpus}/{model}/{step}/manifest.json"
        for corpus, model, step in runs_of(config, "similarity")
        if corpus == wildcards.corpus
    ]


def get_measures(metrics):
    """Return how similarity is measured, by the metrics that stand under this key."""
    similarity = config["analyses"]["similarity"]
    chosen = {**similarity, **similarity["measures"]}[metrics]
    return {**similarity["measures"], "metrics": chosen, "seed": config["seed"]}


def get_references():
    """Return the reference spaces; a relative path of word vectors starts at the study's file."""
    references = config["analyses"]["similarity"]["references"]
    return {
        name: (
            {**reference, "path": get_local_path(reference)}
            if reference["space"] == "vectors"
            else reference
        )
        for name, reference in references.items()
    }


def get_vectors():
    """Return the files of word vectors that serve as reference spaces, so that exchanged ones are noticed."""
    return [
        reference["path"]
        for reference in get_references().values()
        if reference["space"] == "vectors"
    ]
