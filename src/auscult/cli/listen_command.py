"""The options of ``auscult listen``; its work is done by :mod:`auscult.cli.listen`, imported when the command runs."""

from pathlib import Path
from typing import Annotated

import typer

from auscult.listening.settings import ListenSettings

__all__ = ["listen"]

_LONGEST_S = 15.0


def listen(
    folder: Annotated[Path, typer.Argument(help="Folder of recordings, with alignments beside them or without.")],
    model: Annotated[
        list[str],
        typer.Option(
            "--model",
            "-m",
            help="Model folder, owner/name@commit on the hub, or name of a model of the build in --directory; "
            "repeatable.",
        ),
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "--out", help="Folder to write; by default listen-NAME.")
    ] = None,
    reader: Annotated[
        str, typer.Option("--reader", "-r", help="Layout of the folder; found from its files without it.")
    ] = "",
    option: Annotated[
        list[str] | None, typer.Option("--option", "-o", help="Option of the reader as KEY=VALUE; repeatable.")
    ] = None,
    drawn: Annotated[int, typer.Option("--drawn", min=1, help="Recordings drawn at random.")] = ListenSettings.drawn,
    hardest: Annotated[
        int, typer.Option("--hardest", min=0, help="Recordings where the models fail most.")
    ] = ListenSettings.hardest,
    longest_s: Annotated[
        float, typer.Option("--longest-s", min=0.1, help="Longest recording that is shown, in seconds.")
    ] = _LONGEST_S,
    title: Annotated[str, typer.Option("--title", help="Title of the page.")] = "",
    directory: Annotated[
        Path, typer.Option("--directory", "-d", help="Directory of a build whose models can be named.")
    ] = Path("."),
    cores: Annotated[str, typer.Option("--cores", "-c", help="Number of CPU cores, or all.")] = "all",
    device: Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")] = "auto",
    endpoint: Annotated[str, typer.Option("--endpoint", help="Address of the hub or of a mirror.")] = "",
) -> None:
    """Build the listening page for any recordings: hear them beside what each layer of a model makes of them.

    \b
    What is shown follows from what there is, and is said:
      nothing but recordings   waveform, spectrogram, F0, what each layer of a recogniser (CTC) would spell
      words                    and how much a word takes from the others, by layer
      phones, two speakers     and which phones a probe hears in each layer, fitted on the other speakers

    A study is written into the output folder, and its page is built there by the rules of every study: recordings are
    checked, the model is copied, its untrained control is made, and all files are sealed.

    \b
    Examples:
      auscult listen ~/speech --model ~/my-recogniser
      auscult listen ~/aligned-speech -m facebook/wav2vec2-base-960h@22aad52 --output heard
      auscult listen ~/speech -m hubert-english -m recogniser-english    two models of the build in this directory

    The exit status is that of Snakemake, and 2 for a mistake on the command line.
    """
    from auscult.cli import listen as listening, listen_sources as sources
    from auscult.cli.asking import parse_options

    speech = sources.look_at_recordings(folder, reader, parse_options(option or []), longest_s)
    listeners = sources.look_at_listeners(model, directory, endpoint)
    planned = listening.plan_page(speech, listeners, drawn=drawn, hardest=hardest, title=title, device=device)
    place = listening.write_listen_study(planned, output or Path(f"listen-{speech.name}"))
    typer.echo(f"{place.file}: {speech.summary}; lanes {', '.join(planned.lanes)}")
    for note in planned.notes:
        typer.echo(f"left out: {note}")
    status = listening.build(place, cores)
    if status == 0:
        typer.echo(f"auscult: the page is {place.directory / 'results' / 'listen' / 'index.html'}")
    raise typer.Exit(status)
