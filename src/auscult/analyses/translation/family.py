"""Declaration of translation: its settings, its place in the talk and its requirements of a study."""

from collections import Counter

from auscult.analyses.translation.settings import TranslationSection
from auscult.errors import ConfigError
from auscult.family import Family
from auscult.requirements import Config, check_known
from auscult.seeds import task_of

__all__ = ["FAMILY"]


def check_translation(translation: Config, config: Config) -> None:
    """Refuse baselines that are not acoustic models of the study, and different numbers of seeds of the translators."""
    acoustic = [name for name, model in config["models"].items() if model["source"] == "acoustic"]
    for name in translation["baselines"]:
        check_known(name, acoustic, "analyses: translation: baselines", "acoustic models")
    seeds = Counter(task_of(name) for name in translation["models"])
    if len(set(seeds.values())) > 1:
        counts = ", ".join(f"{n} of {name}" for name, n in seeds.items())
        raise ConfigError(
            f"expected the same number of seeds of every translator in analyses: translation: models, found {counts}; "
            "add entries that differ only in their seed, or take some out"
        )


FAMILY = Family(
    name="translation",
    part="Part III: outlook",
    description="Gender written by speech translators, gender probes of their states, and how one follows the other.",
    settings=TranslationSection,
    chart={"metric": "gender_accuracy", "along": "model"},
    models="Models of source translator, or translators of source hub or folder.",
    corpora="Corpora of first-person sentences with translations, with splits train, valid and test.",
    translates=True,
    check=check_translation,
)
