"""Declaration of translation: its settings, its place in the talk and its requirements of a study."""

from auscult.analyses.translation.settings import TranslationSection
from auscult.family import Family
from auscult.requirements import Config, check_known

__all__ = ["FAMILY"]


def check_translation(translation: Config, config: Config) -> None:
    """Refuse baselines that are not acoustic models of the study."""
    acoustic = [name for name, model in config["models"].items() if model["source"] == "acoustic"]
    for name in translation["baselines"]:
        check_known(name, acoustic, "analyses: translation: baselines", "acoustic models")


FAMILY = Family(
    name="translation",
    part="Part III: outlook",
    description="Gender written by speech translators, gender probes of their states, and how one follows the other.",
    settings=TranslationSection,
    models="Models of source translator, or translators of source hub or folder.",
    corpora="Corpora of first-person sentences with translations, with splits train, valid and test.",
    translates=True,
    check=check_translation,
)
