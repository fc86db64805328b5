"""Input functions of the rules of attribution."""


def get_explained_tasks():
    """Return the runs, each a model and a step, of every corpus and task that is explained."""
    tasks = {}
    for corpus, model, step in runs_of(config, "attribution"):
        tasks.setdefault((corpus, task_of(model)), []).append((model, step))
    return tasks


def get_run_paths(family, corpus, runs, ending):
    """Return one path for each run of a task."""
    return [f"results/{family}/{corpus}/{model}/{step}{ending}" for model, step in runs]


def get_attribution_settings(model):
    """Return how a model's predictions are attributed: the settings of the library, without what is sampled."""
    attribution = config["analyses"]["attribution"]
    names = [
        "methods",
        "units",
        "n_samples",
        "n_steps",
        "window_ms",
        "stride_ms",
        "n_bands",
        "frame_hops",
        "frame_inputs",
    ]
    settings = {name: attribution[name] for name in [*names, "memory_mb"]}
    return {**settings, "inputs": get_inputs(model)}


def get_inputs(model):
    """Return the inputs on which a model is explained: for all seeds of a task but the first, there may be fewer."""
    attribution = config["analyses"]["attribution"]
    first = next(
        name for name in attribution["models"] if task_of(name) == task_of(model)
    )
    return attribution[
        (
            "inputs"
            if model == first or not attribution["inputs_of_seeds"]
            else "inputs_of_seeds"
        )
    ]


def get_attribution_memory():
    """Return what an attribution takes in MB: its activations, the model and the libraries."""
    return int(1500 + config["analyses"]["attribution"]["memory_mb"])
