"""Input functions of the translator rules."""


def get_translators():
    """Return the models of each translator (its seeds), by name without the seed number."""
    groups = {}
    for name, model in config["models"].items():
        if model["source"] == "translator":
            groups.setdefault(task_of(name), []).append(name)
    return groups
