"""Labels that go on after the end of their recording: refused, clipped or left out, and counted."""

from typing import Literal, get_args

import pandas as pd

from auscult.corpora.report import ImportReport
from auscult.errors import ConfigError, CorpusError

__all__ = ["PastEnd", "check_past_end", "settle_past_end"]

PastEnd = Literal["refuse", "clip", "leave_out"]


def check_past_end(past_end: str) -> None:
    """Raise a :class:`~auscult.errors.ConfigError` if the option has a value that does not exist."""
    if past_end not in get_args(PastEnd):
        raise ConfigError(
            f"expected the option past_end to be one of {', '.join(get_args(PastEnd))}, found {past_end!r}; correct "
            "the corpus entry"
        )


def settle_past_end(
    utterances: pd.DataFrame, segments: pd.DataFrame, past_end: PastEnd, report: ImportReport
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the tables without labels past the end of their recording.

    Parameters
    ----------
    utterances : table with columns ``utterance, n_samples``
    segments : table with columns ``utterance, onset, offset``, in samples
    past_end : ``refuse`` returns both tables unchanged, for :func:`auscult.tables.check_segments` to refuse;
        ``clip`` cuts labels at the end of their recording and drops those that begin there or later; ``leave_out``
        leaves out recordings with such labels
    report : is increased by what was cut, dropped or left out

    Raises
    ------
    CorpusError
        All recordings would be left out.
    """
    ends = segments["utterance"].map(utterances.set_index("utterance")["n_samples"])
    past = segments["offset"] > ends
    if past_end == "refuse" or not past.any():
        return utterances, segments
    if past_end == "leave_out":
        names = segments.loc[past, "utterance"].unique()
        kept = ~utterances["utterance"].isin(names)
        report.left_out["recordings with labels past their end"] += len(names)
        if not kept.any():
            raise CorpusError(
                f"expected recordings whose labels end before they do, found labels past the end of all {len(names)}; "
                "check that labels and recordings belong together"
            )
        return (
            utterances[kept].reset_index(drop=True),
            segments[~segments["utterance"].isin(names)].reset_index(drop=True),
        )
    dropped = segments["onset"] >= ends
    report.changed["labels clipped at the end of their recording"] += int((past & ~dropped).sum())
    report.left_out["labels after the end of their recording"] += int(dropped.sum())
    segments = segments.assign(offset=segments["offset"].mask(past, ends))
    return utterances, segments[~dropped].reset_index(drop=True)
