"""Input functions of the fine-tuning rules."""


def get_start(name):
    """Return the manifest of the checkpoint that a model starts from."""
    model, step = start_of(config, name)
    return f"resources/checkpoints/{model}/{step}/manifest.json"
