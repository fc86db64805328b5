"""A new study of a model and a corpus: both are looked at, and only what they can answer is asked."""

import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jinja2

from auscult.cli.places import base_schema, repository
from auscult.errors import ConfigError, HubError
from auscult.listening.heads import has_ctc_head
from auscult.models.accessories import check_accessories
from auscult.study.loading import load_study
from auscult.study.reading import read_study

__all__ = [
    "FIGURES",
    "NewModel",
    "NewCorpus",
    "look_at_model",
    "look_at_corpus",
    "find_reader",
    "fitting_readers",
    "slug",
    "study_template",
    "write_study",
]

FIGURES = ("probing", "reduction", "similarity", "abx")
_REPOSITORY = re.compile(r"([\w.-]+/[\w.-]+?)(?:@([\w./-]+))?")
_LAYER_COUNTS = ("num_hidden_layers", "encoder_layers", "n_layers")
_MIN_SPEAKERS = 2
_MIN_MAPPED = 200


@dataclass(frozen=True)
class NewModel:
    """A model for a study: a folder or a repository of the hub.

    Parameters
    ----------
    name, label : name in the study, and in figures
    path : folder as written into the study; empty for a repository
    repository, revision : repository of the hub and its commit
    allow_pickle : whether the repository has no safetensors
    n_layers : number of transformer layers; 0 if unknown
    has_ctc_head : whether it is a recogniser with a CTC head; None if unknown
    endpoint : address of the hub; empty for the public one
    """

    name: str
    label: str
    path: str = ""
    repository: str = ""
    revision: str = ""
    allow_pickle: bool = False
    n_layers: int = 0
    has_ctc_head: bool | None = None
    endpoint: str = ""


@dataclass(frozen=True)
class NewCorpus:
    """A folder of recordings for a study, and what its reader found.

    Parameters
    ----------
    name, reader, path, options : entry of the corpus
    tiers, splits : tiers to average over, and splits to analyse
    n_speakers, n_phones : number of speakers and of phone segments in these splits
    genders : number of speakers by gender
    smallest_speaker : number of utterances of the speaker with the fewest
    n_labels : number of phone labels with ten items or more
    has_classes : whether phones have a known manner of articulation
    summary : one phrase for a comment
    """

    name: str
    reader: str
    path: str
    options: Mapping[str, Any] = field(default_factory=dict)
    tiers: Sequence[str] = ()
    splits: Sequence[str] = ()
    n_speakers: int = 0
    n_phones: int = 0
    genders: Mapping[str, int] = field(default_factory=dict)
    smallest_speaker: int = 0
    n_labels: int = 0
    has_classes: bool = False
    summary: str = ""


def look_at_model(model: str, endpoint: str = "") -> NewModel:
    """Return a model that is named by a folder, or by ``owner/name`` or ``owner/name@commit`` on the hub.

    The hub is asked for the commit, the number of layers and the form of the weights, if it can be reached.

    Parameters
    ----------
    model : folder or repository
    endpoint : address of the hub; empty for the public one

    Raises
    ------
    ConfigError
        There is neither such a folder nor such a repository, or the commit is neither given nor can be asked for.
    """
    folder = Path(model).expanduser()
    if folder.is_dir():
        settings = folder / "config.json"
        if not settings.is_file():
            raise ConfigError(
                f"expected config.json in {folder}, as save_pretrained writes it, found none; name the folder of one "
                "checkpoint, or owner/name@commit on the hub"
            )
        check_accessories(folder)
        label = folder.resolve().name
        found = _read(settings)
        return NewModel(slug(label), label, model, n_layers=_layers(found), has_ctc_head=has_ctc_head(found))
    repository = _REPOSITORY.fullmatch(model)
    if not repository:
        raise ConfigError(
            f"expected a model folder, or a repository of the hub such as owner/name@commit, found {model!r}, which is "
            "neither; correct the path"
        )
    return _look_at_hub(repository[1], repository[2] or "", endpoint or None)


def find_reader(folder: Path, known: Sequence[str]) -> str:
    """Return the reader for the layout of a folder, by the endings of its files.

    Raises
    ------
    ConfigError
        No reader, or more than one, fits.
    """
    readers, endings = fitting_readers(folder, known)
    if len(readers) != 1:
        found = ", ".join(readers) or f"none (its files end in {', '.join(endings) or 'nothing'})"
        raise ConfigError(
            f"expected labels of one known layout below {folder}, found {found}; name one by --reader: "
            f"{', '.join(known)}"
        )
    return readers[0]


def fitting_readers(folder: Path, known: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the readers among those known that fit the files of a folder, and the endings of its files."""
    from auscult.corpora.walk import list_files

    files = list_files(folder)
    endings = {path.suffix.lower() for path in files.paths} - {""}
    fits = {
        "textgrid": ".textgrid" in endings,
        "librispeech": any(path.name.endswith(".trans.txt") for path in files.paths),
        "timit": {".phn", ".wrd"} <= endings,
        "conllu": ".conllu" in endings,
    }
    fits["collection"] = not any(fits.values()) and bool(endings & {".eaf", ".ctm", ".phones", ".parquet", ".arrow"})
    return [reader for reader, fit in fits.items() if fit and reader in known], sorted(endings)


def look_at_corpus(folder: Path, reader: str, options: Mapping[str, Any]) -> NewCorpus:
    """Read the tables of a corpus and return what a study needs of them.

    Raises
    ------
    ConfigError, CorpusError, LabelError
        The corpus cannot be read; the message is that of its reader.
    """
    from auscult.corpora.importing import read_source
    from auscult.requirements import TEXT_READERS

    if reader in TEXT_READERS:
        raise ConfigError(
            f"expected a corpus of speech, found reader {reader!r}, which reads text; copy studies/published.yaml"
        )
    with read_source(reader, folder, options) as ((utterances, segments), _):
        counts = utterances.groupby("split")["speaker"].nunique()
        splits = ["test"] if counts.get("test", 0) >= _MIN_SPEAKERS else [split for split in counts.index if split]
        used = utterances[utterances["split"].isin(splits)]
        segments = segments[segments["utterance"].isin(used["utterance"])]
        speakers = used.drop_duplicates("speaker")
        phones = segments[segments["tier"] == "phone"]
        labels = phones["label"].value_counts()
        hours = float((used["n_samples"] / used["sample_rate_hz"]).sum() / 3600)
        length = f"{hours:.1f} h" if hours >= 1 else f"{60 * hours:.1f} min"
        return NewCorpus(
            slug(folder.resolve().name),
            reader,
            str(folder),
            dict(options),
            [tier for tier in ("phone", "syllable", "word") if (segments["tier"] == tier).any()] + ["utterance"],
            splits,
            len(speakers),
            len(phones),
            speakers.loc[speakers["gender"] != "", "gender"].value_counts().to_dict(),
            int(used["speaker"].value_counts().min()),
            int((labels >= 10).sum()),
            "phone_class" in phones and bool((phones["phone_class"] != "").any()),
            f"{len(used)} recordings of {len(speakers)} speakers, {length}",
        )


def write_study(
    out: Path,
    name: str,
    model: NewModel,
    corpus: NewCorpus,
    figures: Sequence[str] = (),
    layer: str = "",
    force: bool = False,
) -> list[str]:
    """Write a commented study and return what was left out of it, each with its reason.

    Parameters
    ----------
    out : file to write
    name : name of the study
    model, corpus : as returned by :func:`look_at_model` and :func:`look_at_corpus`
    figures : figures of :data:`FIGURES`; none means those that the corpus allows
    layer : layer to map, such as ``T7``; by default two thirds up the model
    force : whether an existing file is replaced

    Raises
    ------
    ConfigError
        The file exists, the corpus allows no target, or a figure cannot be asked for.
    """
    if out.exists() and not force:
        raise ConfigError(f"expected a new file, found {out}; choose another name, or add --force to replace it")
    targets, size, notes = _targets(corpus)
    layer = layer or (f"T{math.ceil(model.n_layers * 2 / 3)}" if model.n_layers else "")
    chosen, left = _figures(figures, corpus, layer)
    root = repository()
    place = out.absolute().parent
    text = study_template("study").render(
        schema=os.path.relpath(root / "workflow" / "schemas" / "config.schema.yaml", place),
        file=out,
        name=slug(name),
        model=replace(model, path=_relative(model.path, place)),
        corpus=replace(corpus, path=_relative(corpus.path, place)),
        targets=targets,
        n_folds=max(_MIN_SPEAKERS, min(4, corpus.n_speakers)),
        min_class_size=size,
        figures=chosen,
        layer=layer,
        factors=[
            *(["phone_class"] if corpus.has_classes else []),
            "speaker",
            *(["gender"] if len(corpus.genders) > 1 else []),
        ],
        notes=[*notes, *left],
    )
    place.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(f".partial-{out.name}")
    try:
        partial.write_text(text.rstrip() + "\n", encoding="utf-8")
        # What is written has passed the checks of every study.
        load_study(read_study(partial), base_schema(root), place, lambda name, model: True)
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)
    return [*notes, *left]


def _targets(corpus: NewCorpus) -> tuple[dict[str, str], int, list[str]]:
    """Return the targets that a corpus allows, the smallest class size, and the reasons for those left out."""
    targets, notes, sizes = {}, [], [10]
    few = f"{corpus.n_speakers} speaker{'' if corpus.n_speakers == 1 else 's'}, a probe on held-out speakers needs 2"
    if "phone" not in corpus.tiers or corpus.n_labels < 2:
        notes.append("target phone: fewer than two phone labels with 10 items or more")
    elif corpus.n_speakers < _MIN_SPEAKERS:
        notes.append(f"target phone: {few}")
    else:
        targets["phone"] = "{tier: phone, column: label, held_out: speaker, type: bigram, control: true}"
    per_gender = ", ".join(f"{n} {gender}" for gender, n in corpus.genders.items()) or "no speaker with a gender"
    if len(corpus.genders) < 2 or min(corpus.genders.values()) < 2:
        notes.append(f"target gender: {per_gender}, and the probe needs two speakers of each of two genders")
    else:
        targets["gender"] = "{tier: utterance, column: gender, held_out: speaker}"
    if corpus.n_speakers < 2 or corpus.smallest_speaker < 4:
        notes.append("target speaker: needs two speakers with four recordings each or more")
    else:
        targets["speaker"] = "{tier: utterance, column: speaker, held_out: utterance}"
        sizes.append(corpus.smallest_speaker)
    if not targets:
        raise ConfigError(
            f"expected a corpus that a probe can be trained on, found {corpus.summary}; {'; '.join(notes)}: add "
            "speakers or labels, or name them in speakers.csv and the options of the reader"
        )
    return targets, max(4, min(sizes)), notes


def _figures(wanted: Sequence[str], corpus: NewCorpus, layer: str) -> tuple[list[str], list[str]]:
    unknown = [figure for figure in wanted if figure not in FIGURES]
    if unknown:
        raise ConfigError(
            f"expected figures among {', '.join(FIGURES)}, found {unknown[0]!r}; the others need more than one model "
            "and corpus: copy them from config.yaml"
        )
    reasons = {}
    if corpus.n_phones < _MIN_MAPPED or corpus.n_speakers < 4:
        small = f"{corpus.n_phones} phones of {corpus.n_speakers} speakers, it needs {_MIN_MAPPED} of 4"
        reasons = {figure: f"figure {figure}: {small}" for figure in FIGURES[1:]}
    elif not layer:
        reasons["reduction"] = "figure reduction: the number of layers is unknown, name one by --layer"
    refused = [reasons[figure] for figure in wanted if figure in reasons]
    if refused:
        raise ConfigError(f"expected a corpus and model that allow the figures asked for, found {'; '.join(refused)}")
    chosen = [figure for figure in wanted or ("probing", "reduction") if figure not in reasons]
    return list(dict.fromkeys(["probing", *chosen])), [] if wanted else [
        reasons[f] for f in ("reduction",) if f in reasons
    ]


def _look_at_hub(repository: str, revision: str, endpoint: str | None) -> NewModel:
    from huggingface_hub import HfApi, hf_hub_download

    from auscult.models.hub.errors import hub_errors
    from auscult.models.hub.fetching import is_reachable

    label = repository.split("/")[1]
    model = NewModel(slug(label), label, repository=repository, revision=revision, endpoint=endpoint or "")
    try:
        with hub_errors(repository, revision or "main", endpoint), TemporaryDirectory() as scratch:
            info = HfApi(endpoint=endpoint).model_info(repository, revision=revision or None, timeout=10)
            names = [entry.rfilename for entry in info.siblings or []]
            settings: dict[str, Any] = {}
            if "config.json" in names:
                at = hf_hub_download(repository, "config.json", revision=info.sha, endpoint=endpoint, local_dir=scratch)
                settings = _read(Path(at))
    except HubError as error:
        if is_reachable(endpoint):
            raise
        if revision:  # taken as given: it is checked when the model is fetched
            return model
        raise ConfigError(
            f"expected the commit of {repository}, found none: {error}; give it as {repository}@commit"
        ) from None
    return replace(
        model,
        revision=str(info.sha),
        allow_pickle=not any(name.endswith(".safetensors") for name in names),
        n_layers=_layers(settings),
        has_ctc_head=has_ctc_head(settings),
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise ConfigError(f"expected JSON in {path}, found other text; save the model again") from None
    return found


def _layers(settings: Mapping[str, Any]) -> int:
    return next((settings[key] for key in _LAYER_COUNTS if isinstance(settings.get(key), int)), 0)


def slug(text: str) -> str:
    """Return a text as a name of the study; names of the acoustic baselines are taken."""
    slug = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "mine"
    return f"{slug}-own" if slug in ("mel", "mfcc", "time") else slug


def _relative(path: str, folder: Path) -> str:
    """Return a path as it is written into a study: below the home as typed, else relative to the study's folder."""
    return (
        path
        if not path or path.startswith("~") or Path(path).is_absolute()
        else os.path.relpath(Path(path).absolute(), folder)
    )


def study_template(name: str) -> jinja2.Template:
    """Return the template of a study that a command writes."""
    text = (Path(__file__).parent / "templates" / f"{name}.yaml.j2").read_text(encoding="utf-8")
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)
    environment.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)
    return environment.from_string(text)
