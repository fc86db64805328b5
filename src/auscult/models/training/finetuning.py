"""Fine-tune a pre-trained encoder to transcribe or to classify: seeded, resumable, sealed along the way."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from auscult.corpora.corpus import read_corpus
from auscult.errors import ConfigError
from auscult.manifests import check_folder
from auscult.models.training.finetuner import Finetuner
from auscult.models.training.finetuning_tasks import MEASURES
from auscult.models.training.heads import TASKS, Task
from auscult.models.training.pretraining import check_steps, limited_threads, run_training
from auscult.models.training.state import Sealer, remove_state
from auscult.models.training.vocabulary import vocabulary_json
from auscult.tables import write_table

__all__ = ["QUALITY_COLUMNS", "finetune_model"]

QUALITY_COLUMNS = {task: ("step", "loss_train", *measures, "learning_rate") for task, measures in MEASURES.items()}
_LOG_EVERY = {"ctc": 100, "classes": 25}
_log = logging.getLogger(__name__)


def finetune_model(
    *,
    checkpoints: Path,
    quality_table: Path,
    state: Path,
    corpus: Path,
    start: Path,
    task: Task,
    target: Mapping[str, Any] | None = None,
    steps: Sequence[int],
    batch_size: int,
    peak_learning_rate: float,
    dropout: float = 0.1,
    mask_probability: float = 0.02,
    augmented_copies: int = 0,
    head_steps: int = 0,
    seed: int,
    device: str = "cpu",
    threads: int = 1,
    identity: Mapping[str, Any] | None = None,
) -> None:
    """Fine-tune an encoder on a corpus and seal it, head included, at the steps asked for.

    AdamW with a one-cycle learning rate; the convolutional front end is frozen; utterances of like length in a batch;
    spans of frames are hidden behind the embedding that pre-training masks with (SpecAugment in time: Park et al.,
    2019). Batches, copies, masks and dropout are drawn from (seed, step), so that a fine-tuning interrupted anywhere
    ends in the same bytes on the same machine with the same number of threads.

    Parameters
    ----------
    checkpoints : folder of the sealed checkpoints, ``{step}/`` each: Hugging Face's ``…ForCTC`` with ``vocab.json``,
        or ``…ForSequenceClassification`` with the names of its classes in ``config.json``
    quality_table : CSV of columns ``QUALITY_COLUMNS[task]``, measured on split ``valid``
    state : folder for what a resumed fine-tuning needs; removed at the end
    corpus : sealed corpus folder with splits ``train`` and ``valid``
    start : sealed checkpoint of a pre-trained encoder (HuBERT, wav2vec 2.0, WavLM)
    task : ``"ctc"``, characters of the lower-cased transcript; or ``"classes"``
    target : what the classes are, see :func:`auscult.corpora.utterance_classes.utterance_classes`; only for
        ``"classes"``
    steps : steps to seal a checkpoint after, ascending; 0 is untrained, encoder and head; the last ends the training
    batch_size : utterances a step
    peak_learning_rate : highest learning rate
    dropout : of the features around and in the transformer
    mask_probability : of a hidden span of 5 frames starting at a frame; 0 hides none
    augmented_copies : of each utterance, heard beside it at another speed, over another channel, in noise
    head_steps : steps at the start in which the head alone learns, as in Baevski et al. (2020, section 4.3): a
        recogniser that changes its encoder before it has found its first letters may settle on blanks for good
    seed : of untrained weights, head, batches, masks and dropout
    device : ``"cpu"`` or ``"cuda"``
    threads : threads of every numerical library
    identity : what else shall stand in the recipe of the checkpoints

    Raises
    ------
    ConfigError, CorpusError, CheckpointError
        Settings, corpus or checkpoint do not allow this fine-tuning.
    AnalysisError
        The loss is no longer finite.
    """
    _check(task, target, steps, batch_size)
    with limited_threads(threads), torch.random.fork_rng(devices=[]):
        source, parent = read_corpus(corpus), check_folder(start)
        settings = {
            "task": task,
            "target": dict(target) if target else None,
            "steps": [int(step) for step in steps],
            "batch_size": batch_size,
            "peak_learning_rate": peak_learning_rate,
            "dropout": dropout,
            "mask_probability": mask_probability,
            "augmented_copies": augmented_copies,
            "head_steps": head_steps,
            "seed": seed,
        }
        parents = {"corpus": source.manifest.sha256, "start": parent.sha256}
        recipe = {**(identity or {}), **settings}
        if Path(quality_table).is_file() and not Sealer(Path(checkpoints), recipe, parents).missing(steps):
            return
        finetuner = Finetuner(source, start, settings, device)
        _log.info("about %.0f s for %d steps of %d utterances, %.0f s of audio in all", *_estimated(finetuner))
        sealer = Sealer(Path(checkpoints), recipe, parents, **_beside(finetuner))
        table = run_training(finetuner, sealer, Path(state), QUALITY_COLUMNS[task], _LOG_EVERY[task])
        write_table(table, quality_table)
        remove_state(state)


def _estimated(finetuner: Finetuner) -> tuple[float, int, int, float]:
    seconds, audio_s = finetuner.estimate()
    return seconds, finetuner.settings["steps"][-1], finetuner.batches.size, audio_s


def _beside(finetuner: Finetuner) -> dict[str, Any]:
    """Return what stands in a checkpoint folder beside the model."""
    task, labels = finetuner.settings["task"], finetuner.objective.labels
    return {
        "do_normalize": finetuner.preprocessor.get("do_normalize", True),
        "vocabulary": vocabulary_json(labels) if task == "ctc" else None,
    }


def _check(task: str, target: Mapping[str, Any] | None, steps: Sequence[int], batch_size: int) -> None:
    if task not in TASKS:
        raise ConfigError(
            f"expected a task among {', '.join(TASKS)}, found {task!r}; correct 'task' in the model's entry"
        )
    if (task == "classes") != bool(target):
        raise ConfigError(
            f"expected a target for task 'classes' and none for 'ctc', found {target or 'none'} for {task!r}; "
            "for example target: {column: gender}"
        )
    check_steps(steps)
    if batch_size < 1:
        raise ConfigError(f"expected a positive batch_size, found {batch_size}")
