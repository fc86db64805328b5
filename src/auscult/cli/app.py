"""Commands of ``auscult``; each is a few lines over a module of its own, which is imported when the command runs."""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from auscult import __version__
from auscult.cli.align_command import align
from auscult.cli.listen_command import listen
from auscult.errors import AuscultError

__all__ = ["app"]


class _Group(TyperGroup):
    """Commands whose user errors are one line and exit status 2."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except AuscultError as error:
            typer.echo(f"auscult: {error}", err=True)
            raise typer.Exit(2) from None


app = typer.Typer(cls=_Group, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)

_PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}
_Study = Annotated[str, typer.Argument(help="Study file, or the name of a study of the repository, such as timit.")]
_Figures = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[FIGURE]...", help="Figures, such as probing; all without one. Options of Snakemake may follow."
    ),
]
_Directory = Annotated[
    Path | None,
    typer.Option(
        "--directory",
        "-d",
        help="Directory of corpora, models and results. By default runs/NAME beside the study file or its folder "
        "studies; the repository for its own config.yaml.",
    ),
]


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"auscult {__version__}")
        raise typer.Exit


@app.callback()
def auscult(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Interpretability of speech models: a study of your model and your recordings, from a file to figures.

    \b
    A study, in this order:
      auscult new mine.yaml --model ~/my-model --corpus ~/my-corpus
      auscult check mine.yaml           what is wrong with the recordings and labels
      auscult cost mine.yaml            minutes, memory, disk and downloads to expect
      auscult fetch mine.yaml           download what it needs
      auscult run mine.yaml probing     build one figure and everything it needs
      auscult status mine.yaml          which figures are built, stale or missing
      auscult export mine.yaml mine/my-model out   activations for other tools
      auscult verify runs/mine          whether every file is as it was written
      auscult crate runs/mine --license CC-BY-4.0   describe it for publication

    \b
    Recordings without alignments:
      auscult align ~/speech --model ~/recogniser --out ~/aligned

    \b
    A page to hear recordings beside what each layer of a model makes of them:
      auscult listen ~/speech --model ~/my-model

    Every command has a --help with examples. The work is done by Snakemake, whose own commands work on the same
    files.
    """


@app.command()
def new(
    out: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="Study file to write.")] = None,
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="Model folder, or owner/name@commit on the hub.")
    ] = None,
    corpus: Annotated[Path | None, typer.Option("--corpus", "-c", help="Folder of recordings and labels.")] = None,
    reader: Annotated[
        str | None, typer.Option("--reader", "-r", help="Layout of the corpus; found from its files without it.")
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", "-o", help="Option of the reader as KEY=VALUE, such as language=dutch; repeatable."),
    ] = None,
    figure: Annotated[
        list[str] | None,
        typer.Option("--figure", "-f", help="probing, reduction, similarity or abx; repeatable."),
    ] = None,
    layer: Annotated[str, typer.Option("--layer", help="Layer to map, such as T7; by default two thirds up.")] = "",
    endpoint: Annotated[str, typer.Option("--endpoint", help="Address of the hub or of a mirror.")] = "",
    name: Annotated[str, typer.Option("--name", help="Name of the study; by default that of the file.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    adapter: Annotated[
        Path | None, typer.Option("--adapter", help="Write the template of an adapter here instead of a study.")
    ] = None,
) -> None:
    """Write a commented study of your model and your recordings; what is not given is asked.

    The corpus is read with its reader, and only what it allows is written into the study: targets need enough
    speakers, labels and genders. What was left out is said, with the reason.

    \b
    Examples:
      auscult new
      auscult new studies/mine.yaml --model ~/my-model --corpus ~/my-corpus
      auscult new mine.yaml -m facebook/wav2vec2-base@0b5b8e8 -c ~/timit -r timit -o language=english
      auscult new --adapter my_adapter.py     a model of an architecture that is not known here
    """
    if adapter:
        from auscult.adapters import write_adapter

        write_adapter(adapter, force)
        typer.echo(f"{adapter}: an adapter that passes as it stands; put your model in, then auscult adapter-check it")
        return
    from auscult.cli import new as writing
    from auscult.cli.asking import ask, parse_options
    from auscult.cli.places import base_schema, repository

    readers = base_schema(repository())["$defs"]["reader"]["enum"]
    found = writing.look_at_model(ask(model, "Model: a folder, or owner/name@commit on the hub", "--model"), endpoint)
    folder = Path(ask(corpus, "Folder of recordings and labels", "--corpus")).expanduser()
    options = parse_options(option or [])
    speech = writing.look_at_corpus(folder, reader or writing.find_reader(folder, readers), options)
    file = Path(ask(out, "Study file to write", "FILE", "studies/mine.yaml"))
    left_out = writing.write_study(file, name or file.stem, found, speech, figure or (), layer, force)
    typer.echo(f"{file}: {found.label} on {speech.name}, {speech.summary}")
    for note in left_out:
        typer.echo(f"left out: {note}")
    typer.echo(f"next: auscult run {file} --dry-run, then auscult run {file}")


@app.command("adapter-check")
def adapter_check(
    adapter: Annotated[Path, typer.Argument(metavar="FILE", help="Python file with a function model().")],
) -> None:
    """Test the adapter of a model of your own: what every analysis relies on.

    \b
    layers            as many as stated, one array (frames, dimensions) per recording
    number of frames  as many as its timing gives
    times of frames   other noise for 20 ms is heard at its time
    batch             recordings in a batch have the frames that they have alone
    repetition        the same frames again
    value zeroing     equal to its definition, for models whose attention is found

    The file is run: it is your own code. The exit status is 1 if an answer is no.
    """
    from auscult.adapters import check_adapter, load_adapter

    answers = check_adapter(load_adapter(adapter))
    for answer in answers:
        typer.echo(f"{ {True: 'yes', False: 'no', None: '–'}[answer.passed]:4}{answer.name:18}{answer.found}")
    raise typer.Exit(int(any(answer.passed is False for answer in answers)))


@app.command()
def check(
    study: Annotated[str, typer.Argument(metavar="STUDY|FOLDER", help="Study, or a folder of recordings.")],
    table: Annotated[
        Path | None, typer.Option("--table", "-t", help="CSV file for all findings, one row per file and label.")
    ] = None,
    page: Annotated[
        Path | None, typer.Option("--page", "-p", help="HTML page of all findings, with a player for each recording.")
    ] = None,
    complete: Annotated[bool, typer.Option("--all", "-a", help="Print every finding.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with status 1 for warnings, too.")] = False,
    reader: Annotated[str | None, typer.Option("--reader", "-r", help="Layout of a folder.")] = None,
    option: Annotated[
        list[str] | None, typer.Option("--option", "-o", help="Option of the reader as KEY=VALUE; repeatable.")
    ] = None,
    cores: Annotated[int, typer.Option("--cores", "-c", min=1, help="Number of threads that decode recordings.")] = 2,
) -> None:
    """Inspect recordings and labels: what is wrong in which file, and what will be done with it.

    \b
    Recordings: undecodable, clipped, silent, the same twice, other rates and channels.
    Labels: past the audio, overlapping, gaps, shorter than a frame, of no known phone.
    Speakers: without gender, too few for the folds. Classes: too small.
    Splits: the same voices, texts or recordings on both sides.
    Study: tiers, columns, classes, genders and speakers that each of its analyses needs.

    An error stops an import or an analysis; a warning may change what results mean; a note says what is changed or
    left out. The exit status is 1 if there is an error, 0 otherwise. Nothing is written but the table and the page.

    \b
    Examples:
      auscult check mine.yaml
      auscult check mine.yaml --page findings.html
      auscult check ~/my-corpus --table findings.csv
      auscult check ~/timit --reader timit --all
    """
    from auscult.cli import check as checking
    from auscult.cli.asking import parse_options
    from auscult.cli.new import find_reader
    from auscult.cli.places import base_schema, open_study, repository

    folder = Path(study).expanduser()
    if folder.is_dir():
        readers = base_schema(repository())["$defs"]["reader"]["enum"]
        chosen = reader or find_reader(folder, readers)
        inspected = checking.inspect_folder(folder, chosen, parse_options(option or []), cores)
        folders = dict.fromkeys(inspected, folder)
    else:
        place = open_study(study)
        inspected, folders = checking.inspect_study(place, cores), checking.folders_of(place)
    for name, found in inspected.items():
        lines = [f"not inspected: {found}"] if isinstance(found, str) else checking.summarise(found, complete)
        typer.echo("\n".join([f"corpus {name}", *(f"  {line}" for line in lines)]))
    findings = checking.collect(inspected)
    if table:
        findings.to_csv(table, index=False)
    if page:
        from auscult.cli.check_page import write_page

        write_page(page, inspected, folders)
    written = " and ".join(str(path) for path in (table, page) if path)
    typer.echo(f"{checking.count(findings)}{f'; all in {written}' if written else ''}")
    failing = ("error", "warning") if strict else ("error",)
    raise typer.Exit(int(findings["level"].isin(failing).any()))


app.command()(align)
app.command()(listen)


@app.command(context_settings=_PASS_ON)
def run(
    study: _Study,
    figures: _Figures = None,
    cores: Annotated[str, typer.Option("--cores", "-c", help="Number of CPU cores, or all.")] = "all",
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="List the jobs and run none.")] = False,
    directory: _Directory = None,
) -> None:
    """Build a study, or single figures of it, with everything that they need.

    \b
    Examples:
      auscult run mine.yaml                          all figures and the page
      auscult run mine.yaml probing abx --cores 4    two figures
      auscult run mine.yaml probing --dry-run        only list the jobs
      auscult run mine.yaml --keep-going             any option of Snakemake
      auscult run mine.yaml --config hub_unreachable=leave-out

    One line shows how many jobs are done, the time elapsed and expected to be left, and what runs now; of a job that
    fails, its log file and the last lines of it. --verbose or --quiet rules host show Snakemake's own messages instead.

    An interrupted build continues with the same command; the lock that a killed one left is removed if it was started
    on this machine and no process works in the directory. The exit status is that of Snakemake.
    """
    from auscult.cli import workflow
    from auscult.cli.locks import release_lock
    from auscult.cli.places import open_study

    place = open_study(study, directory)
    names, options = workflow.divide_arguments(figures or [])
    options = ["--cores", cores, *(["--dry-run"] if dry_run else []), *options]
    if not dry_run and not {"--quiet", "-q", "--verbose", "--logger"}.intersection(options):
        options += ["--logger", "auscult"]
    if not dry_run and release_lock(place.directory):
        typer.echo(f"auscult: removed the lock that a killed run left in {place.directory}", err=True)
    status = workflow.call(workflow.command(place, options, workflow.figure_targets(place, names)))
    if status == 0 and not dry_run:
        typer.echo(f"auscult: results of study {place.config['study']} are in {place.directory / 'results'}")
    raise typer.Exit(status)


@app.command(context_settings=_PASS_ON)
def status(study: _Study, figures: _Figures = None, directory: _Directory = None) -> None:
    """Show which figures are built, stale or missing, and what has to run for each.

    A figure is stale if its files exist, but settings, code, data or models that it depends on have changed since.
    Nothing is built. The exit status is 0 if all figures are built, and 1 otherwise.
    """
    from auscult.cli import workflow
    from auscult.cli.places import open_study
    from auscult.cli.status import figure_states

    place = open_study(study, directory)
    names, options = workflow.divide_arguments(figures or [])
    targets = workflow.figure_targets(place, names or place.config["figures"])
    states = figure_states(place, workflow.plan(place, options, targets))
    states = [state for state in states if not names or state.figure in names]
    typer.echo(f"study {place.config['study']} in {place.directory}")
    width = max(len(state.figure) for state in states)
    for state in states:
        jobs = (
            f"{state.n_jobs} job{'' if state.n_jobs == 1 else 's'} to run, first {state.cause}" if state.n_jobs else ""
        )
        typer.echo(f"{state.figure:{width}}  {state.state:7}  {jobs}".rstrip())
    n_built = sum(state.state == "built" for state in states)
    typer.echo(f"{n_built} of {len(states)} figures are built")
    raise typer.Exit(int(n_built < len(states)))


@app.command(context_settings=_PASS_ON)
def cost(
    study: _Study,
    figures: _Figures = None,
    cores: Annotated[int, typer.Option("--cores", "-c", min=1, help="Number of cores of the build.")] = 2,
    offline: Annotated[bool, typer.Option("--offline", help="Do not ask servers for the sizes of downloads.")] = False,
    directory: _Directory = None,
) -> None:
    """Estimate what a build will take: minutes, memory, disk and downloads, by rule. Nothing is built.

    Only jobs that have to run are counted. A job that ran here before costs the same again. Other jobs are scaled from
    the default study on a reference machine, by hours of speech, layers, steps and targets and by a quick calibration
    of this machine. Expect the total within a factor of two, on CPUs; the time of downloads is not counted.

    \b
    Examples:
      auscult cost mine.yaml
      auscult cost mine.yaml probing --cores 4
    """
    from auscult.cli import cost as costing, workflow
    from auscult.cli.places import open_study
    from auscult.cli.work import Sizes

    place = open_study(study, directory)
    names, options = workflow.divide_arguments(figures or [])
    jobs = workflow.plan(place, options, workflow.figure_targets(place, names))
    costs = costing.job_costs(place, jobs, costing.machine_factor())
    typer.echo(f"study {place.config['study']} in {place.directory}: {len(jobs)} jobs to run")
    for line in costing.report(costs, cores):
        typer.echo(line)
    sizes = costing.disk_gb(place, Sizes(place))
    disk = ", ".join(f"{part} {'unknown' if gb != gb else f'{gb:.1f} GB'}" for part, gb in sizes.items())
    typer.echo(f"disk of the whole study: {disk}")
    for line in costing.report_downloads(place, offline):
        typer.echo(line)


@app.command(context_settings=_PASS_ON)
def fetch(
    study: _Study,
    options: Annotated[list[str] | None, typer.Argument(metavar="[OPTION]...", help="Options of Snakemake.")] = None,
    cores: Annotated[str, typer.Option("--cores", "-c", help="Number of downloads at a time, or all.")] = "2",
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="List the downloads and start none.")] = False,
    directory: _Directory = None,
) -> None:
    """Download the corpora and models of a study, and do nothing else.

    Afterwards the study can be built without a network. Interrupted downloads continue; every file is compared with
    its pinned or first recorded hash. Downloads are looked for first under the bases in AUSCULT_MIRRORS.
    """
    from auscult.cli import workflow
    from auscult.cli.fetching import download_targets
    from auscult.cli.places import open_study

    place = open_study(study, directory)
    targets = download_targets(place)
    if not targets:
        typer.echo(f"auscult: study {place.config['study']} needs no download")
        return
    passed = ["--cores", cores, *(["--dry-run"] if dry_run else []), *(options or [])]
    raise typer.Exit(workflow.call(workflow.command(place, passed, targets)))


@app.command()
def export(
    study: _Study,
    run: Annotated[
        str, typer.Argument(metavar="CORPUS/MODEL[/STEP]", help="What to export; by default the last step.")
    ],
    out: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder to write into.")],
    form: Annotated[
        str,
        typer.Option("--form", "-f", help="npy, hdf5 or safetensors; of frames npy, hdf5 or fastabx."),
    ] = "npy",
    frames: Annotated[
        bool, typer.Option("--frames", help="Run the model and export every frame instead of vectors of segments.")
    ] = False,
    tier: Annotated[
        str, typer.Option("--tier", "-t", help="Tier to export, or of fastabx's item file; by default all, or phone.")
    ] = "",
    layer: Annotated[list[str] | None, typer.Option("--layer", "-l", help="Layer to export; repeatable.")] = None,
    adapter: Annotated[
        Path | None, typer.Option("--adapter", help="With --frames: run the model of this adapter on CORPUS.")
    ] = None,
    directory: _Directory = None,
) -> None:
    """Write activations of a build in the forms that other tools read.

    \b
    npy          LAYER.npy and segments.csv, one row per vector
    hdf5         activations.h5 with a dataset per layer, and segments.csv
    safetensors  activations.safetensors with a tensor per layer, and segments.csv
    With --frames, for every recording, and frames.json with the rate and the time of the first frame:
    npy          LAYER/UTTERANCE.npy
    hdf5         frames.h5 with datasets LAYER/UTTERANCE
    fastabx      LAYER/UTTERANCE.pt, and items.item with the segments of a tier and their neighbours

    A study reads npy, hdf5 and safetensors back by source: arrays.

    \b
    Examples:
      auscult export mine.yaml english/hubert exported --form hdf5 --tier phone
      auscult export mine.yaml english/hubert/1000 exported --frames --form fastabx --layer T4
      auscult export mine.yaml english my-states --frames --adapter my_adapter.py
    """
    from auscult.cli import exporting
    from auscult.cli.places import open_study

    place = open_study(study, directory)
    given: dict[str, Any] = {"form": form, "tier": tier or None, "layers": layer}
    if adapter:
        paths = exporting.export_adapter_frames(place, run, out, adapter, **given)
    else:
        write = exporting.export_model_frames if frames else exporting.export_activations
        paths = write(place, run, out, **given)
    for path in paths:
        typer.echo(path)


@app.command()
def verify(
    directory: Annotated[Path, typer.Argument(help="Directory of a build.")] = Path("."),
    against: Annotated[
        str, typer.Option("--against", help="Another metrics.json, or a revision of the repository, such as HEAD.")
    ] = "",
    tolerance: Annotated[
        float, typer.Option("--tolerance", min=0.0, help="Difference up to which two numbers count as close.")
    ] = 0.005,
) -> None:
    """Compare a build with its seals, or its numbers with those of another build.

    Corpora, checkpoints and activations are compared with their manifests, tables, figures and downloads with the
    seals of the steps that wrote them. With --against, the numbers in results/talk/metrics.json and the verdicts in
    results/talk/claims.csv are compared instead: identical, within the tolerance, or changed, claim by claim.

    \b
    Examples:
      auscult verify runs/mine
      auscult verify --against HEAD                    the numbers that the repository has
      auscult verify --against ../other/results/talk/metrics.json --tolerance 0.01

    The exit status is 1 if a file is damaged, or a number or verdict has changed, and 0 otherwise.
    """
    from auscult.cli import verify as verifying
    from auscult.cli.places import repository

    if against:
        found = verifying.compare_builds(directory, against, repository(), tolerance)
        for line in verifying.report_comparison(found, tolerance):
            typer.echo(line)
        raise typer.Exit(int(found.differs))
    checked = verifying.check_build(directory)
    for line in verifying.report_build(checked):
        typer.echo(line)
    raise typer.Exit(int(bool(checked.faults)))


@app.command()
def crate(
    licence: Annotated[
        str,
        typer.Option("--license", help="Licence of the results: an SPDX identifier such as CC-BY-4.0, or an address."),
    ],
    directory: Annotated[Path, typer.Argument(help="Directory of a finished build.")] = Path("."),
    creator: Annotated[
        list[str] | None, typer.Option("--creator", help="ORCID as an address, or a name; repeatable.")
    ] = None,
) -> None:
    """Describe a finished build as an RO-Crate, so that it can be published: writes ro-crate-metadata.json into it.

    \b
    Figures, tables: each file with its SHA-256.    Pages, corpora, models: each folder.
    How they were made: this version of Auscult and the commits of the figures.

    \b
    Examples:
      auscult crate runs/mine --license CC-BY-4.0 --creator https://orcid.org/0000-0002-1825-0097
    """
    from auscult.cli.crate import METADATA, write_crate

    described = write_crate(directory, licence, tuple(creator or ()))
    typer.echo(f"{directory / METADATA}: {', '.join(f'{number} {what}' for what, number in described.items())}")
