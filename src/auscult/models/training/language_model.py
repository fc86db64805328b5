"""Train a small BERT on text: resumable, with sealed checkpoints along the way and a table of its losses."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from auscult.corpora.text import read_text_corpus
from auscult.errors import ConfigError
from auscult.models.training.arithmetic import training_arithmetic
from auscult.models.training.language_trainer import LanguageTrainer, complete_text_architecture
from auscult.models.training.pretraining import LOSS_COLUMNS, check_steps, run_training
from auscult.models.training.state import Sealer, remove_state
from auscult.tables import write_table

__all__ = ["train_language_model"]

REGULARISER_ARCS = ("syntax", "permuted")


def train_language_model(
    *,
    checkpoints: Path,
    loss_table: Path,
    state: Path,
    corpus: Path,
    architecture: Mapping[str, Any],
    steps: Sequence[int],
    batch_size: int,
    mask_share: float,
    peak_learning_rate: float,
    matrix_rate: float = 5.0,
    warmup: float = 0.1,
    seed: int,
    syntax_regulariser: float = 0.0,
    regulariser_until: int | None = None,
    regulariser_arcs: str = "syntax",
    device: str = "cpu",
    threads: int = 1,
    identity: Mapping[str, Any] | None = None,
) -> None:
    """Train a BERT by masked language modelling (Devlin et al., 2019) and save sealed checkpoints at the given steps.

    Tokens are whole words. Batches and masks are drawn from (seed, step), so that an interrupted training resumes to
    the same bytes on the same machine with the same number of threads.

    Parameters
    ----------
    checkpoints : folder of the checkpoints; each step becomes a sealed folder ``{step}/``, tokenizer included
    loss_table : CSV of columns :data:`auscult.models.training.pretraining.LOSS_COLUMNS`
    state : folder of the resumable state; removed at the end
    corpus : sealed text corpus with sentences of splits ``train`` and ``valid``
    architecture : sizes that differ from the default: ``hidden, layers, heads, feed_forward, dropout``
    steps : steps of the checkpoints, ascending; 0 is the untrained model, the last ends the training
    batch_size : sentences per step
    mask_share : share of words to predict; 0.15 in BERT
    peak_learning_rate : highest learning rate
    matrix_rate, warmup : as in :func:`auscult.models.training.pretraining.train_model`
    seed : of weights, batches and masks
    syntax_regulariser : λ of Chen et al. (2024): above 0 suppresses syntactic attention, below 0 promotes it, 0 has no
        effect; see :func:`auscult.models.training.syntax_regulariser.attention_along`
    regulariser_until : last step with the regulariser; by default the last step of the training
    regulariser_arcs : what the regulariser acts on: ``syntax``, the arcs of the parses, or ``permuted``, as many other
        pairs of words at the same distances
    device : ``"cpu"`` or ``"cuda"``
    threads : threads of every numerical library
    identity : further entries of the checkpoints' recipe

    Raises
    ------
    ConfigError, CorpusError
        Sizes, steps or the corpus do not allow this training.
    AnalysisError
        The loss is no longer finite.
    """
    check_steps(steps)
    if regulariser_arcs not in REGULARISER_ARCS:
        raise ConfigError(
            f"expected regulariser_arcs among {', '.join(REGULARISER_ARCS)}, found {regulariser_arcs!r}; "
            "correct the model"
        )
    if batch_size < 1 or not 0 < mask_share < 1:
        raise ConfigError(
            f"expected a positive batch_size and a mask_share between 0 and 1, found {batch_size} and "
            f"{mask_share:g}; 64 and 0.15 are usual"
        )
    with training_arithmetic(threads), torch.random.fork_rng(devices=[]):
        source = read_text_corpus(corpus)
        settings = {
            "recipe": "masked_language_model",
            "architecture": complete_text_architecture(architecture),
            "steps": [int(step) for step in steps],
            "batch_size": batch_size,
            "mask_share": mask_share,
            "peak_learning_rate": peak_learning_rate,
            "matrix_rate": matrix_rate,
            "warmup": warmup,
            "seed": seed,
            "syntax_regulariser": syntax_regulariser,
            "regulariser_until": regulariser_until,
            "regulariser_arcs": regulariser_arcs,
        }
        trainer = LanguageTrainer(source, settings, device)
        sealer = Sealer(
            Path(checkpoints),
            {**(identity or {}), **settings},
            {"corpus": source.manifest.sha256},
            tokenizer=trainer.tokenizer,
        )
        if Path(loss_table).is_file() and not sealer.missing(steps):
            return
        write_table(run_training(trainer, sealer, Path(state), LOSS_COLUMNS), loss_table)
        remove_state(state)
