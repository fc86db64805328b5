"""``auscult align``: the model is opened, recordings are aligned, and what was found is said in a few lines."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from auscult.alignment.comparison import WITHIN_MS, boundary_errors, summarise_errors
from auscult.alignment.folder import TEXTGRIDS, Aligner, Alignment, align_recordings, require_new, write_alignment
from auscult.alignment.settings import AlignmentSettings
from auscult.alignment.spelling import read_dictionary
from auscult.alignment.transcripts import TranscriptOptions, open_transcripts
from auscult.cli.new import look_at_model
from auscult.errors import ConfigError
from auscult.manifests import MANIFEST
from auscult.models.checkpoint_format import CONFIG
from auscult.models.checkpoints import import_checkpoint
from auscult.models.predictor import Predictor, load_predictor
from auscult.models.seals import checkpoint_digest
from auscult.models.windows import Windows

__all__ = ["ModelOptions", "align_folder"]

_SHOWN = 10
_LOW = 0.5


@dataclass(frozen=True)
class ModelOptions:
    """The recogniser: a folder, or ``owner/name@commit`` on the hub, and what is needed to open it.

    Parameters
    ----------
    model : folder or repository
    language : of a multilingual recogniser with an adapter per language; "" for others
    preprocessor : settings of the feature extractor that the model's files lack
    allow_pickle : whether weights of the hub that are no safetensors are converted
    endpoint : address of the hub; "" for the public one
    device : where the model runs; ``auto`` takes a GPU where there is one
    """

    model: str
    language: str = ""
    preprocessor: Mapping[str, Any] = field(default_factory=dict)
    allow_pickle: bool = False
    endpoint: str = ""
    device: str = "auto"


def align_folder(
    folder: Path,
    out: Path,
    model: ModelOptions,
    transcripts: TranscriptOptions,
    settings: AlignmentSettings,
    *,
    dictionary: Path | None = None,
    compare: bool = False,
    force: bool = False,
) -> tuple[list[str], bool]:
    """Align a folder and write the result; return lines that say what was found, and whether all were aligned.

    Parameters
    ----------
    folder, out : folder of recordings, and folder to write
    model, transcripts, settings : the recogniser, where the texts are, how they are aligned
    dictionary : file of the phones of words; None for a model of characters, or texts in phones
    compare : whether boundaries are compared with those that the reader, or the corpus of a study, knows
    force : whether an older alignment is replaced

    Raises
    ------
    AuscultError
        An option is wrong, the model or the folder cannot be read, or no recording could be aligned.
    """
    require_new(out, force)
    Windows(settings.window_s, settings.overlap_s)  # refuses mistakes before the model is opened
    phones = read_dictionary(dictionary, transcripts.encoding) if dictionary else None
    with open_transcripts(folder, transcripts) as found, _opened(model) as (predictor, name, digest):
        if compare and found.labels is None:
            raise ConfigError(
                "expected known labels to compare with, found texts only; name a reader, or the corpus of a study"
            )
        aligner = Aligner(predictor, settings, phones)
        alignment = align_recordings(found.recordings, aligner)
        compared = boundary_errors(alignment, found.labels) if compare and found.labels is not None else None
    recipe = {"model": name, "source": folder.resolve().name, "dictionary": dictionary and dictionary.name}
    tables = {"comparison": compared[0]} if compared else {}
    write_alignment(out, alignment, recipe | asdict(settings), {"checkpoint": digest}, replace=force, tables=tables)
    lines = [*_summary(alignment, aligner.speller.tier, out), *_faults(alignment)]
    return lines + (_comparison(*compared) if compared else []), not alignment.faults


@contextmanager
def _opened(options: ModelOptions) -> Iterator[tuple[Predictor, str, str]]:
    """Yield a recogniser, its name and the digest of its checkpoint."""
    with TemporaryDirectory(prefix="auscult-") as scratch:
        folder, name = Path(options.model).expanduser(), options.model
        if not folder.is_dir():
            folder, name = _fetched(options)
        elif options.language:
            _require_checkpoint(folder)
            import_checkpoint(Path(scratch, "model"), source=folder, language=options.language)
            folder = Path(scratch, "model")
        _require_checkpoint(folder)
        stated = dict(options.preprocessor) or None
        predictor = load_predictor(folder, device=options.device, preprocessor=stated)
        yield predictor, name, checkpoint_digest(folder)


def _require_checkpoint(folder: Path) -> None:
    if (folder / CONFIG).is_file():
        return
    steps = sorted(path.parent.name for path in folder.glob(f"*/{CONFIG}"))
    held = f"checkpoints {', '.join(steps)} in it; name one of them" if steps else "none; name a model folder"
    raise ConfigError(f"expected {CONFIG} in {folder}, as a checkpoint has it, found {held}")


def _fetched(options: ModelOptions) -> tuple[Path, str]:
    """Return the folder of a model of the hub, downloaded if it is not there yet, and its name with the commit."""
    from huggingface_hub import constants

    from auscult.models.hub.fetching import fetch_checkpoint

    found = look_at_model(options.model, options.endpoint)
    place = f"{found.revision}-{options.language}" if options.language else found.revision
    folder = Path(constants.HF_HOME, "auscult", *found.repository.split("/"), place)
    if not (folder / MANIFEST).is_file():
        fetch_checkpoint(
            folder,
            repository=found.repository,
            revision=found.revision,
            endpoint=options.endpoint or None,
            allow_pickle=options.allow_pickle,
            language=options.language or None,
        )
    return folder, f"{found.repository}@{found.revision}"


def _summary(alignment: Alignment, tier: str, out: Path) -> list[str]:
    segments = alignment.segments()
    words = segments[segments["tier"] == "words"]
    total = len(alignment.aligned) + len(alignment.faults)
    minutes = sum(one.n_samples / one.sample_rate_hz for one in alignment.aligned) / 60
    lines = [
        f"aligned {len(alignment.aligned)} of {total} recordings, {minutes:.1f} min: {len(words)} words, "
        f"{(segments['tier'] == tier).sum()} {tier}",
        f"confidence of words: median {words['confidence'].median():.2f}, below {_LOW:g} in "
        f"{(words['confidence'] < _LOW).sum()} ({(words['confidence'] < _LOW).mean():.1%})",
    ]
    if alignment.left_out:
        lines.append(f"left out of the texts: {_counted(alignment.left_out)}")
    if alignment.words_like_pauses:
        lines.append(
            f"words that readers take for pauses unless phones are read: {_counted(alignment.words_like_pauses)}"
        )
    return [*lines, f"written to {out}: {TEXTGRIDS}/, segments.csv, recordings.csv"]


def _faults(alignment: Alignment) -> list[str]:
    if not alignment.faults:
        return []
    lines = [f"not aligned: {len(alignment.faults)}"]
    lines += [f"  {recording.place}: {why}" for recording, why in alignment.faults[:_SHOWN]]
    n_more = len(alignment.faults) - _SHOWN
    return [*lines, *([f"  … and {n_more} more, all in recordings.csv"] if n_more > 0 else [])]


def _comparison(errors: pd.DataFrame, n_others: int) -> list[str]:
    limit = WITHIN_MS[0]
    lines = ["compared with the known labels (95 % intervals from resampling speakers):"]
    for row in summarise_errors(errors).to_dict("records"):
        median = f"{row['median_ms']:.0f} ms{_interval(row['median_low'], row['median_high'], '.0f')}"
        low, high = row[f"within_{limit}_low"], row[f"within_{limit}_high"]
        share = f"{row[f'within_{limit}_ms']:.2f}{_interval(low, high, '.2f')}"
        lines.append(
            f"  {row['tier']}, {row['edge']}, {row['aligner']}: median error {median}, within {limit} ms {share}, "
            f"bias {row['bias_ms']:+.0f} ms; {row['n']} in {row['n_recordings']} recordings of "
            f"{row['n_speakers'] or 'unnamed'} speakers"
        )
    return lines + ([f"  {n_others} recordings with other labels are not compared"] if n_others else [])


def _interval(low: float, high: float, form: str) -> str:
    return "" if low != low else f" [{low:{form}}, {high:{form}}]"


def _counted(counts: Mapping[str, int]) -> str:
    shown = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    return ", ".join(f"{n} {what!r}" for what, n in shown[:_SHOWN]) + more
