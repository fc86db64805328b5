"""Declaration of translation: its settings, its place in the talk and its requirements of a study."""

from auscult.analyses.translation.settings import TranslationSection
from auscult.family import Family
from auscult.requirements import Config, check_known

__all__ = ["FAMILY"]


def check_translation(translation: Config, config: Config) -> None:
    """Refuse what the analysis asks for and the study cannot give."""
    acoustic = [name for name, model in config["models"].items() if model["source"] == "acoustic"]
    for name in translation["baselines"]:
        check_known(name, acoustic, "analyses: translation: baselines", "acoustic models")


FAMILY = Family(
    name="translation",
    part="Part III: outlook",
    description="Gender that translators write, that a probe hears in their states, and how one follows the other.",
    settings=TranslationSection,
    models="Of source translator, or translators of a hub or folder.",
    corpora="Of first-person sentences with translations, in splits train, valid and test.",
    translates=True,
    check=check_translation,
)
