"""Arrays made elsewhere become activations of a corpus, as if they had been extracted here."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from auscult.activations.array_model import arrays_digest, open_arrays
from auscult.activations.array_settings import ArraySettings
from auscult.activations.array_vectors import import_vectors
from auscult.activations.extraction import Extraction, extract_sweep
from auscult.manifests import Manifest, digest

if TYPE_CHECKING:
    from auscult.corpora.corpus import Corpus

__all__ = ["import_arrays"]


def import_arrays(
    folder: str | Path,
    settings: ArraySettings,
    *,
    corpus: "Corpus",
    tiers: Sequence[str],
    splits: Sequence[str],
    recipe: Mapping[str, Any] | None = None,
    batch_s: float = 60.0,
    shard_rows: int = 20000,
) -> Manifest:
    """Store arrays of frames, averaged over segments, or vectors of segments as activations of a corpus.

    Parameters
    ----------
    folder : folder of activations to write
    settings : where the arrays lie and how they are to be read
    corpus : corpus of the arrays; utterances are matched by name
    tiers, splits : tiers to average over, and splits of the corpus whose utterances need arrays
    recipe : further entries of the manifest
    batch_s : seconds of frames in memory at once
    shard_rows : maximum number of vectors per shard

    Raises
    ------
    AnalysisError
        See :func:`~auscult.activations.array_model.open_arrays` and
        :func:`~auscult.activations.array_vectors.import_vectors`.
    """
    parents = {"corpus": corpus.manifest.sha256, "arrays": arrays_digest(settings.path)}
    shared: dict[str, Any] = {"corpus": corpus, "tiers": tiers, "splits": splits, "shard_rows": shard_rows}
    if settings.segments is not None:
        if Path(settings.segments).is_file():
            parents["segments"] = digest(Path(settings.segments))
        return import_vectors(folder, settings=settings, recipe=recipe or {}, parents=parents, **shared)
    model = open_arrays(settings, corpus, splits)
    # Extraction reads the layers, times and frames of a model; arrays have these, but hear no waveforms.
    extraction = Extraction(Path(folder), lambda: cast(Any, model), recipe or {}, parents)
    return extract_sweep([extraction], batch_s=batch_s, **shared)[0]
