"""Faithfulness of the attributions of one model over a corpus: plan, estimated cost, and measurement."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np
import pandas as pd
from tqdm import tqdm

from auscult.analyses.attribution.items import marked_place
from auscult.analyses.attribution.pairs import split_pair
from auscult.analyses.reliability.agreement import Vectors
from auscult.analyses.reliability.faithfulness import Orders, draw_orders, faithfulness_items, plan_masks
from auscult.analyses.reliability.items import describe_items
from auscult.analyses.reliability.outputs import PairedOutput, masked_output, paired_output
from auscult.analyses.reliability.settings import ReliabilitySettings
from auscult.errors import AnalysisError

if TYPE_CHECKING:
    from auscult.analyses.attribution.perturbation import Game
    from auscult.corpora.corpus import Corpus
    from auscult.models.predictor import Predictor

__all__ = ["Plan", "plan_faithfulness", "measure_faithfulness"]

# Utterance, form of the explained output, input, unit, spans of the segments, and the orders of all methods.
Job = tuple[str, str, str, str, np.ndarray, Orders]


@dataclass(frozen=True)
class Plan:
    """Perturbations to run, with their estimated cost.

    Parameters
    ----------
    jobs : one per utterance, explained output, input and unit
    n_masks : number of perturbations per job
    audio_s : total audio to process in s
    seconds : estimated time in s
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
    settings: ReliabilitySettings = ReliabilitySettings(),
    *,
    seed: int = 0,
) -> Plan:
    """Draw the orders for some utterances, and time one batch of each input.

    All methods of an input and unit are compared with the same random orders, and sets of segments that occur in
    several orders run once. Frequency bands and frames within words are not perturbed.

    Raises
    ------
    AnalysisError
        Methods have different segments, or a share is not in (0, 1].
    """
    chosen = set(utterances)
    wanted = {
        condition: {key: segments for key, segments in explained.items() if key[0] in chosen}
        for condition, explained in vectors.items()
        if condition[2] in settings.units and (not settings.inputs or condition[1] in settings.inputs)
    }
    jobs = list(_jobs(wanted, settings.n_random, seed))
    n_masks = [len(plan_masks(orders, shares=settings.shares, n_points=settings.n_points)[1]) for *_, orders in jobs]
    return Plan(jobs, n_masks, *_estimate(predictor, corpus, jobs, n_masks, settings.batch_s))


def measure_faithfulness(
    predictor: "Predictor",
    corpus: "Corpus",
    plan: Plan,
    settings: ReliabilitySettings = ReliabilitySettings(),
) -> pd.DataFrame:
    """Run the perturbations of a plan from :func:`plan_faithfulness` and return observations of faithfulness."""
    items: list[dict[str, Any]] = []
    for job in tqdm(plan.jobs, desc="perturbing", disable=None):
        utterance, _, kind, unit, _, orders = job
        about = {"utterance": utterance, "input": kind, "unit": unit}
        items += faithfulness_items(orders, _output(predictor, corpus, job, settings.batch_s), about, settings)
    return describe_items(items)


def _jobs(vectors: Vectors, n_random: int, seed: int) -> Iterator[Job]:
    grouped: dict[tuple[str, str, str, str], dict[str, np.ndarray]] = {}
    for (method, kind, unit), explained in vectors.items():
        for (utterance, form), segments in explained.items():
            grouped.setdefault((utterance, form, kind, unit), {})[method] = segments
    for key, of_methods in sorted(grouped.items()):
        spans = next(iter(of_methods.values()))[:2]
        differing = [method for method, found in of_methods.items() if not np.array_equal(found[:2], spans)]
        if differing:
            raise AnalysisError(
                f"expected the same segments of utterance {key[0]!r} by every method ({key[2]}, {key[3]}), found "
                f"others by {differing[0]}; explain all methods with the same units"
            )
        # Seeded by name, not by position: other utterances do not change the random orders of this one.
        generator = np.random.default_rng([seed, crc32(repr(key).encode())])
        scores = {method: found[2] for method, found in of_methods.items()}
        yield *key, spans, draw_orders(scores, n_random=n_random, generator=generator)


def _output(predictor: "Predictor", corpus: "Corpus", job: Job, batch_s: float) -> "Game | PairedOutput":
    utterance, form, kind, _, spans, _ = job
    own, partner, partner_form = split_pair(form)
    waveform = predictor.prepare(corpus.waveform(utterance))
    if not partner:
        return masked_output(predictor, waveform, kind, spans, form, batch_s=batch_s)
    words = corpus.segments[(corpus.segments["tier"] == "word") & (corpus.segments["utterance"] == partner)]
    other_spans = words.sort_values("onset")[["onset", "offset"]].to_numpy(float).T
    # The target's own word is no unit: it stays audible, as in the attribution.
    other_spans = np.delete(other_spans, marked_place(partner_form), axis=1)
    recordings = [
        (waveform, spans, own),
        (predictor.prepare(corpus.waveform(partner)), other_spans, partner_form),
    ]
    return paired_output(predictor, recordings, kind, batch_s=batch_s)


def _estimate(
    predictor: "Predictor", corpus: "Corpus", jobs: Sequence[Job], n_masks: Sequence[int], batch_s: float
) -> tuple[float, float]:
    """Return the total audio and the estimated time, both in s, from one timed batch per input."""
    lengths = corpus.utterances.set_index("utterance")["n_samples"]
    audio_s = [n * lengths[job[0]] / predictor.sample_rate_hz for job, n in zip(jobs, n_masks)]
    total_s = 0.0
    for kind in sorted({job[2] for job in jobs}):
        places = [place for place, job in enumerate(jobs) if job[2] == kind]
        longest = jobs[max(places, key=lambda place: n_masks[place])]
        output = _output(predictor, corpus, longest, batch_s)
        # Distinct masks, since known ones do not run again; the first batch includes allocation and is not timed.
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
