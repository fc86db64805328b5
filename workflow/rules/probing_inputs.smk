"""Input functions of the rules of probing."""


def get_probed_runs(wildcards):
    """Return (model, step) of every model that is probed on a corpus."""
    return [
        (model, step)
        for corpus, model, step in runs_of(config, "probing")
        if corpus == wildcards.corpus
    ]


def get_probed_activations(wildcards):
    """Return the activations of every model that is probed on a corpus."""
    return [
        f"results/activations/{wildcards.corpus}/{model}/{step}/manifest.json"
        for model, step in get_probed_runs(wildcards)
    ]


def get_targets(wildcards):
    """Return the probing targets of a corpus, each with its name."""
    probing = config["analyses"]["probing"]
    return [
        {"name": name, **probing["targets"][name]}
        for name in probing["corpora"][wildcards.corpus]
    ]


def get_measured(wildcards):
    """Return the acoustic features that hold values which targets of a corpus ask for, such as log F0."""
    columns = {target["column"] for target in get_targets(wildcards)}
    return [features for column, features in ACOUSTIC.items() if column in columns]


def get_acoustics(wildcards):
    """Return the activations of the baselines that hold those values, one of each."""
    names = {
        model["features"]: name
        for name, model in config["models"].items()
        if model["source"] == "acoustic"
    }
    return [
        f"results/activations/{wildcards.corpus}/{names[features]}/final/manifest.json"
        for features in get_measured(wildcards)
    ]


def get_words(wildcards):
    """Return the corpus itself where a target's values follow from all of its words, else nothing."""
    columns = {target["column"] for target in get_targets(wildcards)}
    name = f"resources/corpora/{wildcards.corpus}/manifest.json"
    return [name] if columns & set(CUED) else []
