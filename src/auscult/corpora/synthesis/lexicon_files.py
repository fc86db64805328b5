"""Folders of lexicons and the languages in them; imports nothing else, so that a study can be checked quickly."""

from pathlib import Path

__all__ = ["LEXICONS", "TEXT_GRAMMARS", "TRANSLATIONS", "languages", "has_translations"]

LEXICONS = Path(__file__).parent / "lexicons"
TEXT_GRAMMARS = LEXICONS / "text"  # grammars of text corpora, without speech
TRANSLATIONS = LEXICONS / "translations"


def languages(folder: Path = LEXICONS) -> tuple[str, ...]:
    """Return the names of the languages with a grammar in a folder."""
    return tuple(sorted(path.stem for path in folder.glob("*.toml")))


def has_translations(language: str, folder: Path = TRANSLATIONS) -> bool:
    """Return whether there is a table of translations for a language."""
    return (folder / f"{language}.tsv").is_file()
