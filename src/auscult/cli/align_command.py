"""The options of ``auscult align``; its work is done by :mod:`auscult.cli.align`, imported when the command runs."""

from pathlib import Path
from typing import Annotated

import typer

from auscult.alignment.settings import AlignmentSettings

__all__ = ["align"]


def align(
    folder: Annotated[Path, typer.Argument(help="Folder of recordings, or a corpus that a study has written.")],
    model: Annotated[str, typer.Option("--model", "-m", help="Model folder, or owner/name@commit on the hub.")],
    out: Annotated[Path, typer.Option("--out", help="Folder to write.")],
    transcripts: Annotated[str, typer.Option("--transcripts", help="Ending of texts beside the recordings.")] = ".txt",
    table: Annotated[str, typer.Option("--table", "-t", help="Table of recordings and texts, below FOLDER.")] = "",
    column: Annotated[
        list[str] | None,
        typer.Option("--column", help="text=NAME or recording=NAME, columns of the table; repeatable."),
    ] = None,
    reader: Annotated[str, typer.Option("--reader", "-r", help="Reader of corpora that gives the texts.")] = "",
    option: Annotated[
        list[str] | None, typer.Option("--option", "-o", help="Option of the reader as KEY=VALUE; repeatable.")
    ] = None,
    split: Annotated[list[str] | None, typer.Option("--split", help="Split to align; repeatable.")] = None,
    dictionary: Annotated[
        Path | None, typer.Option("--dictionary", help="Words and their phones, for a model of phones.")
    ] = None,
    unknown: Annotated[
        str, typer.Option("--unknown", help="Letters without a token: refuse the recording, or leave-out.")
    ] = AlignmentSettings.unknown,
    window_s: Annotated[
        float, typer.Option("--window-s", help="Longer recordings are run in windows.")
    ] = AlignmentSettings.window_s,
    overlap_s: Annotated[
        float, typer.Option("--overlap-s", help="Seconds that two windows share.")
    ] = AlignmentSettings.overlap_s,
    pause_s: Annotated[
        float, typer.Option("--pause-s", help="Longest stretch without a token that is divided between two words.")
    ] = AlignmentSettings.pause_s,
    compare: Annotated[bool, typer.Option("--compare", help="Compare with the labels that the reader knows.")] = False,
    language: Annotated[str, typer.Option("--language", help="Language of a multilingual recogniser.")] = "",
    preprocessor: Annotated[
        list[str] | None,
        typer.Option("--preprocessor", help="Setting of the feature extractor as KEY=VALUE; repeatable."),
    ] = None,
    encoding: Annotated[str, typer.Option("--encoding", help="Encoding of the texts, such as latin-1.")] = "",
    device: Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")] = "auto",
    endpoint: Annotated[str, typer.Option("--endpoint", help="Address of the hub or of a mirror.")] = "",
    allow_pickle: Annotated[
        bool, typer.Option("--allow-pickle", help="Convert weights of the hub that are no safetensors.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace an older alignment.")] = False,
) -> None:
    """Align recordings with their transcripts, by a recogniser with a CTC head: words, and characters or phones.

    Writes a TextGrid for each recording, which the readers textgrid and collection read, a table of all segments with
    their confidence, and a table of recordings with the reason for each that was not aligned.

    \b
    Examples:
      auscult align ~/speech --model ~/my-recogniser --out ~/aligned
      auscult align ~/speech -m facebook/wav2vec2-base-960h@22aad52 --out ~/aligned --table list.csv
      auscult align ~/timit -m ~/my-recogniser --out ~/aligned --reader timit --compare

    The exit status is 0 if all recordings were aligned, 1 if some were not, and 2 if none was.
    """
    from auscult.alignment.transcripts import TranscriptOptions
    from auscult.cli import align as aligning
    from auscult.cli.asking import parse_options

    places = TranscriptOptions(
        transcripts, table, parse_options(column or []), reader, parse_options(option or []), split or (), encoding
    )
    recogniser = aligning.ModelOptions(
        model, language, parse_options(preprocessor or []), allow_pickle, endpoint, device
    )
    settings = AlignmentSettings(unknown, window_s, overlap_s, pause_s)
    lines, complete = aligning.align_folder(
        folder.expanduser(),
        out.expanduser(),
        recogniser,
        places,
        settings,
        dictionary=dictionary,
        compare=compare,
        force=force,
    )
    typer.echo("\n".join(lines))
    raise typer.Exit(int(not complete))
