"""Extraction: run models over a corpus once and store the mean vector of every segment at every layer.

The checkpoints of a model are run in one sweep. They share everything that does not depend on their weights (imports,
tables, decoded recordings, the frames of each segment) and, where their front ends are equal, the front end's output.
A sweep can be divided among several jobs, each of which makes a part of the shards; the bytes are the same.
"""

import logging
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from tqdm import tqdm

from auscult.activations.batches import batches_of_like_length
from auscult.activations.running import Models, SharedData, write_shard
from auscult.activations.segment_index import segment_index, select_utterances
from auscult.activations.store import INDEX, shard_name
from auscult.errors import ManifestError
from auscult.manifests import Manifest, build_folder, check_folder, digest_json, write_file
from auscult.tables import write_table

if TYPE_CHECKING:
    from auscult.corpora.corpus import Corpus
    from auscult.models.interface import FrameModel

__all__ = ["Extraction", "extract_sweep", "extract_part", "extract_activations"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Extraction:
    """One folder of activations to be made.

    Parameters
    ----------
    folder : path of the folder
    open : function that returns the model
    recipe, parents : entries of the folder's manifest; the settings of the extraction are added to the recipe
    """

    folder: Path
    open: "Callable[[], FrameModel]"
    recipe: Mapping[str, Any]
    parents: Mapping[str, str]


def extract_activations(
    folder: str | Path, *, model: "FrameModel", recipe: Mapping[str, Any], parents: Mapping[str, str], **settings: Any
) -> Manifest:
    """Run one model over a corpus; ``settings`` and errors are listed under :func:`extract_sweep`."""
    return extract_sweep([Extraction(Path(folder), lambda: model, recipe, parents)], **settings)[0]


def extract_sweep(
    extractions: Sequence[Extraction],
    *,
    corpus: "Corpus",
    tiers: Sequence[str],
    splits: Sequence[str],
    batch_s: float = 60.0,
    shard_rows: int = 20000,
    max_utterances: int | None = None,
    max_bytes: int = 2**30,
    parts: Sequence[str | Path] = (),
) -> list[Manifest]:
    """Run checkpoints over a corpus and store, for every layer, the mean of the frames in every segment.

    :mod:`auscult.models.frames` defines which frames belong to a segment. Means are computed in float32, on the
    model's device. Shards are blocks of whole utterances in the order of the corpus; each is made for one checkpoint
    after the other, and the folders are sealed when all their shards are complete. An interrupted run keeps its
    finished shards: the same call continues with the next checkpoint and gives the same bytes. Extracting each
    checkpoint on its own also gives the same bytes. Memory holds one shard of one checkpoint (``shard_rows`` vectors of
    every layer), the frames of one batch, and at most ``max_bytes`` of data shared by checkpoints.

    Parameters
    ----------
    extractions : one per checkpoint; all of the same architecture
    corpus : recordings at the models' sample rate, with their segments
    tiers : tiers to pool over: ``phone``, ``syllable``, ``word``, ``utterance`` (the whole recording), or rimes
        (:mod:`auscult.activations.rimes`)
    splits : splits of the corpus to run
    batch_s : seconds of audio per batch, padding included; changes results by rounding only
    shard_rows : maximum number of vectors per shard, unless a single utterance has more
    max_utterances : number of utterances to run, spread evenly over the corpus; None for all
    max_bytes : memory for recordings and front-end frames of a shard that are kept for the next checkpoint. Data beyond
        it are computed again. For a single checkpoint nothing is kept
    parts : folders made by :func:`extract_part` with the same arguments, whose shards are taken over

    Raises
    ------
    AudioError
        Sample rates differ, an utterance is shorter than the receptive field, or frames are not finite numbers.
    CheckpointError
        A checkpoint differs from the first in its layers, sample rate or frame timing.
    CorpusError, LabelError
        The corpus has no utterance in the splits, no segment of a tier, or a syllable without a rime.
    ManifestError
        A part is damaged, or was made from other data or with other settings.
    """
    sweep = _Sweep(extractions, corpus, tiers, splits, batch_s, shard_rows, max_utterances, max_bytes)
    _report_nearest(sweep.index)
    with ExitStack() as sealed:
        partials = [sealed.enter_context(build_folder(*identity, True)) for identity in sweep.identities]
        sweep.fill(sweep.cells, lambda shard, place: partials[place] / shard_name(shard), sweep.made_in(parts))
        for folder in partials:
            write_table(sweep.index.drop(columns="start"), folder / INDEX)
    return [check_folder(one.folder) for one in extractions]


def extract_part(
    folder: str | Path, extractions: Sequence[Extraction], *, part: int, n_parts: int, **settings: Any
) -> Manifest:
    """Make the shards of one of several jobs among which a sweep is divided, for :func:`extract_sweep`.

    The shards of all checkpoints, in the order in which a sweep makes them, are cut into ``n_parts`` runs of nearly
    equal number, so that many checkpoints are divided as well as many hours of speech.

    Parameters
    ----------
    folder : path of the sealed folder of the part: ``{place of the extraction}-shard-….safetensors``
    extractions, settings : as in :func:`extract_sweep`; ``shard_rows`` and others must be the same there
    part, n_parts : which part, from 1, and of how many; parts beyond the number of shards are empty
    """
    sweep = _Sweep(extractions, **settings)
    cells = sweep.cells
    cells = cells[(part - 1) * len(cells) // n_parts : part * len(cells) // n_parts]
    with build_folder(folder, {"part": part, "of": n_parts, "extractions": sweep.digests}, resume=True) as made:
        sweep.fill(cells, lambda shard, place: made / f"{place:04d}-{shard_name(shard)}", {})
    return check_folder(folder)


@dataclass(frozen=True)
class _Sweep:
    """A sweep before anything is run: its segments, and its shards with what writes them."""

    extractions: Sequence[Extraction]
    corpus: "Corpus"
    tiers: Sequence[str]
    splits: Sequence[str]
    batch_s: float = 60.0
    shard_rows: int = 20000
    max_utterances: int | None = None
    max_bytes: int = 2**30

    @cached_property
    def models(self) -> Models:
        return Models(self.extractions, self.max_bytes)

    @cached_property
    def index(self) -> pd.DataFrame:
        utterances = select_utterances(self.corpus, self.splits, self.max_utterances, self.models[0])
        return segment_index(self.corpus, utterances, self.tiers, self.models[0], self.shard_rows)

    @property
    def cells(self) -> list[tuple[int, int]]:
        """Shards and places of the extractions, in the order in which they are made."""
        shards = self.index["shard"].unique()
        return [(int(shard), place) for shard in shards for place in range(len(self.extractions))]

    @property
    def identities(self) -> list[tuple[Path, dict[str, Any], Mapping[str, str]]]:
        """Folder, recipe and parents of each extraction."""
        settings = {"tiers": list(self.tiers), "splits": list(self.splits), "batch_s": self.batch_s}
        settings |= {"shard_rows": self.shard_rows, "max_utterances": self.max_utterances}
        return [(one.folder, {**one.recipe, "extraction": settings}, one.parents) for one in self.extractions]

    @property
    def digests(self) -> list[str]:
        return [digest_json(identity[1:]) for identity in self.identities]

    def made_in(self, parts: Sequence[str | Path]) -> dict[tuple[int, int], Path]:
        """Return the shards of parts, by number of the shard and place of the extraction."""
        found = {}
        for folder in map(Path, parts):
            manifest = check_folder(folder)
            if manifest.recipe.get("extractions") != self.digests:
                raise ManifestError(
                    f"expected in {folder} a part of this extraction, found one of other data or settings; delete the "
                    "folder and run the same command again"
                )
            for name in manifest.files:
                place, _, shard = name.partition("-")
                found[int(shard.removeprefix("shard-").split(".")[0]), int(place)] = folder / name
        return found

    def fill(
        self,
        cells: Sequence[tuple[int, int]],
        path_of: Callable[[int, int], Path],
        made: Mapping[tuple[int, int], Path],
    ) -> None:
        """Write the shards that are not there yet: those of ``made`` are taken over, for others the model is run."""
        blocks = dict(list(self.index.groupby("shard", sort=False)))
        total = sum(blocks[shard]["utterance"].nunique() for shard, _ in cells)
        with tqdm(total=total, unit="utterance", disable=None) as progress:
            for shard, of_shard in groupby(cells, key=itemgetter(0)):
                rows = blocks[shard]
                lengths = rows.drop_duplicates("utterance").set_index("utterance")["n_samples"]
                n_samples = int(self.batch_s * self.models[0].sample_rate_hz)
                batches = list(batches_of_like_length(lengths, n_samples))
                shared = SharedData(self.corpus, self.max_bytes if len(self.extractions) > 1 else 0)
                for _, place in of_shard:
                    path = path_of(shard, place)
                    if (shard, place) in made:
                        _take(made[shard, place], path)
                    elif not path.is_file():
                        write_shard(path, self.models[place], shared, rows, batches)
                    progress.update(len(lengths))


def _take(made: Path, path: Path) -> None:
    """Take over a finished shard: by a second name for the file where that is possible, otherwise as a copy."""
    with write_file(path) as partial_path:
        try:
            os.link(made, partial_path)
        except OSError:
            shutil.copyfile(made, partial_path)


def _report_nearest(index: pd.DataFrame) -> None:
    for tier, rows in index[index["offset"] > index["onset"]].groupby("tier", sort=False):
        _log.info(
            "%s: %d segments, %d without a frame centre inside take the nearest frame (%.2f %%)",
            tier,
            len(rows),
            rows["nearest"].sum(),
            100 * rows["nearest"].mean(),
        )
