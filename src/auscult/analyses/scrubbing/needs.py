"""What scrubbing needs of a corpus: speakers of both genders in every role, and transcripts of the tests."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from auscult.activations.planned import PlannedItems, Trial
from auscult.analyses.scrubbing.items import JoinedCorpora, choose_items, leave_kinds_out
from auscult.analyses.scrubbing.settings import ScrubbingSettings
from auscult.settings import settings_from

__all__ = ["trials"]


def trials(section: Mapping[str, Any], items: PlannedItems) -> Iterator[Trial]:
    """Yield a trial for the roles of speakers and, where voices have kinds, for the folds of kinds."""
    settings = settings_from(ScrubbingSettings, section)
    fit = section["fit_corpora"].get(items.name)
    if fit is not None and items.lacks([fit]):
        return
    yield "roles of speakers", partial(_divide, items, fit, settings)
    if settings.kinds:
        yield "kinds of voices", partial(_leave_out, items, fit, settings)


def _divide(items: PlannedItems, fit: str | None, settings: ScrubbingSettings) -> int:
    chosen = choose_items(_recordings(items, fit), **_roles(items, settings))
    return int(chosen.table.loc[chosen.rows("test"), "speaker"].nunique())


def _leave_out(items: PlannedItems, fit: str | None, settings: ScrubbingSettings) -> None:
    leave_kinds_out(_recordings(items, fit), settings.kinds, **_roles(items, settings))


def _recordings(items: PlannedItems, fit: str | None) -> Any:
    return items.corpus if fit is None else JoinedCorpora(items.others[fit].corpus, items.corpus)


def _roles(items: PlannedItems, settings: ScrubbingSettings) -> dict[str, Any]:
    return {
        "splits": settings.splits,
        "n_utterances": settings.n_utterances,
        "n_test": settings.n_test,
        "seed": items.seed,
    }
