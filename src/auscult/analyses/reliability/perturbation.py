"""How faithful the attributions of one model are over a corpus: what is perturbed, at what cost, and the result."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np
import pandas as pd
from tqdm import tqdm

from auscult.analyses.reliability.agreement import Vectors
from auscult.analyses.reliability.faithfulness import SHARES, Orders, draw_orders, faithfulness_items, plan_masks
from auscult.analyses.reliability.items import describe_items
from auscult.analyses.reliability.outputs import masked_output
from auscult.errors import AnalysisError

if TYPE_CHECKING:
    from auscult.analyses.attribution.perturbation import Game
    from auscult.corpora.corpus import Corpus
    from auscult.models.predictor import Predictor

__all__ = ["PERTURBED", "Plan", "plan_faithfulness", "measure_faithfulness"]

PERTURBED = ("frame", "phone", "word")
# Utterance, target, input, unit, spans of the segments, and orders of all methods that have them.
Job = tuple[str, str, str, str, np.ndarray, Orders]


@dataclass(frozen=True)
class Plan:
    """What will be perturbed, and about how long that takes.

    Parameters
    ----------
    jobs : one for each utterance, target, input and unit
    n_masks : perturbations of each
    audio_s : seconds of audio that the model will hear
    seconds : that this will take
    """

    jobs: list[Job]
    n_masks: list[int]
    audio_s: float
    seconds: float

    def __str__(self) -> str:
        n_utterances = len({job[0] for job in self.jobs})
        return (
            f"faithfulness: {sum(self.n_masks)} perturbations of {n_utterances} utterances, {self.audio_s:.0f} s of "
            f"audio, about {self.seconds:.0f} s"
        )


def plan_faithfulness(
    predictor: "Predictor",
    corpus: "Corpus",
    vectors: Vectors,
    utterances: Sequence[str],
    *,
    inputs: Sequence[str] = (),
    units: Sequence[str] = PERTURBED,
    shares: Sequence[float] = SHARES,
    n_random: int = 10,
    n_points: int = 10,
    batch_s: float = 30.0,
    seed: int = 0,
) -> Plan:
    """Draw the orders of some utterances, and time one batch of each input.

    All methods of an input and unit meet the same random orders; sets of segments that several orders come across are
    heard once. Bands of frequency and frames within words are not perturbed.

    Raises
    ------
    AnalysisError
        Methods have other segments, or a share is not in (0, 1].
    """
    chosen = set(utterances)
    wanted = {
        condition: {key: segments for key, segments in explained.items() if key[0] in chosen}
        for condition, explained in vectors.items()
        if condition[2] in units and (not inputs or condition[1] in inputs)
    }
    jobs = list(_jobs(wanted, n_random, seed))
    n_masks = [len(plan_masks(orders, shares=shares, n_points=n_points)[1]) for *_, orders in jobs]
    return Plan(jobs, n_masks, *_estimate(predictor, corpus, jobs, n_masks, batch_s))


def measure_faithfulness(
    predictor: "Predictor",
    corpus: "Corpus",
    plan: Plan,
    *,
    shares: Sequence[float] = SHARES,
    n_points: int = 10,
    batch_s: float = 30.0,
) -> pd.DataFrame:
    """Measure what :func:`plan_faithfulness` planned; see :func:`auscult.analyses.reliability.analysis.measure_run`."""
    items = []
    for job in tqdm(plan.jobs, desc="perturbing", disable=None):
        utterance, _, kind, unit, _, orders = job
        about, output = {"utterance": utterance, "input": kind, "unit": unit}, _output(predictor, corpus, job, batch_s)
        items += faithfulness_items(orders, output, about, shares=shares, n_points=n_points)
    return describe_items(items)


def _jobs(vectors: Vectors, n_random: int, seed: int) -> Iterator[Job]:
    grouped: dict[tuple, dict[str, np.ndarray]] = {}
    for (method, kind, unit), explained in vectors.items():
        for (utterance, target), segments in explained.items():
            grouped.setdefault((utterance, target, kind, unit), {})[method] = segments
    for key, segments in sorted(grouped.items()):
        spans = next(iter(segments.values()))[:2]
        differing = [method for method, found in segments.items() if not np.array_equal(found[:2], spans)]
        if differing:
            raise AnalysisError(
                f"expected the same segments of utterance {key[0]!r} by every method ({key[2]}, {key[3]}), found "
                f"others by {differing[0]}; explain all methods with the same units"
            )
        # By name, not by place: other utterances beside it do not change an utterance's random orders.
        generator = np.random.default_rng([seed, crc32(repr(key).encode())])
        scores = {method: found[2] for method, found in segments.items()}
        yield *key, spans, draw_orders(scores, n_random=n_random, generator=generator)


def _output(predictor, corpus, job: tuple, batch_s: float) -> "Game":
    utterance, form, kind, _, spans, _ = job
    return masked_output(predictor, predictor.prepare(corpus.waveform(utterance)), kind, spans, form, batch_s=batch_s)


def _estimate(predictor, corpus, jobs: Sequence[Job], n_masks: Sequence[int], batch_s: float) -> tuple[float, float]:
    """Return seconds of audio and seconds that they take, from timing one batch of each input."""
    lengths = corpus.utterances.set_index("utterance")["n_samples"]
    audio_s = [n * lengths[job[0]] / predictor.sample_rate_hz for job, n in zip(jobs, n_masks)]
    total_s = 0.0
    for kind in sorted({job[2] for job in jobs}):
        places = [place for place, job in enumerate(jobs) if job[2] == kind]
        longest = jobs[max(places, key=lambda place: n_masks[place])]
        output = _output(predictor, corpus, longest, batch_s)
        # Distinct masks, for what is known is not asked again; the first call of a shape allocates.
        masks = _distinct_masks(longest[4].shape[1], 2 * min(output.chunk, 16))
        first, second = np.array_split(masks, 2)
        output(first)
        start = perf_counter()
        output(second)
        rate = (perf_counter() - start) / (len(second) * lengths[longest[0]] / predictor.sample_rate_hz)
        total_s += rate * sum(audio_s[place] for place in places)
    return sum(audio_s), total_s


def _distinct_masks(n_segments: int, n_masks: int) -> np.ndarray:
    n_bits = min(n_segments, 12)
    masks = np.ones((min(n_masks, 2**n_bits), n_segments), bool)
    masks[:, :n_bits] = np.arange(len(masks))[:, None] >> np.arange(n_bits) & 1
    return masks
