"""Lexicon files of synthesised languages: which exist. Nothing is imported, so that a study is checked at once."""

from pathlib import Path

__all__ = ["LEXICONS", "TEXT_GRAMMARS", "TRANSLATIONS", "languages", "has_translations"]

LEXICONS = Path(__file__).parent / "lexicons"
TEXT_GRAMMARS = LEXICONS / "text"  # of languages that are written only
TRANSLATIONS = LEXICONS / "translations"


def languages(folder: Path = LEXICONS) -> tuple[str, ...]:
    """Return the names of the languages that have a lexicon and rules in a folder."""
    return tuple(sorted(path.stem for path in folder.glob("*.toml")))


def has_translations(language: str, folder: Path = TRANSLATIONS) -> bool:
    """Return whether sentences of a language come with translations."""
    return (folder / f"{language}.tsv").is_file()
