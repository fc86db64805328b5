"""Train a small speech encoder: resumable, with sealed checkpoints along the way and a table of its losses."""

import logging
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from auscult.corpora.corpus import read_corpus
from auscult.errors import ConfigError
from auscult.models.frames import FrameTiming
from auscult.models.seals import checkpoint_digest
from auscult.models.speech import load_speech_model
from auscult.models.training.architecture import RECIPES, Recipe, complete_architecture, encoder_timing
from auscult.models.training.arithmetic import training_arithmetic
from auscult.models.training.learner import Learner
from auscult.models.training.pretrainer import SAMPLE_RATE_HZ, Trainer
from auscult.models.training.state import Sealer, load_state, remove_state, save_state
from auscult.tables import write_table

__all__ = ["LOSS_COLUMNS", "train_model", "run_training", "check_steps"]

LOSS_COLUMNS = ("step", "loss_train", "loss_valid", "accuracy_valid", "learning_rate")
_LOG_EVERY, _SAVE_EVERY = 50, 200
_log = logging.getLogger(__name__)


def train_model(
    *,
    checkpoints: Path,
    loss_table: Path,
    state: Path,
    corpus: Path,
    recipe: Recipe,
    architecture: Mapping[str, Any],
    codebooks: Mapping[str, int],
    teacher: Path | None = None,
    steps: Sequence[int],
    batch_size: int,
    crop_s: float,
    peak_learning_rate: float,
    matrix_rate: float = 5.0,
    warmup: float = 0.1,
    seed: int,
    device: str = "cpu",
    threads: int = 1,
    identity: Mapping[str, Any] | None = None,
) -> None:
    """Train an encoder on a corpus and save sealed checkpoints at the given steps.

    Muon and AdamW with a one-cycle learning rate; span masks; crops with a random channel and noise. Batches, masks and
    dropout are drawn from (seed, step), so that an interrupted training resumes to the same bytes on the same machine
    with the same number of threads.

    Parameters
    ----------
    checkpoints : folder of the checkpoints; each step becomes a sealed folder ``{step}/`` with the encoder alone
    loss_table : CSV of columns :data:`LOSS_COLUMNS`; validation on fixed crops and masks of split ``valid``
    state : folder of the resumable state; removed at the end
    corpus : sealed corpus folder with splits ``train`` and ``valid``
    recipe : ``"masked_prediction"`` (HuBERT) or ``"contrastive"`` (wav2vec 2.0)
    architecture : sizes that differ from the default encoder's
    codebooks : number of units by codebook (``mel``, ``pitch`` or a layer of the teacher); ignored by ``contrastive``
    teacher : checkpoint folder of a trained model whose states are clustered, as in the second iteration of HuBERT
    steps : steps of the checkpoints, ascending; 0 is the untrained encoder, the last ends the training
    batch_size : crops per step
    crop_s : length of a crop, in seconds
    peak_learning_rate : highest learning rate
    matrix_rate : ratio of Muon's learning rate, for the matrices of the transformer layers, to AdamW's; 0 for AdamW
        alone
    warmup : share of the steps over which the learning rate rises
    seed : of weights, codebooks, crops and masks
    device : ``"cpu"`` or ``"cuda"``
    threads : threads of every numerical library
    identity : further entries of the checkpoints' recipe

    Raises
    ------
    ConfigError, CorpusError
        Sizes, steps, codebooks or the corpus do not allow this training.
    AnalysisError
        The loss is no longer finite.
    """
    _check(recipe, codebooks, steps, batch_size)
    _check_crop(crop_s, encoder_timing(architecture))
    with training_arithmetic(threads), torch.random.fork_rng(devices=[]):
        source = read_corpus(corpus)
        settings = {
            "recipe": recipe,
            "architecture": complete_architecture(architecture),
            "codebooks": dict(codebooks),
            "steps": [int(step) for step in steps],
            "batch_size": batch_size,
            "crop_s": crop_s,
            "peak_learning_rate": peak_learning_rate,
            "matrix_rate": matrix_rate,
            "warmup": warmup,
            "seed": seed,
        }
        parents = {"corpus": source.manifest.sha256}
        if teacher is not None:
            parents["teacher"] = checkpoint_digest(teacher)
        sealer = Sealer(Path(checkpoints), {**(identity or {}), **settings}, parents)
        if Path(loss_table).is_file() and not sealer.missing(steps):
            return
        taught_by = None if teacher is None else load_speech_model(teacher, device=device)
        trainer = Trainer(source, settings, device, taught_by)
        write_table(run_training(trainer, sealer, Path(state), LOSS_COLUMNS), loss_table)
        remove_state(state)


def run_training(
    trainer: Learner[Any], sealer: Sealer, folder: Path, columns: Sequence[str], log_every: int = _LOG_EVERY
) -> pd.DataFrame:
    """Train to the last step, saving checkpoints and the resumable state on the way; return the table of losses.

    Parameters
    ----------
    trainer : the training
    sealer : of the checkpoints
    folder : of the state from which an interrupted training resumes
    columns : ``step, loss_train``, a name for each number that ``trainer.validate`` returns, ``learning_rate``
    log_every : steps between two rows of the table
    """
    n_steps, wanted = sealer.settings["steps"][-1], set(sealer.settings["steps"])
    losses, rows, passed = _resume(trainer, sealer, folder)
    with tqdm(total=n_steps, initial=trainer.step, unit="step", desc="training", disable=None) as progress:
        while True:
            reached = trainer.step in wanted and trainer.step not in passed
            if reached or (trainer.step % log_every == 0 and not (rows and rows[-1][0] == trainer.step)):
                rows.append([trainer.step, _mean(losses), *trainer.validate(), trainer.learning_rate])
                progress.set_postfix({name: f"{value:.3f}" for name, value in zip(columns[2:4], rows[-1][2:4])})
                losses = []
            if reached:
                measured = ", ".join(f"{name} {value:.3f}" for name, value in zip(columns[2:-1], rows[-1][2:]))
                _log.info("step %d of %d: %s", trainer.step, n_steps, measured)
                passed[trainer.step] = _weights(trainer)
                _seal(trainer, sealer, passed)
            if trainer.step and (reached or trainer.step % _SAVE_EVERY == 0):
                content = {"trainer": trainer.state(), "losses": losses, "rows": rows, "passed": passed}
                save_state(folder, sealer.identity, content)
            if trainer.step == n_steps:
                return pd.DataFrame(rows, columns=list(columns))
            losses.append(trainer.advance())
            progress.update()


def _resume(
    trainer: Learner[Any], sealer: Sealer, folder: Path
) -> tuple[list[float], list[list[float]], dict[int, dict[str, torch.Tensor]]]:
    """Resume an interrupted training with the same settings; write its missing checkpoints again.

    Returns
    -------
    losses since the last row of the table, rows of the table, and weights of the checkpoints so far
    """
    found = load_state(folder, sealer.identity)
    if found is None:
        remove_state(folder)
        return [], [], {}
    trainer.restore(found["trainer"])
    _seal(trainer, sealer, found["passed"])
    return found["losses"], found["rows"], found["passed"]


def _seal(trainer: Learner[Any], sealer: Sealer, passed: Mapping[int, dict[str, torch.Tensor]]) -> None:
    encoder = deepcopy(trainer.encoder)
    for step in sealer.missing(passed):
        encoder.load_state_dict(passed[step])
        sealer.seal(encoder, step)


def _weights(trainer: Learner[Any]) -> dict[str, torch.Tensor]:
    return {name: value.detach().cpu().clone() for name, value in trainer.encoder.state_dict().items()}


def _mean(losses: Sequence[float]) -> float:
    return float(np.mean(losses)) if losses else float("nan")


def check_steps(steps: Sequence[int]) -> None:
    """Raise :class:`ConfigError` unless steps are ascending and end above 0."""
    if list(steps) != sorted(set(steps)) or not steps or steps[0] < 0 or steps[-1] < 1:
        raise ConfigError(f"expected ascending steps that end above 0, found {list(steps)}; for example [0, 100, 1500]")


def _check(recipe: str, codebooks: Mapping[str, int], steps: Sequence[int], batch_size: int) -> None:
    if recipe not in RECIPES:
        raise ConfigError(
            f"expected a training recipe among {', '.join(RECIPES)}, found {recipe!r}; correct 'recipe' "
            "in the model's entry"
        )
    check_steps(steps)
    if recipe == "masked_prediction" and not codebooks:
        raise ConfigError(
            "expected at least one codebook for recipe 'masked_prediction', found none; for example mel: 100"
        )
    if batch_size < 1:
        raise ConfigError(f"expected a positive batch_size, found {batch_size}")


def _check_crop(crop_s: float, timing: FrameTiming) -> None:
    n_frames = int(timing.n_frames(round(crop_s * SAMPLE_RATE_HZ)))
    if n_frames < 10:
        shortest_s = (timing.receptive_field_samples + 9 * timing.hop_samples) / SAMPLE_RATE_HZ
        raise ConfigError(
            f"expected crops of at least 10 frames (some are masked), found {n_frames} in {crop_s:g} s; set crop_s "
            f"to {shortest_s:g} or more (2 is usual)"
        )
