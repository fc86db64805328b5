"""Alignment of a folder of recordings: a TextGrid for each, tables of confidence, and what was not aligned and why."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from torch import Tensor
from tqdm import tqdm

from auscult.alignment.boundaries import FrameTimes, segment_table
from auscult.alignment.ctc import align_tokens, require_frames
from auscult.alignment.emissions import log_posteriors
from auscult.alignment.settings import AlignmentSettings
from auscult.alignment.spelling import Speller, SpeltText
from auscult.alignment.textgrids import write_textgrid
from auscult.alignment.transcripts import Transcribed
from auscult.corpora.audio import read_audio
from auscult.corpora.pauses import is_pause
from auscult.errors import AudioError, ConfigError, CorpusError, LabelError, ManifestError
from auscult.manifests import build_folder, read_manifest
from auscult.models.predictor import Predictor
from auscult.models.vocabulary import Vocabulary
from auscult.models.windows import Windows
from auscult.tables import write_table

__all__ = ["TEXTGRIDS", "Aligner", "Alignment", "Aligned", "align_recordings", "require_new", "write_alignment"]

TEXTGRIDS = "textgrids"
_KIND = "alignment"
_MAX_NAMED = 10
_COLUMNS = ("recording", "tier", "index", "label", "parent", "onset_s", "offset_s", "confidence", "n_frames")


@dataclass(frozen=True)
class Aligner:
    """What recordings are aligned with.

    Parameters
    ----------
    predictor : recogniser with a CTC head
    settings : how recordings are aligned
    dictionary : phones of words, see :class:`auscult.alignment.spelling.Speller`

    Raises
    ------
    ConfigError
        The model is a classifier.
    """

    predictor: Predictor
    settings: AlignmentSettings = field(default_factory=AlignmentSettings)
    dictionary: Mapping[str, Sequence[str]] | None = None

    def __post_init__(self) -> None:
        """Refuse a classifier."""
        if self.predictor.vocabulary is None:
            raise ConfigError("expected a model with a CTC head to align with, found a classifier; choose a recogniser")

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The tokens of the CTC head."""
        assert self.predictor.vocabulary is not None
        return self.predictor.vocabulary

    @cached_property
    def speller(self) -> Speller:
        """What spells texts in these tokens."""
        return Speller(self.vocabulary, self.dictionary, self.settings.unknown)

    @cached_property
    def windows(self) -> Windows:
        """How long recordings are cut."""
        return Windows(self.settings.window_s, self.settings.overlap_s)


@dataclass(frozen=True)
class Aligned:
    """The alignment of one recording.

    Parameters
    ----------
    recording : the recording and its transcript
    segments : see :func:`auscult.alignment.boundaries.segment_table`
    n_samples, sample_rate_hz : of the recording
    left_out : number of characters of the transcript that were left out, by character
    """

    recording: Transcribed
    segments: pd.DataFrame
    n_samples: int
    sample_rate_hz: int
    left_out: Mapping[str, int]


@dataclass(frozen=True)
class Alignment:
    """The alignments of many recordings, and the reasons for those that have none.

    Parameters
    ----------
    aligned : recordings with their segments
    faults : recordings that were not aligned, each with the reason
    """

    aligned: tuple[Aligned, ...]
    faults: tuple[tuple[Transcribed, str], ...]

    @property
    def left_out(self) -> Counter[str]:
        """Number of characters left out of all transcripts, by character."""
        return sum((Counter(one.left_out) for one in self.aligned), Counter())

    @property
    def words_like_pauses(self) -> Counter[str]:
        """Words that readers of label files take for pauses, unless phones are aligned within them."""
        labels = [label for one in self.aligned for label in one.segments.loc[one.segments["tier"] == "words", "label"]]
        return Counter(label for label in labels if is_pause(label))

    def segments(self) -> pd.DataFrame:
        """Return all segments in one table, times in seconds."""
        tables = [
            one.segments.assign(
                recording=one.recording.place,
                onset_s=one.segments["onset"] / one.sample_rate_hz,
                offset_s=one.segments["offset"] / one.sample_rate_hz,
            )[list(_COLUMNS)]
            for one in self.aligned
        ]
        return pd.concat(tables, ignore_index=True)

    def recordings(self) -> pd.DataFrame:
        """Return a row per recording: what was aligned, the mean confidence of its words, or why it was not aligned."""
        rows = [_row(one) for one in self.aligned]
        rows += [
            {"recording": recording.place, "path": recording.shown, "text": recording.text or "", "reason": reason}
            for recording, reason in self.faults
        ]
        table = pd.DataFrame(rows, columns=[*_row_names(), "reason"])
        return table.fillna({"reason": "", "left_out": ""}).sort_values("recording", ignore_index=True)


def _row_names() -> tuple[str, ...]:
    return ("recording", "path", "text", "duration_s", "n_words", "confidence", "left_out")


def _row(one: Aligned) -> dict[str, Any]:
    words = one.segments[one.segments["tier"] == "words"]
    marks = " ".join(f"{what}×{n}" for what, n in sorted(one.left_out.items()))
    recording = one.recording
    values = (recording.place, recording.shown, recording.text, one.n_samples / one.sample_rate_hz, len(words))
    return dict(zip(_row_names(), (*values, words["confidence"].mean(), marks)))


def align_recordings(recordings: Sequence[Transcribed], aligner: Aligner) -> Alignment:
    """Align recordings with their transcripts, one at a time; those that cannot be aligned are kept with the reason.

    Raises
    ------
    CorpusError
        Two recordings would have the same name, or none could be aligned; all reasons are named, at most ten.
    CheckpointError
        The head has another number of frames than the encoder.
    """
    _require_names(recordings)
    aligned: list[Aligned] = []
    faults: list[tuple[Transcribed, str]] = []
    for recording in tqdm(recordings, unit="recording", disable=None):
        try:
            aligned.append(_align(recording, aligner))
        except (AudioError, CorpusError, LabelError) as error:
            faults.append((recording, str(error)))
    if not aligned:
        raise CorpusError(_none_aligned(faults))
    return Alignment(tuple(aligned), tuple(faults))


def _align(recording: Transcribed, aligner: Aligner) -> Aligned:
    if recording.text is None:
        raise CorpusError(recording.fault)
    spelt = aligner.speller.spell(recording.text)
    predictor = aligner.predictor
    heard = read_audio(recording.path, sample_rate_hz=predictor.sample_rate_hz, name=recording.shown)
    times = FrameTimes(
        predictor.timing, predictor.sample_rate_hz, heard.n_original_samples, heard.original_sample_rate_hz
    )
    # Before the model runs, which takes longest.
    require_frames(spelt.tokens, int(predictor.timing.n_frames(len(heard.waveform))))
    log_probs = log_posteriors(predictor, heard.waveform, aligner.windows)
    segments = _segments(spelt, log_probs, aligner, times)
    return Aligned(recording, segments, times.n_samples, times.rate_hz, spelt.left_out)


def _segments(spelt: SpeltText, log_probs: Tensor, aligner: Aligner, times: FrameTimes) -> pd.DataFrame:
    spans = align_tokens(log_probs, spelt.tokens, aligner.vocabulary.blank)
    labels = [aligner.vocabulary.labels[token] for token in spelt.tokens]
    pause_s = aligner.settings.pause_s
    return segment_table(spelt.words, labels, spelt.word_of, spans, times, aligner.speller.tier, pause_s)


def _require_names(recordings: Sequence[Transcribed]) -> None:
    counts = Counter(recording.place for recording in recordings)
    repeated = [place for place, n in counts.items() if n > 1]
    if repeated:
        more = f" and {len(repeated) - _MAX_NAMED} more" if len(repeated) > _MAX_NAMED else ""
        raise CorpusError(
            f"expected recordings whose names differ in more than their endings, found {len(repeated)} repeated: "
            f"{', '.join(repeated[:_MAX_NAMED])}{more}; keep one of each"
        )


def _none_aligned(faults: Sequence[tuple[Transcribed, str]]) -> str:
    named = "; ".join(f"({place}) {recording.place}: {why}" for place, (recording, why) in enumerate(faults[:10], 1))
    more = f"; and {len(faults) - _MAX_NAMED} more" if len(faults) > _MAX_NAMED else ""
    return f"expected recordings that can be aligned with their transcripts, found none of {len(faults)}: {named}{more}"


def write_alignment(
    folder: str | Path,
    alignment: Alignment,
    recipe: Mapping[str, Any],
    parents: Mapping[str, str] | None = None,
    *,
    replace: bool = False,
    tables: Mapping[str, pd.DataFrame] | None = None,
) -> None:
    """Write an alignment as a sealed folder, completely or not at all.

    ``textgrids/`` holds a TextGrid for each recording, under the recording's path; ``segments.csv`` every segment with
    its confidence; ``recordings.csv`` a row per recording, and the reason for each that was not aligned.

    Parameters
    ----------
    folder : folder to write
    alignment : what is written
    recipe, parents : entries of its manifest
    replace : whether an older alignment there is replaced
    tables : further tables, by the name of their file

    Raises
    ------
    ConfigError
        The folder exists and is no alignment, or is not to be replaced.
    """
    folder = Path(folder)
    require_new(folder, replace)
    tier = alignment.aligned[0].segments["tier"].iloc[-1]
    with build_folder(folder, {"kind": _KIND, **recipe}, parents) as partial:
        for one in alignment.aligned:
            tiers = {
                name: list(rows[["onset", "offset", "label"]].itertuples(index=False, name=None))
                for name, rows in one.segments.groupby("tier", sort=False)
            }
            path = partial / TEXTGRIDS / f"{one.recording.place}.TextGrid"
            write_textgrid(path, {name: tiers[name] for name in ("words", tier)}, one.n_samples, one.sample_rate_hz)
        for name, table in {
            "segments": alignment.segments(),
            "recordings": alignment.recordings(),
            **(tables or {}),
        }.items():
            write_table(table, partial / f"{name}.csv")


def require_new(folder: Path, replace: bool) -> None:
    """Refuse a folder that exists, unless it is an alignment that is to be replaced.

    Raises
    ------
    ConfigError
        See above.
    """
    if not folder.exists():
        return
    try:
        older = read_manifest(folder).recipe.get("kind") == _KIND
    except ManifestError:
        older = False
    if not older:
        raise ConfigError(f"expected a new folder, found {folder}, which is no alignment; choose another name")
    if not replace:
        raise ConfigError(f"expected a new folder, found an alignment in {folder}; choose another name, or add --force")
