"""Translation quality by BLEU and chrF, as computed by sacreBLEU (Post, 2018)."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from auscult.errors import AnalysisError

__all__ = ["quality_rows"]


def quality_rows(translations: Sequence[str], references: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield rows of ``bleu`` and ``chrf`` [0, 100] over all sentences, with sacreBLEU's signature.

    They have no interval: neither is a mean over sentences.

    Raises
    ------
    AnalysisError
        The numbers of translations and references differ, or there are none.
    """
    if len(translations) != len(references) or not len(references):
        raise AnalysisError(
            f"expected a translation of each reference, found {len(translations)} of {len(references)}; translate the "
            "whole split"
        )
    from sacrebleu.metrics import BLEU, CHRF

    for name, metric in (("bleu", BLEU()), ("chrf", CHRF())):
        score = metric.corpus_score(list(translations), [list(references)]).score
        yield {
            "metric": name,
            "value": float(score),
            "ci_low": np.nan,
            "ci_high": np.nan,
            "n": len(references),
            "signature": f"{name}|{metric.get_signature()}",
        }
