"""What the latents of a two-stage bottleneck hold, probed on voices that it was not trained on."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from rapidfuzz.distance import Levenshtein
from torch import Tensor

from auscult.activations.segment_index import segment_index
from auscult.analyses.disentangling.attribution import labelled_target, measure_attribution
from auscult.analyses.disentangling.bottleneck import Bottlenecks, BottleneckSettings, train_bottlenecks
from auscult.analyses.disentangling.decomposition import Parts
from auscult.analyses.disentangling.recordings import divide_speakers, layer_frames, phone_tokens, spoken_tokens
from auscult.analyses.probing.analysis import probe_activations
from auscult.analyses.probing.settings import ProbingSettings
from auscult.corpora.corpus import Corpus
from auscult.errors import AnalysisError
from auscult.models.interface import FrameModel
from auscult.statistics.folds import speaker_folds
from auscult.statistics.intervals import cluster_bootstrap
from auscult.tables import RESULT_COLUMNS, check_results

__all__ = ["LATENT_COLUMNS", "LATENTS", "probe_latents"]

LATENT_COLUMNS = (
    *RESULT_COLUMNS,
    "analysis",
    "factor",
    "method",
    "readout",
    "chance",
    "tier",
    "held_out",
    "n_classes",
    "n_train",
    "resampling_unit",
)
LATENTS = ("textual", "acoustic")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Pooled:
    """Means of frames and of latents over segments, as the probes read activations."""

    index: pd.DataFrame
    vectors: Mapping[str, np.ndarray]

    @property
    def layers(self) -> tuple[str, ...]:
        return tuple(self.vectors)

    def load(self, layer: str, rows: np.ndarray | None = None) -> np.ndarray:
        return self.vectors[layer] if rows is None else self.vectors[layer][rows]


def probe_latents(
    recordings: Corpus,
    network: FrameModel,
    *,
    layer: str,
    corpus: str,
    model: str,
    step: str,
    settings: BottleneckSettings,
    factors: Sequence[str] = ("phone_class", "gender", "language"),
    targets: Mapping[str, Mapping[str, Any]] | None = None,
    tier: str = "phone",
    splits: Sequence[str] = ("test",),
    train_split: str = "train",
    n_train: int | None = None,
    n_test: int | None = None,
    batch_s: float = 60.0,
    min_class_size: int = 20,
    n_folds: int = 4,
    n_resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Train both stages on frames of some voices, and probe frames and latents of others.

    The text of stage 1 is the phones of the corpus, where the paper has characters: small encoders know sounds before
    spelling, and the languages of a corpus need not share an alphabet. Stage 2 tells the training voices apart.
    Where analysed and training utterances are of one split, half of its speakers train and half are probed.

    Parameters
    ----------
    recordings : with phone segments
    network : the frozen model
    layer : whose frames are read; a model with one layer has that
    corpus, model, step : copied into the table
    settings : of the bottleneck
    factors, targets, tier : as of :func:`auscult.analyses.disentangling.analysis.disentangle_activations`; the speaker
        is probed, too
    splits, train_split : utterances to probe, and to train on
    n_train, n_test : so many utterances, spread evenly over speakers and languages, instead of all
    n_folds : of speakers, for the probes of pooled latents

    Returns
    -------
    results : columns :data:`LATENT_COLUMNS`; ``layer`` is ``input``, ``textual`` or ``acoustic``. ``analysis`` is
        ``probes``: ``latent_accuracy`` of ``target``; ``bottleneck``: ``information_nats`` a frame, and
        ``phone_error_rate`` of what the textual latent transcribes (0 is best); ``attribution``: the ``part_share`` of
        the score of ``target``, read linearly from both latents, that runs through either (``factor``), and the mean
        score, ``part_score``

    Raises
    ------
    AnalysisError
        The layer does not exist, or there are too few speakers to train on and probe.
    """
    if len(network.layers) > 1 and layer not in network.layers:
        raise AnalysisError(f"disentangling: expected layer {', '.join(network.layers)}, found {layer!r}")
    chosen = network.layers[0] if len(network.layers) == 1 else layer
    training, tested = divide_speakers(recordings, network, splits, train_split, n_train, n_test, seed)
    frames = layer_frames(network, recordings, training, chosen, batch_s)
    tokens = phone_tokens(recordings, training, tier)
    voices = np.unique(training["speaker"].astype(str), return_inverse=True)[1]
    _log.info(
        "disentangling: bottleneck of %d utterances, %d voices, %d phones", len(frames), voices.max() + 1, len(tokens)
    )
    bottlenecks = train_bottlenecks(
        frames, spoken_tokens(recordings, training, tier, tokens), voices.tolist(), settings, seed=seed
    )
    names = list(dict.fromkeys([tier, *(entry["tier"] for entry in (targets or {}).values()), "utterance"]))
    index = segment_index(recordings, tested, names, network, shard_rows=2**31)
    frames = layer_frames(network, recordings, tested, chosen, batch_s)
    pooled, nats, spelt = _pool(bottlenecks, frames, tested, index)
    asked = _targets(pooled.index, factors, targets or {}, tier)
    # Of a speaker there are as many utterances as there are, however rare a phone may be.
    probes = pd.concat(
        [
            probe_activations(
                pooled,
                corpus=corpus,
                model=model,
                step=step,
                settings=ProbingSettings(
                    n_folds=n_folds, n_permutations=1, n_resamples=n_resamples, min_class_size=fewest
                ),
                seed=seed,
                targets=[{"name": name, **asked[name]} for name in names],
            )
            for names, fewest in (([name for name in asked if name != "speaker"], min_class_size), (["speaker"], 2))
        ]
    )
    probes = probes[(probes["labels"] == "true") & (probes["metric"] == "accuracy") & (probes["layer"] != "selected")]
    spoken = spoken_tokens(recordings, tested, tier, tokens)
    bottleneck = _bottleneck_rows(nats, spelt, spoken, tested, n_resamples, seed)
    attribution = _attribute(pooled, asked, n_folds, min_class_size, n_resamples, seed)
    rows = [{"analysis": "bottleneck", **row} for row in bottleneck]
    rows += [{"analysis": "attribution", "layer": "latents", **row} for row in attribution]
    probes = probes.assign(analysis="probes", metric="latent_accuracy", readout="ridge")
    found = pd.concat([probes, pd.DataFrame(rows)], ignore_index=True)
    found = found.assign(corpus=corpus, model=model, step=str(step), resampling_unit="speaker", n_train=len(training))
    return check_results(found.reindex(columns=list(LATENT_COLUMNS)))


def _pool(bottlenecks: Bottlenecks, frames: Sequence[Tensor], utterances: pd.DataFrame, index: pd.DataFrame):
    """Return means over segments of frames and latents, nats of each utterance's frames, and the tokens it spells."""
    spans = dict(list(index.groupby("utterance", sort=False)[["start", "n_frames"]]))
    parts: dict[str, list[np.ndarray]] = {name: [] for name in ("input", *LATENTS)}
    nats: dict[str, list[np.ndarray]] = {name: [] for name in LATENTS}
    spelt = []
    for name, each in zip(utterances["utterance"], frames):
        encoded = bottlenecks.encode(each)
        spelt.append(bottlenecks.tokens(encoded["textual"][0]))
        layers = {"input": each} | {latent: values for latent, (values, _) in encoded.items()}
        for latent, (_, information) in encoded.items():
            nats[latent].append(information.numpy())
        for layer, values in layers.items():
            sums = torch.cat([torch.zeros(1, values.shape[1], dtype=torch.float64), values.double().cumsum(dim=0)])
            starts, counts = torch.from_numpy(spans[name].to_numpy(np.int64)).T
            parts[layer].append(((sums[starts + counts] - sums[starts]) / counts[:, None]).numpy())
    vectors = {layer: np.concatenate(values).astype(np.float32) for layer, values in parts.items()}
    return _Pooled(index, vectors), nats, spelt


def _targets(index: pd.DataFrame, factors: Sequence[str], targets: Mapping, tier: str) -> dict[str, dict]:
    """Return what is probed: a factor that does not vary in an utterance over the whole of it, others by segment."""
    asked = {}
    segments = index[index["tier"] == tier]
    for factor in factors:
        whole = (segments.groupby("utterance")[factor].nunique() <= 1).all()
        asked[factor] = {"tier": "utterance" if whole else tier, "column": factor, "held_out": "speaker"}
    asked |= {name: {**target, "held_out": "speaker"} for name, target in targets.items()}
    return asked | {"speaker": {"tier": "utterance", "column": "speaker", "held_out": "utterance"}}


def _bottleneck_rows(nats, spelt, truth, utterances: pd.DataFrame, n_resamples: int, seed: int):
    speakers = utterances["speaker"].astype(str).to_numpy()
    shared = {"n": len(utterances), "n_groups": len(np.unique(speakers)), "tier": "utterance", "held_out": "speaker"}
    errors = np.array([Levenshtein.distance(said, written) for said, written in zip(truth, spelt)], dtype=float)
    lengths = np.array([len(said) for said in truth], dtype=float)
    measured = [("textual", "phone", "phone_error_rate", errors, lengths)]
    for latent, values in nats.items():
        sums, counts = (np.array([fold(each) for each in values], dtype=float) for fold in (np.sum, len))
        measured.append((latent, "", "information_nats", sums, counts))
    for latent, target, metric, numerators, denominators in measured:
        low, high = cluster_bootstrap(numerators, denominators, speakers, n_resamples=n_resamples, seed=seed)
        yield {
            "layer": latent,
            "target": target,
            "metric": metric,
            "value": numerators.sum() / denominators.sum(),
            "ci_low": low,
            "ci_high": high,
            **shared,
        }


def _attribute(pooled: _Pooled, asked: Mapping[str, Mapping], n_folds, min_class_size, n_resamples, seed):
    index = pooled.index
    first = index.drop_duplicates("speaker")
    folds = speaker_folds(
        first["speaker"].astype(str),
        n_folds,
        seed,
        first["gender"],
        where="disentangling",
        advice="add speakers to the corpus or lower n_folds",
    )
    fold_of = dict(zip(first["speaker"].astype(str), folds.tolist()))
    both = np.concatenate([pooled.vectors[latent] for latent in LATENTS], axis=1).astype(float)
    n_latent = both.shape[1] // 2
    blocks = {
        latent: np.diag(np.repeat(np.arange(2) == place, n_latent).astype(float))
        for place, latent in enumerate(LATENTS)
    }
    parts = [{"latents": Parts(np.zeros(2 * n_latent), blocks)}] * n_folds
    targets = [
        labelled_target(index, fold_of, name, target, min_class_size=min_class_size)
        for name, target in asked.items()
        if target["held_out"] == "speaker"
    ]
    vectors = [(target, both[target.rows]) for target in targets]
    return measure_attribution(parts, vectors, n_mlp_items=0, n_resamples=n_resamples, seed=seed)
