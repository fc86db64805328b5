"""What a study needs of a corpus, checked once it is imported: every fault of every analysis, all at once.

Each family selects its items from the index that an extraction will have, by the code that its analysis uses; so the
check refuses what the analysis would refuse, hours earlier and not one fault a run.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import pandas as pd

from auscult.activations.planned import PlannedItems, Trial, plan_items
from auscult.corpora.faults import Faults
from auscult.corpora.inspection import Finding, Inspection
from auscult.errors import AuscultError
from auscult.statistics.intervals import MIN_GROUPS

__all__ = ["find_needs", "check_needs"]

_log = logging.getLogger(__name__)
# Reads results of attribution, whose needs are the same.
_WITHOUT = ("reliability",)


def check_needs(corpus: Any, needs: Mapping[str, Any], others: Mapping[str, Any] | None = None) -> pd.DataFrame:
    """Return what the analyses will leave out of a corpus; raise all reasons for which they would refuse it.

    Parameters
    ----------
    corpus : :class:`~auscult.corpora.corpus.Corpus` or :class:`~auscult.corpora.text.TextCorpus`
    needs : as returned by :func:`auscult.study.needs.needs_of`
    others : the other corpora that ``needs`` names

    Returns
    -------
    table of notes and warnings, a column for each field of :class:`~auscult.corpora.inspection.Finding`

    Raises
    ------
    AuscultError
        An analysis would refuse the corpus. Several reasons are one error, which numbers them.
    """
    found, errors = _find(corpus, needs, others or {})
    faults = Faults(f"needs of the study in corpus {corpus.name!r}")
    faults.n_checked = len({(row.kind, row.place) for row in found} | {(kind, place) for kind, place, _ in errors})
    faults.errors = [type(error)(f"{kind}: {_placed(place, error)}") for kind, place, error in errors]
    for row in found:
        if row.level == "warning":
            _log.warning("corpus %s: %s: %s: %s", corpus.name, row.kind, row.found, row.done)
    faults.complain()
    return Inspection(findings=found).table()


def find_needs(corpus: Any, needs: Mapping[str, Any], others: Mapping[str, Any] | None = None) -> list[Finding]:
    """Return the same as findings, errors first; parameters as for :func:`check_needs`."""
    found, errors = _find(corpus, needs, others or {})
    refused = []
    for kind, place, error in errors:
        what, _, advice = str(error).rpartition("; ")
        refused.append(Finding("error", kind, "", place, what or advice, advice if what else "correct corpus or study"))
    return [*refused, *found]


def _find(
    corpus: Any, needs: Mapping[str, Any], others: Mapping[str, Any]
) -> tuple[list[Finding], list[tuple[str, str, AuscultError]]]:
    """Return findings, and (kind, place, error) of all that an analysis would refuse."""
    found: list[Finding] = []
    errors: list[tuple[str, str, AuscultError]] = []
    items: Any = corpus
    if not needs["text"]:
        try:
            items, lacking = _plan(corpus, needs, others)
        except AuscultError as error:
            return found, [("activations", "splits", error)]
        errors += [("activations", "tiers", error) for error in lacking]
    for family, section in needs["analyses"].items():
        for place, trial in _trials(family, section, items):
            with _messages() as said:
                try:
                    n_groups = trial()
                except AuscultError as error:
                    errors.append((family, place, error))
                    continue
            found += [
                Finding(level, family, "", place, what.removeprefix(f"{place}: "), done) for level, what, done in said
            ]
            if n_groups is not None and n_groups < MIN_GROUPS:
                done = f"scores have no interval, which needs {MIN_GROUPS}"
                found.append(Finding("warning", family, "", place, f"{n_groups} tested speakers or other groups", done))
    return found, errors


def _placed(place: str, error: AuscultError) -> str:
    """Return a message that says where; many say themselves to which target they belong."""
    named = str(error).startswith(f"{place.partition(' ')[0]} '")
    return str(error) if named else f"{place}: {error}"


def _plan(corpus: Any, needs: Mapping[str, Any], others: Mapping[str, Any]) -> tuple[PlannedItems, list[AuscultError]]:
    given = {"splits": needs["splits"], "seed": needs["seed"]}
    items, lacking = plan_items(corpus, tiers=needs["tiers"], **given)
    planned = {}
    for name, tiers in needs["others"].items():
        if name in others:
            planned[name], more = plan_items(others[name], tiers=tiers, **given)
            lacking += more
    return PlannedItems(items.corpus, items.index, items.seed, planned), lacking


def _trials(family: str, section: Mapping[str, Any], items: Any) -> Iterator[Trial]:
    if family in _WITHOUT:
        return
    trials: Callable[[Mapping[str, Any], Any], Iterator[Trial]]
    trials = import_module(f"auscult.analyses.{family}.needs").trials
    yield from trials(section, items)


@contextmanager
def _messages() -> Iterator[list[tuple[str, str, str]]]:
    """Collect what an analysis logs about its items as (level, what, what will be done)."""
    said: list[tuple[str, str, str]] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            level = "warning" if record.levelno >= logging.WARNING else "note"
            said.append((level, record.getMessage(), "as described"))

    logger, keep = logging.getLogger("auscult"), Keep(logging.INFO)
    before = logger.level, logger.propagate, logger.handlers
    logger.setLevel(logging.INFO)
    logger.propagate, logger.handlers = False, [keep]
    try:
        yield said
    finally:
        logger.setLevel(before[0])
        logger.propagate, logger.handlers = before[1:]
