"""Inspection of the corpora of a study, or of a folder: summary on the terminal, all findings in a table."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from auscult.activations.planned import spoken
from auscult.cli.fetching import archives_of
from auscult.cli.places import StudyPlace
from auscult.corpora.archives import unpack_or_copy
from auscult.corpora.corpus import read_corpus
from auscult.corpora.importing import read_source
from auscult.corpora.inspection import LEVELS, Finding, Inspection, InspectionSettings, inspect_corpus
from auscult.errors import AuscultError
from auscult.needs import find_needs
from auscult.requirements import is_text
from auscult.study.needs import checked_corpora, needs_of

__all__ = ["inspect_study", "inspect_folder", "folders_of", "summarise", "collect", "count"]

_SHOWN = 3


def inspect_study(place: StudyPlace, n_workers: int) -> dict[str, Inspection | str]:
    """Return the inspection of each corpus of a study, or the reason why there is none.

    What the analyses of the study need of a corpus, and would refuse or leave out, is among the findings. Folders are
    inspected where they are, archives that have been downloaded after unpacking them to a temporary folder.

    Parameters
    ----------
    place : study and its directory
    n_workers : number of threads
    """
    inspected: dict[str, Inspection | str] = {}
    for name, corpus in place.config["corpora"].items():
        if is_text(corpus):
            inspected[name] = "text, which has no recordings"
        elif corpus["source"] == "fetched":
            inspected[name] = _inspect_archives(place, name, n_workers)
        elif corpus["source"] == "folder":
            inspected[name] = _inspect(place, name, _folder(place, name), n_workers)
        else:
            inspected[name] = "synthesised here, with exact labels"
    return inspected


def _inspect_archives(place: StudyPlace, name: str, n_workers: int) -> Inspection | str:
    archives = [place.directory / path for path in archives_of(name, place.config["corpora"][name])]
    missing = [path for path in archives if not path.is_file()]
    if missing:
        return f"not downloaded yet; run auscult fetch first, which writes {missing[0]}"
    with TemporaryDirectory(prefix="auscult-") as scratch:
        folders = [Path(scratch, "unpacked"), Path(scratch, "unpacked", "alignments")]
        for archive, folder in zip(archives, folders):
            unpack_or_copy(archive, folder)
        return _inspect(place, name, folders[0], n_workers)


def _inspect(place: StudyPlace, name: str, folder: Path, n_workers: int) -> Inspection:
    corpus = place.config["corpora"][name]
    return inspect_corpus(
        folder,
        corpus["reader"],
        corpus["options"],
        resample=corpus["resample"],
        settings=_limits(place.config, name),
        further=partial(_needs, place, name) if name in checked_corpora(dict(place.config)) else None,
        n_workers=n_workers,
    )


def _folder(place: StudyPlace, name: str) -> Path:
    return place.file.parent / Path(place.config["corpora"][name]["path"]).expanduser()


def _needs(place: StudyPlace, name: str, tables: Any) -> list[Finding]:
    """Return what the analyses of the study refuse or leave out of a corpus as its reader gives it."""
    if not isinstance(tables, tuple) or "utterance" not in getattr(tables[0], "columns", ()):
        return []
    needs = needs_of(dict(place.config), name, place.file.parent)
    others = {other: found for other in needs["others"] if (found := _other(place, other)) is not None}
    return find_needs(spoken(name, None, *tables), needs, others)


def _other(place: StudyPlace, name: str) -> Any:
    """Return another corpus that an analysis trains on: imported, or as its reader gives it; None if it is not here."""
    corpus, imported = place.config["corpora"][name], place.directory / "resources" / "corpora" / name
    if (imported / "manifest.json").is_file():
        return read_corpus(imported)
    if corpus["source"] != "folder":
        return None
    try:
        with read_source(corpus["reader"], _folder(place, name), corpus["options"]) as (tables, _):
            return spoken(name, None, *tables)
    except AuscultError:
        return None  # a finding of that corpus


def folders_of(place: StudyPlace) -> dict[str, Path]:
    """Return the folders of the local corpora of a study."""
    return {
        name: _folder(place, name) for name, entry in place.config["corpora"].items() if entry["source"] == "folder"
    }


def inspect_folder(
    folder: Path, reader: str, options: Mapping[str, Any], n_workers: int
) -> dict[str, Inspection | str]:
    """Return the inspection of a folder by its name; parameters as in ``inspect_corpus``."""
    return {folder.resolve().name: inspect_corpus(folder, reader, options, n_workers=n_workers)}


def summarise(inspection: Inspection, complete: bool = False) -> list[str]:
    """Return lines that summarise an inspection: one per kind of finding with its number and first places.

    Parameters
    ----------
    inspection : what was found
    complete : whether every finding has a line
    """
    lines = list(inspection.summary)
    table = inspection.table()
    for level in LEVELS:
        for kind, found in table[table["level"] == level].groupby("kind", sort=False):
            shown = found if complete else found.head(_SHOWN if level != "note" else 1)
            lines.append(f"{level}: {kind}: {len(found)}")
            for row in shown.itertuples():
                where = ", ".join(filter(None, [row.file, row.place]))
                lines.append(f"  {where + ': ' if where else ''}{row.found}; {row.done}")
            if len(found) > len(shown):
                lines.append(f"  … and {len(found) - len(shown)} more")
    return lines


def collect(inspected: Mapping[str, Inspection | str]) -> pd.DataFrame:
    """Return the findings of all corpora in one table, with the column ``corpus`` first."""
    tables = [entry.table().assign(corpus=name) for name, entry in inspected.items() if not isinstance(entry, str)]
    table = pd.concat(tables, ignore_index=True) if tables else Inspection().table().assign(corpus="")
    return table[["corpus", *(column for column in table.columns if column != "corpus")]]


def count(table: pd.DataFrame, levels: Sequence[str] = LEVELS) -> str:
    """Return the numbers of errors, warnings and notes as a phrase."""
    found = table["level"].value_counts()
    return ", ".join(f"{found.get(level, 0)} {level}{'' if found.get(level, 0) == 1 else 's'}" for level in levels)


def _limits(config: Mapping[str, Any], corpus: str) -> InspectionSettings:
    probing = config["analyses"].get("probing")
    if probing is None or corpus not in probing["corpora"]:
        return InspectionSettings()
    return InspectionSettings(min_class_size=probing["min_class_size"], n_folds=probing["n_folds"])
