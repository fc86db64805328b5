"""Training recipes: time to the validation loss that AdamW with default matrix products reaches at its last step.

Ours is the recipe of the default study (Muon for the matrices of transformer layers, matrix products by oneDNN where
they are exact), the peer AdamW alone; same seed, data, schedule and number of steps. Times are CPU times of the steps
on one thread, without validation. ``equal``: the loss is reached.
"""

import tempfile
import time
from pathlib import Path

import torch
from threadpoolctl import threadpool_limits

from auscult.corpora.corpus import read_corpus
from auscult.corpora.synthesis.speech import synthesise_corpus
from auscult.corpora.synthesis.text import write_text_corpus
from auscult.corpora.text import read_text_corpus
from auscult.models.training.architecture import complete_architecture
from auscult.models.training.arithmetic import training_arithmetic
from auscult.models.training.language_trainer import LanguageTrainer, complete_text_architecture
from auscult.models.training.pretrainer import Trainer

FRONT_END = {
    "conv_dim": [32, 32, 64, 128, 128],
    "conv_kernel": [10, 8, 8, 4, 2],
    "conv_stride": [5, 4, 4, 2, 2],
}
N_STEPS, EVERY = 120, 10


def speech_settings(recipe, rate, peak):
    return {
        "recipe": recipe,
        "architecture": complete_architecture(FRONT_END),
        "codebooks": {"mel": 100},
        "steps": [N_STEPS],
        "batch_size": 8,
        "crop_s": 2.0,
        "peak_learning_rate": peak,
        "matrix_rate": rate,
        "warmup": 0.1,
        "seed": 3,
    }


def text_settings(rate):
    return {
        "architecture": complete_text_architecture({}),
        "steps": [N_STEPS],
        "batch_size": 64,
        "mask_share": 0.25,
        "peak_learning_rate": 0.002,
        "matrix_rate": rate,
        "warmup": 0.1,
        "seed": 3,
        "syntax_regulariser": 0.0,
        "regulariser_until": None,
    }


def train(trainer, goal=None):
    """Take steps until a validation loss is reached, or all; return CPU seconds of the steps and the last loss."""
    spent_s, loss = 0.0, float("inf")
    while trainer.step < N_STEPS and not (goal is not None and loss <= goal):
        start = time.process_time()
        trainer.advance()
        spent_s += time.process_time() - start
        if trainer.step % EVERY == 0:
            loss = trainer.validate()[0]
    return spent_s, loss


def compare(name, build, rate):
    """Print the row of one recipe; ``build(rate)`` returns a trainer."""
    with threadpool_limits(1):
        torch.set_num_threads(1)
        torch.set_float32_matmul_precision("highest")
        peer_s, goal = train(build(0.0))
    with training_arithmetic(1):
        ours_s, loss = train(build(rate), goal)
    print(f"{name}, {N_STEPS} AdamW steps, {ours_s:.1f}, {peer_s:.1f}, {peer_s / ours_s:.1f}, {loss <= goal}")


def main():
    with tempfile.TemporaryDirectory() as folder:
        speech, text = Path(folder) / "speech", Path(folder) / "text"
        synthesise_corpus(
            speech,
            corpus="english",
            languages=["english"],
            sentences={"train": 240, "valid": 24},
            voices={"train": 12, "valid": 4},
            seed=3,
        )
        write_text_corpus(
            text, corpus="text", grammar="english", sentences={"train": 4000, "valid": 200}, pairs=4, seed=3
        )
        spoken, written = read_corpus(speech), read_text_corpus(text)
        compare(
            "masked prediction (HuBERT)",
            lambda rate: Trainer(spoken, speech_settings("masked_prediction", rate, 0.003), "cpu"),
            7.0,
        )
        compare(
            "contrastive (wav2vec 2.0)",
            lambda rate: Trainer(spoken, speech_settings("contrastive", rate, 0.001), "cpu"),
            5.0,
        )
        compare("masked language model (BERT)", lambda rate: LanguageTrainer(written, text_settings(rate), "cpu"), 5.0)


if __name__ == "__main__":
    main()
