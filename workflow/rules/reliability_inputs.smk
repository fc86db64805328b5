"""Input functions of the rules of reliability."""


def get_task_runs(wildcards):
    """Return (model, step) of every model of a task, untrained and trained."""
    return [
        (model, step)
        for model in config["analyses"]["reliability"]["models"]
        if task_of(model) == wildcards.task
        for step in analysed_steps(model, config["models"][model])
    ]


def get_task_scores(wildcards):
    """Return the attributions of every model of a task."""
    return [
        f"results/attribution/{wildcards.corpus}/{model}/{step}.parquet"
        for model, step in get_task_runs(wildcards)
    ]


def get_task_items(wildcards):
    """Return what was measured of every model of a task that was perturbed."""
    return [
        path
        for path in get_measured_runs(".parquet")
        if path.split("/")[2] == wildcards.corpus
        and task_of(path.split("/")[3]) == wildcards.task
    ]


def get_between(wildcards):
    """Return what is compared of a task."""
    return config["analyses"]["reliability"]["tasks"][wildcards.task]["between"]


def get_tasks():
    """Return (corpus, task) of every task of each corpus."""
    return [
        (corpus, task)
        for corpus, tasks in config["analyses"]["reliability"]["corpora"].items()
        for task in tasks
    ]


def get_task_tables():
    """Return one path for each task of each corpus."""
    return [f"results/reliability/{corpus}/{task}.csv" for corpus, task in get_tasks()]


def get_task_contrasts():
    """Return the differences between units of each task of each corpus."""
    return [
        f"results/reliability/{corpus}/{task}.contrasts.parquet"
        for corpus, task in get_tasks()
    ]


def get_word_based():
    """Return of each task whether what decides is a word."""
    tasks = config["analyses"]["reliability"]["tasks"]
    return {name: task["word_based"] for name, task in tasks.items()}


def get_measured_runs(ending):
    """Return one path for each model whose inputs are perturbed."""
    return [
        path
        for corpus, task in get_tasks()
        for path in get_run_paths("reliability", corpus, get_perturbed(task), ending)
    ]


def get_perturbed(task):
    """Return (model, step) of every model of a task whose inputs are perturbed: all trained ones, and one untrained."""
    runs = [
        (name, analysed_steps(name, config["models"][name]))
        for name in config["analyses"]["reliability"]["models"]
        if task_of(name) == task
    ]
    untrained = [(name, "0") for name, steps in runs[:1] if "0" in steps]
    return [*((name, steps[-1]) for name, steps in runs), *untrained]


def get_explanation(model):
    """Return how a randomised model is explained: as its trained self was."""
    attribution = config["analyses"]["attribution"]
    return {
        **get_attribution_settings(model),
        "inputs": config["analyses"]["reliability"]["inputs"],
        "explain": attribution["explain"],
        "scale": attribution["scale"],
        "max_s": attribution["max_s"],
        "seed": config["seed"],
    }


def get_perturbation(model, step):
    """Return how a model is perturbed; the first trained one of a task is randomised, for all of its seeds.

    An untrained one has nothing to randomise, and is right by chance only.
    """
    reliability = config["analyses"]["reliability"]
    task = task_of(model)
    first = next(name for name in reliability["models"] if task_of(name) == task)
    randomised = step != "0" and model == first
    keys = [
        "methods",
        "inputs",
        "units",
        "shares",
        "n_utterances",
        "n_random",
        "n_draws",
        "randomised_units",
        "n_points",
        "top_share",
        "batch_s",
    ]
    return {key: reliability[key] for key in keys} | {
        "stages": reliability["randomise"],
        "only_right": step != "0",
        "n_randomised": reliability["n_randomised"] if randomised else 0,
    }
