"""The analyses on plain arrays and waveforms: a few lines in a notebook, without a study, a workflow or a folder.

Every function takes NumPy arrays and returns a number with its interval, a tidy table or arrays. ``groups`` are the
units that an interval resamples and that are held out, usually speakers.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from auscult.activations.interface import Activations
from auscult.activations.pooling import pool_frames
from auscult.analyses.abx.cells import score_cells
from auscult.analyses.abx.distances import Distance, Vectors
from auscult.analyses.abx.summary import summarise_abx
from auscult.analyses.abx.tasks import make_abx_task
from auscult.analyses.attribution.explained_outputs import class_output, transcript_output
from auscult.analyses.attribution.items import Item
from auscult.analyses.attribution.methods import attribute as attribute_item
from auscult.analyses.attribution.settings import AttributionSettings
from auscult.analyses.mixing.waveforms import mix_waveform
from auscult.analyses.probing.analysis import probe_activations
from auscult.analyses.probing.settings import ProbingSettings
from auscult.analyses.similarity.cca import Alignment, Spaces, held_out_alignment
from auscult.analyses.similarity.cka import HsicSums, cka_interval, cka_of_items
from auscult.analyses.similarity.rsa import Conditions, Correlation, RdmDistance, compare_rdms, draw_rdms
from auscult.corpora.audio import read_audio, resample_waveform
from auscult.erasure.erasers import Eraser
from auscult.erasure.fitting import class_moments, fit_eraser as fit_method
from auscult.errors import AnalysisError, AudioError
from auscult.models.interface import FrameModel
from auscult.models.predictor import Predictor
from auscult.models.speech import SpeechModel
from auscult.statistics.folds import speaker_folds
from auscult.statistics.moments import JointMoments

__all__ = [
    "Estimate",
    "extract",
    "probe",
    "cka",
    "cca",
    "rsa",
    "abx",
    "value_zeroing",
    "attribute",
    "fit_eraser",
]

Array = npt.NDArray[Any]
Layers = npt.ArrayLike | Mapping[str, npt.ArrayLike] | Activations
_AUDIO = (".wav", ".flac", ".mp3", ".ogg")
_N_RESAMPLES = 2000


class Estimate(NamedTuple):
    """A value with its 95 % interval; both ends are NaN where there are too few groups for one.

    Attributes
    ----------
    value : the estimate
    ci_low, ci_high : ends of the interval from resampling groups
    n : items it rests on
    n_groups : groups that were resampled, 0 without groups
    """

    value: float
    ci_low: float
    ci_high: float
    n: int
    n_groups: int


def extract(
    model: FrameModel,
    recordings: Sequence[npt.ArrayLike] | str | Path,
    *,
    sample_rate_hz: int | None = None,
    segments: Sequence[pd.DataFrame] | None = None,
) -> Activations:
    """Return the mean frame of every layer in every recording, or in every segment of every recording.

    Parameters
    ----------
    model : a speech model, see :func:`auscult.load_model`
    recordings : waveforms [shapes=(n_samples,)], or a folder of recordings, read in the order of their paths
    sample_rate_hz : of the waveforms; another rate than the model's is resampled. Required for waveforms, since an
        array does not state its rate; files do
    segments : for each recording a table with ``onset_s``, ``offset_s`` and ``label``; further columns are kept. The
        whole recording, labelled with its name, without it

    Returns
    -------
    activations : ``index`` has one row per segment with ``label`` and ``utterance`` (path in the folder, or position)

    Raises
    ------
    AudioError
        A folder has no recordings, a sample rate is missing, or a waveform is shorter than one frame.
    AnalysisError
        There is not one table of segments per recording.

    Examples
    --------
    >>> from auscult.models.acoustic import acoustic_model
    >>> tone = np.sin(np.arange(16000) * 0.2)
    >>> extract(acoustic_model("mel"), [tone, tone[:8000]], sample_rate_hz=16000).load("input").shape
    (2, 80)
    """
    names, waveforms = _recordings(model, recordings, sample_rate_hz)
    if segments is not None and len(segments) != len(waveforms):
        raise AnalysisError(
            f"expected one table of segments per recording ({len(waveforms)}), found {len(segments)}; give one for each"
        )
    tables = [
        _whole(waveform, name, model.sample_rate_hz) if segments is None else segments[place].reset_index(drop=True)
        for place, (name, waveform) in enumerate(zip(names, waveforms))
    ]
    pooled: dict[str, list[Array]] = {layer: [] for layer in model.layers}
    for place, waveform in enumerate(waveforms):
        spans = _spans(model, waveform, tables[place])
        for layer, means in pool_frames(model.frames([waveform]), [spans], [names[place]]):
            pooled[layer].append(means)
    index = pd.concat([table.assign(utterance=name) for name, table in zip(names, tables)], ignore_index=True)
    return Activations.from_arrays({layer: np.concatenate(parts) for layer, parts in pooled.items()}, index)


def probe(
    x: Layers,
    y: Sequence[Any] | Array,
    groups: Sequence[Any] | Array,
    *,
    settings: ProbingSettings | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Probe vectors for labels or values on groups that the probe has not met, with shuffled labels beside.

    Parameters
    ----------
    x : vectors [shape=(n, n_dims)], the same by layer, or activations
    y : a label of each vector, or its value (floats) for a ridge regression [shape=(n,)]
    groups : of each vector, such as its speaker [shape=(n,)]
    settings : see :class:`~auscult.analyses.probing.settings.ProbingSettings`
    seed : of folds, permutations and resampling

    Returns
    -------
    one row per layer and kind of labels (``true``, ``shuffled``), and for the layer ``selected`` on validation folds:
    ``layer, metric, value, ci_low, ci_high, chance, n, n_groups, labels``, and the other columns of
    :data:`auscult.analyses.probing.analysis.PROBING_COLUMNS`

    Raises
    ------
    AnalysisError
        See :func:`auscult.analyses.probing.analysis.probe_activations`.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> y, speakers = np.tile(["a", "i"], 80), np.repeat(np.arange(8), 20)
    >>> x = random.normal(size=(160, 5)) + 3 * (y == "a")[:, None]
    >>> table = probe(x, y, speakers)
    >>> chosen = table.query("probe == 'logistic' and labels == 'true' and layer == 'selected'")
    >>> chosen = chosen[chosen["metric"] == "accuracy"]
    >>> chosen["value"].item() > 0.95
    True
    """
    y = np.asarray(y)
    values = y.dtype.kind == "f"
    activations = _activations(x, y, groups)
    target = {
        "name": "y",
        "tier": activations.index["tier"].iloc[0],
        "column": "label",
        "held_out": "speaker",
        "kind": "values" if values else "classes",
    }
    return probe_activations(
        activations, targets=[target], corpus="", model="", step="", settings=settings or ProbingSettings(), seed=seed
    )


def cka(x: npt.ArrayLike, y: npt.ArrayLike, groups: Sequence[Any] | Array | None = None, *, seed: int = 0) -> Estimate:
    """Return linear CKA of two sets of vectors over the same items, without bias (Song et al., 2012; Kornblith, 2019).

    Parameters
    ----------
    x, y : vectors [shapes=(n, n_dims)]
    groups : speakers: what items of one speaker share does not count as similarity, and the interval resamples
        speakers. Without them, items count as independent, and there is no interval
    seed : of resampling

    Raises
    ------
    AnalysisError
        There are fewer than four items or groups, or vectors that do not vary.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(200, 4))
    >>> round(cka(x, 2 * x + 1).value, 3)
    1.0
    """
    _require_equal_lengths(x=x, y=y, groups=groups)
    x, y = _centred(x), _centred(y)
    if groups is None:
        return Estimate(cka_of_items(x, y), np.nan, np.nan, len(x), 0)
    codes = np.unique(np.asarray(groups), return_inverse=True)[1]
    xy, xx, yy = (HsicSums.of(JointMoments.of(one, other, codes)) for one, other in ((x, y), (x, x), (y, y)))
    n_groups = int(codes.max()) + 1
    return Estimate(*cka_interval(xy, xx, yy, n_resamples=_N_RESAMPLES, seed=seed), len(x), n_groups)


def cca(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    groups: Sequence[Any] | Array,
    *,
    metric: Alignment = "cca",
    n_folds: int = 4,
    shrinkages: Sequence[float] = (1e-3, 1e-2, 1e-1),
    seed: int = 0,
) -> Estimate:
    """Return how well two sets of vectors align on groups that the alignment was not fitted on.

    Parameters
    ----------
    x, y : vectors [shapes=(n, n_dims)]
    groups : speakers, at least as many as folds [shape=(n,)]
    metric : ``cca``, ``svcca``, ``pwcca``, ``procrustes`` or ``r2``; see
        :func:`~auscult.analyses.similarity.cca.held_out_alignment`
    n_folds, shrinkages : of the fits
    seed : of folds and resampling

    Raises
    ------
    AnalysisError
        Lengths differ, there are fewer groups than folds, or vectors do not vary.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> x, noise = random.normal(size=(2, 400, 3))
    >>> speakers = np.repeat(np.arange(20), 20)
    >>> cca(x, x @ random.normal(size=(3, 3)), speakers).value > 0.99
    True
    >>> abs(cca(x, noise, speakers).value) < 0.2
    True
    """
    _require_equal_lengths(x=x, y=y, groups=groups)
    x, y = _centred(x), _centred(y)
    names, codes = np.unique(np.asarray(groups), return_inverse=True)
    folds = speaker_folds(names, n_folds, seed)
    spaces = Spaces(*(JointMoments.of(one, other, codes) for one, other in ((x, x), (y, y), (x, y))))
    found = held_out_alignment(spaces, folds, metric, shrinkages=shrinkages, n_resamples=_N_RESAMPLES, seed=seed)
    return Estimate(*found, len(x), len(names))


def rsa(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    groups: Sequence[Any] | Array | None = None,
    *,
    conditions: Sequence[Any] | Array | None = None,
    distance: RdmDistance = "cosine",
    correlation: Correlation = "spearman",
    seed: int = 0,
) -> Estimate:
    """Return the correlation of two dissimilarity matrices over the same conditions (Kriegeskorte et al., 2008).

    Parameters
    ----------
    x, y : vectors [shapes=(n, n_dims)]
    groups : speakers of the vectors, who are resampled together with conditions; by default one
    conditions : of each vector; vectors of one condition are averaged. By default each vector is one
    distance, correlation : between conditions, and between matrices. ``crossvalidated`` distances compare vectors of
        different groups only, so that noise of rare conditions is no shared structure. Vectors are taken as they are;
        a large common mean is to be subtracted before
    seed : of resampling

    Raises
    ------
    AnalysisError
        Lengths differ, or there are too few conditions, or distances are undefined (``crossvalidated`` without groups).

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(30, 4))
    >>> round(rsa(x, x @ np.linalg.qr(np.random.default_rng(1).normal(size=(4, 4)))[0]).value, 3)
    1.0
    """
    _require_equal_lengths(x=x, y=y, groups=groups, conditions=conditions)
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    codes = np.arange(len(x)) if conditions is None else np.unique(np.asarray(conditions), return_inverse=True)[1]
    own = np.zeros(len(x), dtype=int) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    drawn = [
        draw_rdms(Conditions.of(vectors, codes, own), distance, n_resamples=_N_RESAMPLES, seed=seed)
        for vectors in (x, y)
    ]
    n_groups = 0 if groups is None else int(own.max()) + 1
    return Estimate(*compare_rdms(drawn[0], drawn[1], correlation), len(x), n_groups)


def abx(
    x: npt.ArrayLike,
    labels: Sequence[Any] | Array,
    groups: Sequence[Any] | Array,
    *,
    contexts: Sequence[Any] | Array | None = None,
    across: bool = False,
    distance: Distance = "cosine",
    seed: int = 0,
) -> Estimate:
    """Return the ABX score (Schatz et al., 2013): how often X is nearer to A, of its own label, than to B.

    Chance is .5.

    Parameters
    ----------
    x : one vector per item [shape=(n, n_dims)]
    labels, groups : label and speaker of each item [shape=(n,)]
    contexts : A, B and X share it, such as the neighbouring phones; by default they may differ
    across : whether X comes from another speaker than A and B; within speaker otherwise
    distance : ``cosine``, ``angular``, ``euclidean``, or ``kl`` of probabilities
    seed : of resampling speakers

    Raises
    ------
    AnalysisError
        Lengths differ, or no item has a partner to be compared with.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> labels, speakers = np.tile(["a", "i"], 40), np.repeat(np.arange(8), 10)
    >>> x = np.stack([labels == "a", labels == "i"], axis=1) + 0.1 * random.normal(size=(80, 2))
    >>> abx(x, labels, speakers).value > 0.99
    True
    """
    _require_equal_lengths(x=x, labels=labels, groups=groups, contexts=contexts)
    table = pd.DataFrame({"label": np.asarray(labels).astype(str), "speaker": np.asarray(groups).astype(str)})
    by = ["context"] if contexts is not None else []
    if contexts is not None:
        table["context"] = np.asarray(contexts).astype(str)
    task = make_abx_task(table, on="label", by=by if across else [*by, "speaker"], across="speaker" if across else None)
    vectors = np.asarray(x, dtype=np.float32)[task.rows]
    scores = score_cells(task, Vectors(vectors, distance))
    row, _ = summarise_abx(task, scores[None], n_resamples=_N_RESAMPLES, seed=seed)[0]
    return Estimate(row["value"], row["ci_low"], row["ci_high"], row["n"], row["n_groups"])


def value_zeroing(
    model: SpeechModel, waveform: npt.ArrayLike, segments: pd.DataFrame, *, sample_rate_hz: int
) -> dict[str, Array]:
    """Return how much each segment takes from each other in every layer, by value zeroing (Mohebbi et al., 2023).

    Parameters
    ----------
    model : a speech model with attention
    waveform : [shape=(n_samples,)]
    segments : with ``onset_s`` and ``offset_s``, such as words
    sample_rate_hz : of the waveform

    Returns
    -------
    scores : for each layer ``T1 … TL`` a matrix whose row i says what segment i takes from segment j, adding up to 1
        [shape=(n_segments, n_segments)]
    """
    heard = _at_model_rate(model, waveform, sample_rate_hz)
    spans = _spans(model, heard, segments)
    ranges = np.stack([spans[:, 0], spans.sum(axis=1)], axis=1)
    return mix_waveform(model, heard, ranges, methods=("value_zeroing",))["value_zeroing"]


def attribute(
    model: Predictor,
    waveform: npt.ArrayLike,
    segments: pd.DataFrame,
    *,
    sample_rate_hz: int,
    output: str | None = None,
    methods: Sequence[str] = ("integrated_gradients", "kernel_shap"),
    inputs: Sequence[str] = ("waveform",),
    max_steps: int = AttributionSettings.max_steps,
    seed: int = 0,
) -> pd.DataFrame:
    """Return how much each segment of a waveform contributes to a prediction.

    Parameters
    ----------
    model : a recogniser or classifier, see :func:`auscult.load_predictor`
    waveform : [shape=(n_samples,)]
    segments : with ``onset_s``, ``offset_s`` and ``label``, such as words
    sample_rate_hz : of the waveform
    output : the class or the transcript to explain; by default the model's own prediction
    methods, inputs : see :class:`~auscult.analyses.attribution.settings.AttributionSettings`
    max_steps : largest number of gradients in one path of integrated gradients
    seed : of coalitions and noise

    Returns
    -------
    one row per method, input and segment: ``method, input, label, onset, offset`` (samples), ``score``; and
        for integrated gradients ``gap``, the difference that the scores should add up to minus their sum: a large
        one needs more steps
    """
    import torch

    heard = _at_model_rate(model, waveform, sample_rate_hz)
    prepared = model.prepare(heard)
    if output is None:
        with torch.no_grad():
            logits = model.from_waveform(prepared[None])
        best = logits[0].argmax(-1)
        output = model.labels[int(best)] if model.task == "classes" else model.spell(best.tolist())
    explained = class_output(model, output) if model.task == "classes" else transcript_output(model, output)
    item = Item("waveform", prepared, explained, -1, output, np.nan, True)
    units = _in_samples(segments, model.sample_rate_hz)
    units = {"word": units.assign(index=np.arange(len(units)))}
    settings = AttributionSettings(methods=tuple(methods), inputs=tuple(inputs), units=("word",), max_steps=max_steps)
    scores, gaps = attribute_item(model, item, units, settings, seed=seed)
    return scores.drop(columns=["unit", "index"]).merge(gaps[["method", "input", "gap"]], how="left")


def fit_eraser(
    x: npt.ArrayLike, labels: Sequence[Any] | Array, *, method: Literal["leace", "inlp", "mean_projection"] = "leace"
) -> Eraser:
    """Fit an eraser of a concept; its method ``apply`` takes the concept out of vectors.

    After LEACE no linear classifier beats chance on the vectors it was fitted on (Belrose et al., 2023). Test others.

    Parameters
    ----------
    x : vectors [shape=(n, n_dims)]
    labels : of each vector [shape=(n,)]
    method : ``leace``, ``inlp`` (iterative nullspace projection) or ``mean_projection``

    Raises
    ------
    AnalysisError
        Lengths differ, or there are fewer than two labels.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> gender = np.repeat(["f", "m"], 50)
    >>> x = random.normal(size=(100, 4)) + 2 * (gender == "m")[:, None]
    >>> erased = fit_eraser(x, gender).apply(x)
    >>> bool(np.allclose(erased[gender == "f"].mean(axis=0), erased[gender == "m"].mean(axis=0)))
    True
    """
    _require_equal_lengths(x=x, labels=labels)
    names, codes = np.unique(np.asarray(labels).astype(str), return_inverse=True)
    moments = class_moments(np.asarray(x, dtype=float), codes, len(names))
    return fit_method(method, moments, names.tolist())


def _require_equal_lengths(**columns: Any) -> None:
    lengths = {name: len(column) for name, column in columns.items() if column is not None}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{length} {name}" for name, length in lengths.items())
        raise AnalysisError(f"expected one entry per item, found {found}; align them first")


def _activations(x: Layers, y: Array, groups: Sequence[Any] | Array) -> Activations:
    speaker = np.asarray(groups).astype(str)
    if isinstance(x, Activations):
        tiers = list(dict.fromkeys(x.index["tier"]))
        if len(tiers) > 1:
            raise AnalysisError(f"expected activations of one tier, found {', '.join(tiers)}; select its rows first")
        _require_equal_lengths(x=x.index, y=y, groups=groups)
        index = x.index.assign(label=y, speaker=speaker)
        return Activations.from_arrays({layer: x.load(layer) for layer in x.layers}, index)
    vectors = x if isinstance(x, Mapping) else {"input": x}
    _require_equal_lengths(x=next(iter(vectors.values()), ()), y=y, groups=groups)
    utterance = [f"item{place}" for place in range(len(y))]
    return Activations.from_arrays(vectors, y, speaker=speaker, utterance=utterance)


def _recordings(
    model: FrameModel, recordings: Sequence[npt.ArrayLike] | str | Path, sample_rate_hz: int | None
) -> tuple[list[str], list[Array]]:
    if isinstance(recordings, str | Path):
        folder = Path(recordings)
        paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _AUDIO)
        if not paths:
            raise AudioError(f"expected recordings in {folder}, found none; name a folder that holds some")
        names = [path.relative_to(folder).with_suffix("").as_posix() for path in paths]
        return names, [read_audio(path, sample_rate_hz=model.sample_rate_hz).waveform for path in paths]
    if sample_rate_hz is None:
        raise AudioError("expected sample_rate_hz beside waveforms, found none; an array does not state its rate")
    waveforms = [_at_model_rate(model, waveform, sample_rate_hz) for waveform in recordings]
    return [str(place) for place in range(len(waveforms))], waveforms


def _at_model_rate(model: Any, waveform: npt.ArrayLike, sample_rate_hz: int) -> Array:
    waveform = np.asarray(waveform, dtype=np.float32)
    if sample_rate_hz == model.sample_rate_hz:
        return waveform
    return resample_waveform(waveform, sample_rate_hz, model.sample_rate_hz)


def _whole(waveform: Array, name: str, sample_rate_hz: int) -> pd.DataFrame:
    return pd.DataFrame({"label": [name], "onset_s": [0.0], "offset_s": [len(waveform) / sample_rate_hz]})


def _in_samples(segments: pd.DataFrame, sample_rate_hz: int) -> pd.DataFrame:
    times = {name: np.rint(segments[f"{name}_s"] * sample_rate_hz).astype(np.int64) for name in ("onset", "offset")}
    return segments.drop(columns=["onset_s", "offset_s"]).assign(**times)


def _spans(model: FrameModel, waveform: Array, segments: pd.DataFrame) -> Array:
    """Return the first frame and the number of frames of each segment [shape=(n_segments, 2)]."""
    model.timing.require_frame(len(waveform), "a recording")
    times = _in_samples(segments, model.sample_rate_hz)
    n_frames = model.timing.n_frames(len(waveform))
    starts, stops, _ = model.timing.segment_frames(times["onset"].to_numpy(), times["offset"].to_numpy(), n_frames)
    return np.stack([starts, stops - starts], axis=1)


def _centred(x: npt.ArrayLike) -> Array:
    x = np.asarray(x, dtype=float)
    return x - x.mean(axis=0)
