"""Memory and time that a step asks of a cluster, scaled with its size, from earlier builds of known sizes."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from auscult.cli.cost import reference
from auscult.cli.work import Sizes
from auscult.cli.workflow import Job

__all__ = ["ResourceRequests"]

# Of an extraction: libraries, corpus tables and the frames of a batch.
_EXTRACTION_MB = 1300
# Of training: MB per unit of batch size × seconds (or sentences) × (layers × dimensions + front end), by kind.
_TRAINING = {
    "train_model": (800, 0.15),
    "finetune_model": (1000, 0.058),
    "train_translators": (850, 0.09),
    "train_language_model": (1150, 0.021),
}
_FRONT_END = 512
_SENTENCE_S = 2.6
# Vectors of a shard, seconds of a batch, and frames of the first layer of a front end per second (16 kHz / 5).
_SHARD_ROWS, _FIRST_FRAMES_PER_S = 20000, 3200
_FLOAT_BYTES = 4
# Parameters of a transformer layer per squared dimension.
_LAYER_PARAMETERS = 12
# Analyses that load a model, whose weights are held twice while it is read.
_LOADING = ("mixing_run", "spelling_run", "scrubbing_run", "translation_run", "syntax_run")
# Analyses: MB that they need beside the vectors of a layer, and how many times they hold these.
_ANALYSES = {
    "probing_run": (1200, 4),
    "encoding_sweep": (1200, 4),
    "tone_run": (1200, 4),
    "tone_baselines": (1200, 4),
    "abx_run": (1500, 3),
    "reduction_run": (1500, 4),
    "similarity_run": (1500, 4),
    "disentangling_run": (1300, 4),
    "disentangling_latents": (1900, 4),
    "scrubbing_run": (1800, 4),
    "mixing_run": (1500, 1),
    "spelling_run": (1500, 1),
    "syntax_run": (1500, 0),
    "translation_run": (1700, 1),
    "translation_baseline": (1500, 1),
}
# Layers and dimensions of log-mel, and what checkpoints of a sweep share at most.
_BASELINES, _SHARED_MB = (1, 40), 1074.0
_MB = 1e6
# A node may be slower than the reference machine, and jobs share its memory's bandwidth.
_SLOWER = 2.0
_LEAST_MINUTES = 10
# A corpus that is not downloaded has no known size.
_UNKNOWN_HOURS = 10.0


class ResourceRequests:
    """Memory and time of the steps of a study, as functions that Snakemake calls when it submits a job.

    A job that is submitted again, because it failed or exceeded them, asks for twice as much.

    Parameters
    ----------
    sizes : sizes of the study
    """

    def __init__(self, sizes: Sizes) -> None:
        self._sizes = sizes

    def memory(self, kind: str, extra_mb: float = 0, **names: str) -> Callable[..., int]:
        """Return a function that gives the memory of a job in MB.

        Parameters
        ----------
        kind : kind of rule, as in :func:`auscult.cli.work.kind_of`
        extra_mb : added, such as a setting of the analysis
        names : ``corpus`` and ``model`` of a rule that has no such wildcards
        """

        def ask(wildcards: Mapping[str, Any], attempt: int = 1) -> int:
            given = {**dict(wildcards.items()), **names}
            return attempt * math.ceil((self._memory_mb(kind, given) + extra_mb) / 100) * 100

        return ask

    def minutes(self, kind: str, n_outputs: int = 1, **names: str) -> Callable[..., int]:
        """Return a function that gives the time limit of a job in minutes: twice the expected time, at least 10.

        Parameters
        ----------
        kind, names : as in :meth:`memory`
        n_outputs : number of checkpoints of an extraction
        """

        def ask(wildcards: Mapping[str, Any], attempt: int = 1) -> int:
            given = {**dict(wildcards.items()), **names}
            return attempt * (_LEAST_MINUTES + math.ceil(_SLOWER * self._seconds(kind, given, n_outputs) / 60))

        return ask

    def _seconds(self, kind: str, given: Mapping[str, str], n_outputs: int) -> float:
        corpus, model = given.get("corpus", ""), given.get("model", "")
        place = f"results/activations/{corpus}/{model}"
        job = Job(kind, outputs=tuple(f"{place}/{number}" for number in range(n_outputs)), wildcards=dict(given))
        known = reference()[0][kind]
        work = self._sizes.work(job)
        if math.isnan(work):
            work = self._sizes.with_hours(corpus, _UNKNOWN_HOURS).work(job)
        return known.start_s + known.unit_s * work

    def _memory_mb(self, kind: str, given: Mapping[str, str]) -> float:
        corpus, model = given.get("corpus", ""), given.get("model") or given.get("translator", "")
        baselines = kind == "extract_activations" and not model
        layers, dims = _BASELINES if baselines else self._sizes.model(model)
        if kind in _TRAINING:
            entry = self._sizes.place.config["models"][model]
            base_mb, unit_mb = _TRAINING[kind]
            length_s = 1.0 if kind == "train_language_model" else entry.get("crop_s") or _SENTENCE_S
            return base_mb + unit_mb * entry["batch_size"] * length_s * (layers * dims + _FRONT_END)
        hours, segments = self._speech(corpus)
        weights_mb = 2 * layers * _LAYER_PARAMETERS * dims**2 * _FLOAT_BYTES / _MB
        if kind == "extract_activations":
            # A shard, once as vectors and once as the file that is written; recordings kept for the next checkpoint.
            shard = 2 * min(segments, _SHARD_ROWS) * (layers + 2) * dims
            batch_s = self._sizes.place.config["activations"]["batch_s"]
            front_end = 2 * batch_s * _FIRST_FRAMES_PER_S * min(dims, _FRONT_END)
            recordings_mb = min(_SHARED_MB, 3600 * hours * 16000 * _FLOAT_BYTES / _MB)
            return _EXTRACTION_MB + weights_mb + recordings_mb + _FLOAT_BYTES * (shard + front_end) / _MB
        base_mb, n_held = _ANALYSES[kind]
        held_mb = n_held * _FLOAT_BYTES * segments * dims / _MB
        return base_mb + held_mb + (weights_mb if kind in _LOADING else 0.0)

    def _speech(self, corpus: str) -> tuple[float, float]:
        """Return the hours and segments of a corpus that models are run on, guessed for one that is not downloaded."""
        if not corpus:
            return 0.0, 0.0
        known = not math.isnan(self._sizes.analysed_hours(corpus))
        sizes = self._sizes if known else self._sizes.with_hours(corpus, _UNKNOWN_HOURS)
        return sizes.analysed_hours(corpus), sizes.segments(corpus)
