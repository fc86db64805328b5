"""Fine-tune a pre-trained encoder to transcribe or to classify: resumable, with sealed checkpoints along the way."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from auscult.corpora.corpus import read_corpus
from auscult.errors import ConfigError
from auscult.models.seals import checkpoint_digest
from auscult.models.training.arithmetic import training_arithmetic
from auscult.models.training.finetuner import Finetuner
from auscult.models.training.finetuning_tasks import MEASURES
from auscult.models.training.heads import TASKS, Task
from auscult.models.training.pretraining import check_steps, run_training
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
    matrix_rate: float = 0.0,
    warmup: float = 0.1,
    dropout: float = 0.1,
    mask_probability: float = 0.02,
    augmented_share: float = 0.0,
    time_warp: float = 0.0,
    head_steps: int = 0,
    seed: int,
    device: str = "cpu",
    threads: int = 1,
    identity: Mapping[str, Any] | None = None,
) -> None:
    """Fine-tune an encoder on a corpus and save sealed checkpoints, head included, at the given steps.

    AdamW with a one-cycle learning rate; the convolutional front end is frozen; a batch holds utterances of similar
    length; spans of frames are masked by the embedding that pre-training masks with, and frames are stretched in time
    (SpecAugment: Park et al., 2019). Batches, stretches, masks and dropout are drawn from (seed, step), so that an
    interrupted fine-tuning resumes to the same bytes on the same machine with the same number of threads.

    Parameters
    ----------
    checkpoints : folder of the checkpoints; each step becomes a sealed folder ``{step}/``: Hugging Face's ``…ForCTC``
        with ``vocab.json``, or ``…ForSequenceClassification`` with the names of its classes in ``config.json``
    quality_table : CSV of columns ``QUALITY_COLUMNS[task]``, measured on split ``valid``
    state : folder of the resumable state; removed at the end
    corpus : sealed corpus folder with splits ``train`` and ``valid``
    start : checkpoint folder of a pre-trained encoder (HuBERT, wav2vec 2.0, WavLM)
    task : ``"ctc"``, characters of the lower-cased transcript; or ``"classes"``
    target : definition of the classes, see :func:`auscult.corpora.utterance_classes.utterance_classes`; only for
        ``"classes"``
    steps : steps of the checkpoints, ascending; 0 is untrained, encoder and head; the last ends the training
    batch_size : utterances per step
    peak_learning_rate : highest learning rate
    matrix_rate, warmup : as in :func:`auscult.models.training.pretraining.train_model`
    dropout : of the features before, in and after the transformer
    mask_probability : of a masked span of 5 frames starting at a frame; 0 for no masks
    augmented_share : share of training utterances that are heard at another speed, over another channel, with noise
    time_warp : largest relative change of an utterance's duration, drawn anew at each step; 0 for none
    head_steps : steps at the start in which only the head is trained, as in Baevski et al. (2020, section 4.3): a
        recogniser whose encoder changes before the head has learnt its first letters may settle on blanks
    seed : of untrained weights, head, batches, masks and dropout
    device : ``"cpu"`` or ``"cuda"``
    threads : threads of every numerical library
    identity : further entries of the checkpoints' recipe

    Raises
    ------
    ConfigError, CorpusError, CheckpointError
        Settings, corpus or checkpoint do not allow this fine-tuning.
    AnalysisError
        The loss is no longer finite.
    """
    _check(task, target, steps, batch_size)
    with training_arithmetic(threads), torch.random.fork_rng(devices=[]):
        source, parent = read_corpus(corpus), checkpoint_digest(start)
        settings = {
            "task": task,
            "target": dict(target) if target else None,
            "steps": [int(step) for step in steps],
            "batch_size": batch_size,
            "peak_learning_rate": peak_learning_rate,
            "matrix_rate": matrix_rate,
            "warmup": warmup,
            "dropout": dropout,
            "mask_probability": mask_probability,
            "augmented_share": augmented_share,
            "time_warp": time_warp,
            "head_steps": head_steps,
            "seed": seed,
        }
        parents = {"corpus": source.manifest.sha256, "start": parent}
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
    """Return the further content of each checkpoint folder, as arguments of ``save_checkpoint``."""
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
