"""Probes of the latents of a two-stage bottleneck, on speakers that it was not trained on."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from rapidfuzz.distance import Levenshtein
from torch import Tensor

from auscult.activations.memory import MemoryActivations
from auscult.activations.segment_index import segment_index
from auscult.analyses.disentangling.attribution import labelled_target, measure_attribution
from auscult.analyses.disentangling.bottleneck import Bottlenecks, train_bottlenecks
from auscult.analyses.disentangling.columns import LATENT_COLUMNS, LATENTS
from auscult.analyses.disentangling.decomposition import Parts
from auscult.analyses.disentangling.recordings import divide_speakers, layer_frames, phone_tokens, spoken_tokens
from auscult.analyses.disentangling.settings import DisentanglingSettings
from auscult.analyses.probing.analysis import probe_activations
from auscult.analyses.probing.settings import ProbingSettings
from auscult.corpora.corpus import Corpus
from auscult.errors import AnalysisError
from auscult.models.interface import FrameModel
from auscult.statistics.folds import speaker_folds
from auscult.statistics.intervals import cluster_bootstrap
from auscult.tables import check_results

__all__ = ["LATENT_COLUMNS", "LATENTS", "probe_latents"]

_log = logging.getLogger(__name__)


def probe_latents(
    recordings: Corpus,
    network: FrameModel,
    *,
    names: Mapping[str, str],
    layer: str,
    factors: Sequence[str],
    targets: Mapping[str, Mapping[str, Any]] | None = None,
    splits: Sequence[str] = ("test",),
    batch_s: float = 60.0,
    settings: DisentanglingSettings = DisentanglingSettings(),
    seed: int = 0,
) -> pd.DataFrame:
    """Train both stages on frames of some speakers, and probe frames and latents of other speakers.

    The text of stage 1 is the phones of the corpus; Mohebbi et al. (2024) use characters. Small encoders learn sounds
    before spelling, and the languages of a corpus need not share an alphabet. Stage 2 identifies the training speakers.
    Where training and probed utterances are of one split, half of its speakers are used for each.

    Parameters
    ----------
    recordings : corpus with phone segments
    network : frozen model
    names : ``corpus``, ``model`` and ``step`` of the table
    layer : layer whose frames are read; the only layer of a model that has one
    factors, targets : see :func:`auscult.analyses.disentangling.analysis.disentangle_activations`; the speaker is
        probed as well
    splits : splits to probe
    batch_s : seconds of audio per batch, padding included
    settings : see :class:`~auscult.analyses.disentangling.settings.DisentanglingSettings`
    seed : of the bottleneck, of folds and of resampling

    Returns
    -------
    results : columns :data:`LATENT_COLUMNS`; ``layer`` is ``input``, ``textual`` or ``acoustic``. Rows of ``analysis``
        ``probes``: ``latent_accuracy`` of ``target``. ``bottleneck``: ``information_nats`` per frame, and
        ``phone_error_rate`` of the transcription from the textual latent (0 is best). ``attribution``: ``part_share``,
        the share of the linear score of ``target`` from both latents that runs through one of them (``factor``), and
        ``part_score``, the mean score

    Raises
    ------
    AnalysisError
        The layer does not exist, or there are too few speakers to train on or to probe.
    """
    if len(network.layers) > 1 and layer not in network.layers:
        raise AnalysisError(
            f"disentangling: expected one of the layers {', '.join(network.layers)}, found {layer!r}; name one of them"
        )
    chosen = network.layers[0] if len(network.layers) == 1 else layer
    bottleneck, tier = settings.bottleneck, settings.tier
    training, tested = divide_speakers(
        recordings, network, splits, bottleneck.train_split, bottleneck.n_train, bottleneck.n_test, seed
    )
    frames = layer_frames(network, recordings, training, chosen, batch_s)
    tokens = phone_tokens(recordings, training, tier)
    speakers = np.unique(training["speaker"].astype(str), return_inverse=True)[1]
    _log.info(
        "disentangling: bottleneck trained on %d utterances, %d speakers, %d phones",
        len(frames),
        speakers.max() + 1,
        len(tokens),
    )
    bottlenecks = train_bottlenecks(
        frames, spoken_tokens(recordings, training, tier, tokens), speakers.tolist(), bottleneck, seed=seed
    )
    tiers = list(dict.fromkeys([tier, *(entry["tier"] for entry in (targets or {}).values()), "utterance"]))
    index = segment_index(recordings, tested, tiers, network, shard_rows=2**31)
    frames = layer_frames(network, recordings, tested, chosen, batch_s)
    pooled, nats, transcribed = _pool(bottlenecks, frames, tested, index)
    probed = _probed_targets(pooled.index, factors, targets or {}, tier)
    spoken = spoken_tokens(recordings, tested, tier, tokens)
    rows = [
        {"analysis": "bottleneck", **row}
        for row in _bottleneck_rows(nats, transcribed, spoken, tested, settings.n_resamples, seed)
    ]
    rows += [
        {"analysis": "attribution", "layer": "latents", **row}
        for row in _attribution_rows(pooled, probed, settings, seed)
    ]
    found = pd.concat([_probe_rows(pooled, probed, names, settings, seed), pd.DataFrame(rows)], ignore_index=True)
    found = found.assign(**names, resampling_unit="speaker", n_train=len(training))
    return check_results(found.reindex(columns=list(LATENT_COLUMNS)))


def _probe_rows(
    pooled: MemoryActivations,
    probed: Mapping[str, Mapping[str, Any]],
    names: Mapping[str, str],
    settings: DisentanglingSettings,
    seed: int,
) -> pd.DataFrame:
    """Return the accuracy of linear probes of frames and latents for every target."""
    # `min_class_size` is meant for phones; a speaker may have only a few utterances.
    groups = (([name for name in probed if name != "speaker"], settings.min_class_size), (["speaker"], 2))
    probes = pd.concat(
        [
            probe_activations(
                pooled,
                corpus=names["corpus"],
                model=names["model"],
                step=names["step"],
                targets=[{"name": name, **probed[name]} for name in targets],
                settings=ProbingSettings(
                    probe="ridge",
                    max_items=None,
                    n_folds=settings.n_folds,
                    n_permutations=1,
                    n_resamples=settings.n_resamples,
                    min_class_size=min_class_size,
                ),
                seed=seed,
            )
            for targets, min_class_size in groups
        ]
    )
    probes = probes[(probes["labels"] == "true") & (probes["metric"] == "accuracy") & (probes["layer"] != "selected")]
    return probes.assign(analysis="probes", metric="latent_accuracy", readout="ridge")


def _pool(
    bottlenecks: Bottlenecks, frames: Sequence[Tensor], utterances: pd.DataFrame, index: pd.DataFrame
) -> tuple[MemoryActivations, dict[str, list[np.ndarray]], list[list[int]]]:
    """Return segment means of frames and latents, the nats of each utterance's frames, and its transcribed tokens."""
    spans = dict(list(index.groupby("utterance", sort=False)[["start", "n_frames"]]))
    means: dict[str, list[np.ndarray]] = {name: [] for name in ("input", *LATENTS)}
    nats: dict[str, list[np.ndarray]] = {name: [] for name in LATENTS}
    transcribed = []
    for name, each in zip(utterances["utterance"], frames):
        encoded = bottlenecks.encode(each)
        transcribed.append(bottlenecks.tokens(encoded["textual"][0]))
        layers = {"input": each} | {latent: values for latent, (values, _) in encoded.items()}
        for latent, (_, information) in encoded.items():
            nats[latent].append(information.numpy())
        for layer, values in layers.items():
            sums = torch.cat([torch.zeros(1, values.shape[1], dtype=torch.float64), values.double().cumsum(dim=0)])
            starts, counts = torch.from_numpy(spans[name].to_numpy(np.int64)).T
            means[layer].append(((sums[starts + counts] - sums[starts]) / counts[:, None]).numpy())
    vectors = {layer: np.concatenate(values).astype(np.float32) for layer, values in means.items()}
    return MemoryActivations(vectors, index), nats, transcribed


def _probed_targets(
    index: pd.DataFrame, factors: Sequence[str], targets: Mapping[str, Mapping[str, Any]], tier: str
) -> dict[str, dict[str, Any]]:
    """Return the probed targets; a factor that is constant within utterances is probed on whole utterances."""
    probed = {}
    segments = index[index["tier"] == tier]
    for factor in factors:
        constant = (segments.groupby("utterance")[factor].nunique() <= 1).all()
        probed[factor] = {"tier": "utterance" if constant else tier, "column": factor, "held_out": "speaker"}
    probed |= {name: {**target, "held_out": "speaker"} for name, target in targets.items()}
    return probed | {"speaker": {"tier": "utterance", "column": "speaker", "held_out": "utterance"}}


def _bottleneck_rows(
    nats: Mapping[str, Sequence[np.ndarray]],
    transcribed: Sequence[Sequence[int]],
    spoken: Sequence[Sequence[int]],
    utterances: pd.DataFrame,
    n_resamples: int,
    seed: int,
) -> Iterator[dict[str, Any]]:
    """Yield the phone error rate of the transcriptions and the information per frame of each latent."""
    speakers = utterances["speaker"].astype(str).to_numpy()
    shared = {"n": len(utterances), "n_groups": len(np.unique(speakers)), "tier": "utterance", "held_out": "speaker"}
    errors = np.array(
        [Levenshtein.distance(truth, written) for truth, written in zip(spoken, transcribed)], dtype=float
    )
    lengths = np.array([len(truth) for truth in spoken], dtype=float)
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


def _attribution_rows(
    pooled: MemoryActivations, probed: Mapping[str, Mapping[str, Any]], settings: DisentanglingSettings, seed: int
) -> Iterator[dict[str, Any]]:
    """Yield the share of each target's linear score that runs through either latent."""
    index = pooled.index
    first = index.drop_duplicates("speaker")
    folds = speaker_folds(
        first["speaker"].astype(str),
        settings.n_folds,
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
    parts = [{"latents": Parts(np.zeros(2 * n_latent), blocks)}] * settings.n_folds
    targets = [
        labelled_target(index, fold_of, name, target, min_class_size=settings.min_class_size, max_items=None, seed=seed)
        for name, target in probed.items()
        if target["held_out"] == "speaker"
    ]
    vectors = [(target, both[target.rows]) for target in targets]
    return measure_attribution(parts, vectors, n_mlp_items=0, n_resamples=settings.n_resamples, seed=seed)
