"""Input functions of the rules of translators."""


def get_translators():
    """Return the translators of the study, the seeds of each together, by their name without the number."""
    groups = {}
    for name, model in config["models"].items():
        if model["source"] == "translator":
            groups.setdefault(task_of(name), []).append(name)
    return groups
