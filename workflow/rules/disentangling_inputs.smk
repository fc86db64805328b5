"""Input functions of the rules of disentangling."""


def get_features(wildcards):
    """Return the features of an acoustic baseline; a model with checkpoints has none."""
    return config["models"][wildcards.model].get("features")
