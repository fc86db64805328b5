"""Input functions of the rules of attribution."""


def get_attribution_settings():
    """Return how predictions are attributed: the settings of the library, without what is sampled."""
    names = [
        "methods",
        "inputs",
        "units",
        "n_samples",
        "n_steps",
        "window_ms",
        "stride_ms",
        "n_bands",
        "frame_hops",
    ]
    return {
        name: config["analyses"]["attribution"][name] for name in [*names, "memory_mb"]
    }


def get_attribution_memory():
    """Return what an attribution takes in MB: its activations, the model and the libraries."""
    return int(1500 + config["analyses"]["attribution"]["memory_mb"])
