"""Input functions of the rules of translation."""


def get_checkpoints_of_translator(wildcards):
    """Return the manifests of all seeds of a translator, untrained and at the end of training."""
    return [
        f"{get_folder(model, step)}/manifest.json"
        for corpus, model, step in runs_of(config, "translation")
        if corpus == wildcards.corpus and task_of(model) == wildcards.translator
    ]


def get_translation(ending):
    """Return one path for each translator of every corpus."""
    return list(
        dict.fromkeys(
            f"results/translation/{corpus}/{task_of(model)}{ending}"
            for corpus, model, _ in runs_of(config, "translation")
        )
    )


def get_translation_baselines():
    """Return one path for each acoustic baseline of every corpus."""
    return expand(
        "results/translation/{corpus}/{model}.csv",
        corpus=config["analyses"]["translation"]["corpora"],
        model=config["analyses"]["translation"]["baselines"],
    )
