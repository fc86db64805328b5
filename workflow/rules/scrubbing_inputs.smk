"""Input functions of the rules of scrubbing."""


def get_fit_corpus(wildcards):
    """Return the manifest of the corpus that erasers and probes learn from, where it is not the one that is tested."""
    fit = config["analyses"]["scrubbing"]["fit_corpora"].get(wildcards.corpus)
    return [f"resources/corpora/{fit}/manifest.json"] if fit else []


def get_scrubbed_features(wildcards):
    """Return which features an acoustic baseline has, None of a recogniser."""
    return config["models"][wildcards.model].get("features")


def get_scrubbing_settings(wildcards):
    """Return how a model is scrubbed; of an untrained one and of a baseline, by the first method at all layers alone."""
    scrubbing = config["analyses"]["scrubbing"]
    names = (
        "splits",
        "n_utterances",
        "n_test",
        "edge_ms",
        "n_resamples",
        "n_permutations",
    )
    control = (
        wildcards.step == "0"
        or config["models"][wildcards.model]["source"] == "acoustic"
    )
    return {name: scrubbing[name] for name in names} | {
        "methods": scrubbing["methods"][:1] if control else scrubbing["methods"],
        "single_layers": scrubbing["single_layers"] and not control,
        "settings": {
            "leace": {"shrinkage": scrubbing["shrinkage"]},
            "shuffled": {"shrinkage": scrubbing["shrinkage"]},
            "inlp": {"n_iterations": scrubbing["n_iterations"]},
        },
    }
