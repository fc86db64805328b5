"""Input functions of the rules of finetuning."""


def get_start(name):
    """Return the manifest of the checkpoint that a model is fine-tuned from."""
    model, step = start_of(config, name)
    return f"resources/checkpoints/{model}/{step}/manifest.json"
