"""Input functions of the rules of translation."""


def get_translation(ending):
    """Return one path for each checkpoint of every translator."""
    return get_runs("translation", ending)


def get_translated():
    """Return the judged translations of the last checkpoint of every translator."""
    return [
        path
        for path in get_runs("translation", ".items.parquet")
        if not path.endswith("/0.items.parquet")
    ]


def get_translation_baselines():
    """Return one path for each acoustic baseline."""
    translation = config["analyses"]["translation"]
    return expand(
        "results/translation/{corpus}/{model}/baseline.csv",
        corpus=translation["corpora"],
        model=translation["baselines"],
    )
