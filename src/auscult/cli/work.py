"""Sizes of a study's jobs, in units that its time is proportional to: hours of speech, layers, steps, targets."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from auscult.cli.fetching import archives_of
from auscult.cli.places import StudyPlace
from auscult.cli.workflow import Job
from auscult.study.configuration import read_steps, runs_of
from auscult.study.extractions import extracted_sweeps

__all__ = ["Sizes", "kind_of"]

# Rules that are defined once per corpus, model or task have its name behind these.
_STEMS = (
    "extract_activations",
    "train_model",
    "train_language_model",
    "train_translators",
    "finetune_model",
    "figure",
    "attribution",
    "reliability",
)
_COLLECTED = re.compile(r"(attribution|reliability)_(tables|task|interaction|summary)")
_SENTENCE_S = 2.6
# Segments per second of speech.
_SEGMENTS = {"phone": 12.0, "syllable": 5.0, "word": 3.5, "utterance": 1 / _SENTENCE_S}
_RIMES = 5.0
# Between 16-bit samples at 16 kHz and FLAC.
_ARCHIVE_BYTES_PER_HOUR = 85e6
_BASELINE = (1, 40)
_UNKNOWN = (12, 768)
_TRAINED = (4, 128)


def kind_of(rule: str) -> str:
    """Return the kind of a rule: its name without the corpus, model or task that it is defined for."""
    if _COLLECTED.fullmatch(rule):
        return rule
    rule = rule.replace("extract_part_", "extract_activations_", 1)
    return next((stem for stem in _STEMS if rule.startswith(f"{stem}_")), rule)


@dataclass(frozen=True)
class Sizes:
    """Sizes of a study.

    Parameters
    ----------
    place : study and its directory
    """

    place: StudyPlace

    @cached_property
    def hours(self) -> dict[str, float]:
        """Hours of speech of every corpus, of all splits; NaN if unknown before it is downloaded."""
        return {name: self._hours(name, corpus) for name, corpus in self.place.config["corpora"].items()}

    def with_hours(self, corpus: str, hours: float) -> "Sizes":
        """Return the same sizes with another length of a corpus, such as a guess of one that is unknown."""
        other = Sizes(self.place)
        other.__dict__["hours"] = {**self.hours, corpus: hours}
        return other

    def analysed_hours(self, corpus: str) -> float:
        """Return the hours of speech in the splits that models are run on."""
        entry, splits = self.place.config["corpora"][corpus], self.place.config["activations"]["splits"]
        counts = entry.get("sentences") or entry.get("utterances")
        if counts:
            return sum(counts.get(split, 0) for split in splits) * _SENTENCE_S / 3600
        return self.hours[corpus]

    def model(self, name: str) -> tuple[int, int]:
        """Return the number of transformer layers and of dimensions of a model, or those of a usual base model."""
        entry = self.place.config["models"].get(name, {})
        match entry.get("source"):
            case "acoustic":
                return _BASELINE
            case "trained":
                shape = entry.get("architecture", {})
                return shape.get("layers", _TRAINED[0]), shape.get("hidden", _TRAINED[1])
            case "finetuned" | "translator":
                return self.model(entry["start"])
            case "altered":
                return self.model(entry["of"])
            case "folder":
                return _shape(self.place.file.parent / Path(entry["path"]).expanduser() / "config.json")
            case _:
                return _UNKNOWN

    def segments(self, corpus: str) -> float:
        """Return the expected number of analysed segments of a corpus, of all of its tiers."""
        activations = self.place.config["activations"]
        tiers = activations["corpora"].get(corpus, activations)["tiers"]
        return 3600 * self.analysed_hours(corpus) * sum(_SEGMENTS.get(tier, _RIMES) for tier in tiers)

    def work(self, job: Job) -> float:
        """Return the size of a job; the unit depends on its kind and is the same for all jobs of a kind."""
        config, kind = self.place.config, kind_of(job.rule)
        corpus, model = self._corpus(job), self._model(job)
        entry = config["models"].get(model, {})
        layers, dims = self.model(model)
        match kind:
            case "synthesise_corpus" | "synthesise_nonspeech" | "write_text_corpus":
                source = config["corpora"][corpus]
                return float(sum((source.get("sentences") or source["utterances"]).values()))
            case "import_folder" | "import_archive":
                return self.hours[corpus]
            case "train_model":
                return float(entry["steps"][-1] * entry["batch_size"] * entry["crop_s"] * (layers * dims + 512))
            case "finetune_model" | "train_translators" | "train_language_model":
                return float(entry["steps"][-1] * entry["batch_size"] * (layers * dims + 512))
            case "extract_activations":
                return (
                    self._extracted_runs(job, corpus, model)
                    * self.analysed_hours(corpus)
                    * (layers * dims**2 + 100_000 if model else 65_000)
                )
            case "probing_run":
                return self._probing(corpus)
            case "encoding_sweep" | "tone_run" | "syntax_run":
                return float(len(read_steps(config, kind.split("_")[0], model)) * layers * dims)
            case "mixing_run" | "spelling_run" | "lens_run" | "scrubbing_run" | "translation_run":
                return self.analysed_hours(corpus) * layers * dims
            case "reduction_run" | "similarity_run":
                return layers * dims * self._sampled(kind.split("_")[0], corpus)
            case "abx_run" | "abx_items_run" | "disentangling_run" | "disentangling_latents":
                return layers * dims * self.segments(corpus)
            case "attribution" | "reliability" | "reliability_task":
                settings = config["analyses"]["attribution"]
                return float(settings["n_utterances"] * len(settings["methods"]))
            case _:
                return 1.0

    def _extracted_runs(self, job: Job, corpus: str, model: str) -> float:
        """Return the number of checkpoints that a job runs over a corpus: a fraction for a part of an extraction."""
        if any("/.parts/" in path for path in job.inputs):
            return 0.0  # the parts are only gathered
        if "scatteritem" not in job.wildcards:
            return float(sum(output.startswith("results/activations/") for output in job.outputs))
        runs = next(runs for of, name, runs in extracted_sweeps(self.place.config) if (of, name) == (corpus, model))
        return len(runs) / int(job.wildcards["scatteritem"].split("-of-")[1])

    def _sampled(self, family: str, corpus: str) -> float:
        section = self.place.config["analyses"][family]
        return min(section["n_items"], 3600 * self.analysed_hours(corpus) * _SEGMENTS.get(section["tier"], _RIMES))

    def _probing(self, corpus: str) -> float:
        section = self.place.config["analyses"]["probing"]
        hours, total = self.analysed_hours(corpus), 0.0
        vectors = sum(
            layers * dims
            for name, model, _ in runs_of(self.place.config, "probing")
            for layers, dims in [self.model(model)]
            if name == corpus
        )
        for target in section["corpora"][corpus]:
            entry = section["targets"][target]
            n_items = min(3600 * hours * _SEGMENTS.get(entry["tier"], _RIMES), section["max_items"] or float("inf"))
            n_probes = 1 + section["n_permutations"] * (1 + bool(entry.get("control"))) / 5
            total += n_items * n_probes * vectors
        return total

    def _hours(self, name: str, corpus: Mapping[str, Any]) -> float:
        counts = corpus.get("sentences") or corpus.get("utterances")
        if counts:
            return float(sum(counts.values()) * _SENTENCE_S / 3600)
        tables = self.place.directory / "resources" / "corpora" / name / "utterances.parquet"
        if tables.is_file():
            import pandas as pd

            columns = pd.read_parquet(tables)
            return float(columns["n_samples"].sum() / 16000 / 3600) if "n_samples" in columns else 0.0
        if corpus["source"] == "folder":
            return _recorded_hours(self.place.file.parent / Path(corpus["path"]).expanduser())
        archive = self.place.directory / archives_of(name, corpus)[0]
        return archive.stat().st_size / _ARCHIVE_BYTES_PER_HOUR if archive.is_file() else float("nan")

    def _corpus(self, job: Job) -> str:
        if "corpus" in job.wildcards:
            return job.wildcards["corpus"]
        corpora = self.place.config["corpora"]
        parts = [part for output in job.outputs for part in Path(output).parts]
        return next((part for part in parts if part in corpora), "")

    def _model(self, job: Job) -> str:
        models = self.place.config["models"]
        for name in ("model", "translator"):
            if job.wildcards.get(name) in models:
                return job.wildcards[name]
        parts = [part for output in job.outputs for part in Path(output).parts]
        found = [part for part in parts if part in models]
        acoustic = [part for part in found if models[part]["source"] == "acoustic"]
        return next((part for part in found if part not in acoustic), "")


def _shape(path: Path) -> tuple[int, int]:
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return _UNKNOWN
    layers = next((settings[key] for key in ("num_hidden_layers", "encoder_layers") if key in settings), _UNKNOWN[0])
    return int(layers), int(next((settings[key] for key in ("hidden_size", "d_model") if key in settings), _UNKNOWN[1]))


def _recorded_hours(folder: Path) -> float:
    """Return the hours of all recordings below a folder, by their headers; a recording without one counts nothing."""
    import soundfile

    from auscult.corpora.walk import list_files

    total_s = 0.0
    for path in list_files(folder).ending_in(".wav", ".flac", ".mp3", ".ogg", ".aiff", ".sph"):
        try:
            total_s += soundfile.info(path).duration
        except (RuntimeError, OSError):
            continue
    return total_s / 3600
