"""Train speech translators of one mechanism with several seeds: resumable, with sealed checkpoints along the way."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from auscult.corpora.corpus import read_corpus
from auscult.errors import ConfigError
from auscult.models.seals import checkpoint_digest
from auscult.models.training.arithmetic import training_arithmetic
from auscult.models.training.pretraining import check_steps, run_training
from auscult.models.training.state import Sealer, remove_state
from auscult.models.training.translation_trainer import Material, TranslationTrainer
from auscult.models.training.vocabulary import vocabulary_json
from auscult.models.translators.architecture import Mechanism
from auscult.tables import write_table

__all__ = ["TRANSLATION_COLUMNS", "train_translators"]

TRANSLATION_COLUMNS = ("step", "loss_train", "loss_valid", "exact_match_valid", "n_valid", "learning_rate")
_LOG_EVERY = 200
_log = logging.getLogger(__name__)


def train_translators(
    *,
    checkpoints: Mapping[str, Path],
    quality_tables: Mapping[str, Path],
    states: Mapping[str, Path],
    seeds: Mapping[str, int],
    steps: Mapping[str, Sequence[int]],
    corpus: Path,
    start: Path,
    mechanism: Mechanism,
    batch_size: int,
    peak_learning_rate: float,
    matrix_rate: float = 0.0,
    warmup: float = 0.1,
    dropout: float = 0.1,
    width: int = 16,
    decoder_layers: int = 2,
    decoder_steps: int = 0,
    encoder_rate: float = 1.0,
    device: str = "cpu",
    threads: int = 1,
    identity: Mapping[str, Any] | None = None,
) -> None:
    """Train translators of one mechanism on the translations of a corpus, one seed after the other.

    The seeds share the output of parts that are not trained: front-end frames, or the states of a frozen encoder, are
    computed once and kept in memory. AdamW with a one-cycle learning rate; a batch holds utterances of similar length.
    Batches and dropout are drawn from (seed, step), so that an interrupted training resumes to the same bytes on the
    same machine with the same number of threads.

    Parameters
    ----------
    checkpoints : by model, the folder of its checkpoints; each step becomes a sealed folder ``{step}/`` with a
        ``SpeechEncoderDecoderModel`` with adapter, and ``vocab.json``
    quality_tables : by model, CSV of columns :data:`TRANSLATION_COLUMNS`, measured on split ``valid``
    states : by model, the folder of its resumable state; removed at the end
    seeds : by model, the seed of untrained weights, batches and dropout
    steps : by model, the steps of its checkpoints, ascending; 0 is untrained, the last ends the training
    corpus : sealed corpus folder with references for splits ``train`` and ``valid``
    start : checkpoint folder of the encoder; for ``frozen``, of a recogniser
    mechanism : see :mod:`auscult.models.translators.architecture`
    batch_size : utterances per step
    peak_learning_rate : highest learning rate
    matrix_rate, warmup : as in :func:`auscult.models.training.pretraining.train_model`
    dropout : in the decoder
    width : dimensions of the narrow layer of ``frozen``
    decoder_layers : blocks of the decoder
    decoder_steps : steps at the start in which only adapter and decoder are trained: gradients through an untrained
        decoder would damage the encoder
    encoder_rate : learning rate of the encoder relative to the rest of the model
    device : ``"cpu"`` or ``"cuda"``
    threads : threads of every numerical library
    identity : further entries of the checkpoints' recipe

    Raises
    ------
    ConfigError, CorpusError, CheckpointError
        Settings, corpus or checkpoint do not allow this training.
    AnalysisError
        The loss is no longer finite.
    """
    for of_model in steps.values():
        check_steps(of_model)
    if batch_size < 1:
        raise ConfigError(f"expected a positive batch_size, found {batch_size}")
    with training_arithmetic(threads), torch.random.fork_rng(devices=[]):
        source = read_corpus(corpus)
        parents = {"corpus": source.manifest.sha256, "start": checkpoint_digest(start)}
        shared = {
            "mechanism": mechanism,
            "batch_size": batch_size,
            "peak_learning_rate": peak_learning_rate,
            "matrix_rate": matrix_rate,
            "warmup": warmup,
            "dropout": dropout,
            "width": width,
            "decoder_layers": decoder_layers,
            "decoder_steps": decoder_steps,
            "encoder_rate": encoder_rate,
        }
        material = None
        for name, seed in seeds.items():
            settings = {**shared, "steps": [int(step) for step in steps[name]], "seed": seed}
            recipe = {**(identity or {}), **settings}
            folder = Path(checkpoints[name])
            if Path(quality_tables[name]).is_file() and not Sealer(folder, recipe, parents).missing(steps[name]):
                continue
            material = material or Material(source, start, device)
            _train(TranslationTrainer(material, settings), folder, recipe, parents, states[name], quality_tables[name])


def _train(
    trainer: TranslationTrainer,
    folder: Path,
    recipe: Mapping[str, Any],
    parents: Mapping[str, str],
    state: Path,
    table: Path,
) -> None:
    _log.info("%s: about %.0f s for %d steps", folder.name, trainer.estimate(), trainer.settings["steps"][-1])
    normalised = trainer.material.preprocessor.get("do_normalize", True)
    vocabulary = vocabulary_json(trainer.subwords.names)
    sealer = Sealer(folder, recipe, parents, do_normalize=normalised, vocabulary=vocabulary)
    write_table(run_training(trainer, sealer, Path(state), TRANSLATION_COLUMNS, _LOG_EVERY), table)
    remove_state(state)
