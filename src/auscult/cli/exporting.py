"""Export of a build: activations of segments, or frames of a model, in the forms that other tools read."""

from collections.abc import Sequence
from pathlib import Path

from auscult.activations.export import FORMS, FRAME_FORMS, export, export_frames
from auscult.cli.places import StudyPlace
from auscult.corpora.audio import SAMPLE_RATE_HZ
from auscult.corpora.corpus import read_corpus
from auscult.errors import ConfigError
from auscult.models.interface import FrameModel
from auscult.models.loading import model_opener
from auscult.models.views import Resampled
from auscult.requirements import suggestion
from auscult.study.configuration import steps_of

__all__ = ["export_activations", "export_adapter_frames", "export_model_frames"]


def export_activations(
    place: StudyPlace,
    run: str,
    folder: Path,
    *,
    form: str = "npy",
    tier: str | None = None,
    layers: Sequence[str] | None = None,
) -> list[Path]:
    """Export the stored activations of a run of a study; see :func:`auscult.activations.export.export`.

    Parameters
    ----------
    place : study and its directory
    run : ``corpus/model`` or ``corpus/model/step``; by default the last step
    folder, form, tier, layers : as for ``export``

    Raises
    ------
    ConfigError
        The corpus, model or step is none of the study, the form does not exist, or the activations are not built.
    """
    corpus, model, step = _named(place, run)
    _check_form(form, FORMS, "frames: --frames")
    source = place.directory / "results" / "activations" / corpus / model / step
    _require(place, source, f"activations of {corpus}/{model}/{step}")
    return export(source, folder, form=form, tier=tier, layers=layers)  # type: ignore[arg-type]


def export_model_frames(
    place: StudyPlace,
    run: str,
    folder: Path,
    *,
    form: str = "npy",
    tier: str | None = None,
    layers: Sequence[str] | None = None,
) -> list[Path]:
    """Run the model of a study over its corpus and export frames; see ``auscult.activations.export.export_frames``.

    Parameters and errors as for :func:`export_activations`; ``tier`` is that of the item file, by default ``phone``.
    """
    corpus, model, step = _named(place, run)
    _check_form(form, FRAME_FORMS, "segments: leave out --frames")
    entry, resources = place.config["models"][model], place.directory / "resources"
    if entry["source"] == "arrays":
        raise ConfigError(
            f"expected a model that can be run to export frames, found {model!r}, whose features are arrays already; "
            f"copy them from {entry['path']}"
        )
    _require(place, resources / "corpora" / corpus, f"corpus {corpus}")
    checkpoint = None
    if entry["source"] != "acoustic":
        checkpoint = resources / "checkpoints" / model / step
        _require(place, checkpoint, f"checkpoint {model}/{step}")
    opener, _ = model_opener(
        features=entry.get("features"),
        checkpoint=checkpoint,
        device=place.config["device"],
        layers=entry.get("layers"),
        windows=entry.get("windows"),
    )
    return _export(place, corpus, opener(), folder, form, tier, layers)


def export_adapter_frames(
    place: StudyPlace,
    corpus: str,
    folder: Path,
    adapter: Path,
    *,
    form: str = "npy",
    tier: str | None = None,
    layers: Sequence[str] | None = None,
) -> list[Path]:
    """Run the model of an adapter over a corpus of a study and export frames, which ``source: arrays`` reads.

    Parameters
    ----------
    corpus : name of the corpus
    adapter : file of the adapter, see :mod:`auscult.adapters`
    place, folder, form, tier, layers : as for :func:`export_model_frames`

    Raises
    ------
    ConfigError
        The study has no such corpus, it is not imported, the adapter does not load, or its model does not pass.
    """
    from auscult.adapters import check_adapter, load_adapter

    _check_form(form, FRAME_FORMS, "segments, which need no adapter")
    if corpus not in place.config["corpora"]:
        known = ", ".join(place.config["corpora"])
        raise ConfigError(f"expected one of the corpora {known} with --adapter, found {corpus!r}")
    _require(place, place.directory / "resources" / "corpora" / corpus, f"corpus {corpus}")
    model = load_adapter(adapter)
    wrong = [f"{answer.name}: {answer.found}" for answer in check_adapter(model) if answer.passed is False]
    if wrong:
        raise ConfigError(
            f"expected an adapter that passes auscult adapter-check in {adapter}, found {'; '.join(wrong)}"
        )
    if model.sample_rate_hz != SAMPLE_RATE_HZ:
        model = Resampled(model, SAMPLE_RATE_HZ)
    return _export(place, corpus, model, folder, form, tier, layers)


def _export(
    place: StudyPlace,
    corpus: str,
    model: FrameModel,
    folder: Path,
    form: str,
    tier: str | None,
    layers: Sequence[str] | None,
) -> list[Path]:
    return export_frames(
        model,
        read_corpus(place.directory / "resources" / "corpora" / corpus),
        folder,
        form=form,  # type: ignore[arg-type]
        layers=layers,
        splits=place.config["activations"]["splits"],
        tier=tier or "phone",
        batch_s=place.config["activations"]["batch_s"],
    )


def _named(place: StudyPlace, run: str) -> tuple[str, str, str]:
    corpus, _, rest = run.partition("/")
    model, _, step = rest.partition("/")
    for kind, name in (("corpora", corpus), ("models", model)):
        known = [*place.config[kind]]
        if name not in known:
            raise ConfigError(
                f"expected CORPUS/MODEL or CORPUS/MODEL/STEP with one of the {kind} {', '.join(known)}, found "
                f"{run!r}{suggestion(name, known)}"
            )
    steps = [str(known) for known in steps_of(model, place.config["models"][model])]
    if step and step not in steps:
        raise ConfigError(f"expected one of the steps {', '.join(steps)} of model {model}, found {step!r}")
    return corpus, model, step or steps[-1]


def _check_form(form: str, forms: Sequence[str], otherwise: str) -> None:
    if form not in forms:
        raise ConfigError(f"expected --form among {', '.join(forms)}, found {form!r}; others are forms of {otherwise}")


def _require(place: StudyPlace, folder: Path, what: str) -> None:
    if not (folder / "manifest.json").is_file():
        raise ConfigError(
            f"expected {what} in {folder}, found none; build it first by auscult run {place.file}, or name the "
            "directory of the build by --directory"
        )
