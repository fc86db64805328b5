"""Train speech translators of one mechanism, several seeds in one go: seeded, resumable, sealed along the way."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from auscult.corpora.corpus import read_corpus
from auscult.errors import ConfigError
from auscult.manifests import check_folder
from auscult.models.training.pretraining import check_steps, limited_threads, run_training
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
    dropout: float = 0.1,
    width: int = 16,
    decoder_layers: int = 2,
    decoder_steps: int = 0,
    encoder_rate: float = 1.0,
    device: str = "cpu",
    threads: int = 1,
    identity: Mapping[str, Any] | None = None,
) -> None:
    """Train the seeds of one mechanism on the translations of a corpus, one after the other.

    They share what does not learn: front-end frames, or the states of a frozen encoder, are computed once and kept in
    memory. AdamW with a one-cycle learning rate; utterances of like length in a batch. Batches and dropout are drawn
    from (seed, step), so that a training interrupted anywhere ends in the same bytes on the same machine with the same
    number of threads.

    Parameters
    ----------
    checkpoints : of each model the folder of its sealed checkpoints, ``{step}/`` each: a folder of
        ``SpeechEncoderDecoderModel`` with an adapter, and ``vocab.json``
    quality_tables : CSV of columns :data:`TRANSLATION_COLUMNS`, measured on split ``valid``
    states : folders for what a resumed training needs; removed at the end
    seeds : of untrained weights, batches and dropout
    steps : steps to seal a checkpoint after, ascending; 0 is untrained; the last ends the training
    corpus : sealed corpus folder with references, of splits ``train`` and ``valid``
    start : sealed checkpoint of the encoder; of ``frozen`` a recogniser
    mechanism : see :mod:`auscult.models.translators.architecture`
    batch_size : utterances a step
    peak_learning_rate : highest learning rate
    dropout : in the decoder
    width : of the narrow layer of ``frozen``
    decoder_layers : blocks of the decoder
    decoder_steps : steps at the start in which adapter and decoder alone learn, so that the encoder is still what it
        was once the decoder listens to it
    encoder_rate : learning rate of the encoder over that of adapter and decoder
    device : ``"cpu"`` or ``"cuda"``
    threads : threads of every numerical library
    identity : what else shall stand in the recipe of the checkpoints

    Raises
    ------
    ConfigError, CorpusError, CheckpointError
        Settings, corpus or checkpoint do not allow this training.
    AnalysisError
        The loss is no longer finite.
    """
    for mine in steps.values():
        check_steps(mine)
    if batch_size < 1:
        raise ConfigError(f"expected a positive batch_size, found {batch_size}")
    with limited_threads(threads), torch.random.fork_rng(devices=[]):
        source, parent = read_corpus(corpus), check_folder(start)
        parents = {"corpus": source.manifest.sha256, "start": parent.sha256}
        shared = {
            "mechanism": mechanism,
            "batch_size": batch_size,
            "peak_learning_rate": peak_learning_rate,
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


def _train(trainer, folder: Path, recipe: Mapping, parents: Mapping, state: Path, table: Path) -> None:
    _log.info("%s: about %.0f s for %d steps", folder.name, trainer.estimate(), trainer.settings["steps"][-1])
    normalised = trainer.material.preprocessor.get("do_normalize", True)
    vocabulary = vocabulary_json(trainer.pieces.names)
    sealer = Sealer(folder, recipe, parents, do_normalize=normalised, vocabulary=vocabulary)
    write_table(run_training(trainer, sealer, Path(state), TRANSLATION_COLUMNS, _LOG_EVERY), table)
    remove_state(state)
