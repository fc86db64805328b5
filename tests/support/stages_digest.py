"""Print a digest of what each kind of computation of the project returns, for comparisons of instruction sets.

Run as a program in a process of its own, since numerical libraries read their variables as they are loaded.
"""

import hashlib
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch


def digest(*arrays):
    found = hashlib.sha256()
    for array in arrays:
        found.update(np.ascontiguousarray(np.asarray(array)).tobytes())
    return found.hexdigest()[:16]


def synthesis(folder):
    from auscult.corpora.corpus import read_corpus
    from auscult.corpora.synthesis.speech import synthesise_corpus

    voices = {"train": 2, "valid": 2}
    synthesise_corpus(
        folder, corpus="english", languages=["english"], sentences={"train": 4, "valid": 2}, voices=voices, seed=3
    )
    corpus = read_corpus(folder)
    return corpus, [corpus.waveform(name) for name in corpus.utterances["utterance"]]


def training(corpus):
    from auscult.models.training.architecture import complete_architecture
    from auscult.models.training.arithmetic import training_arithmetic
    from auscult.models.training.pretrainer import Trainer

    settings = {
        "recipe": "masked_prediction",
        "architecture": complete_architecture({"hidden": 32, "feed_forward": 64, "layers": 2, "heads": 2}),
        "codebooks": {"mel": 8},
        "steps": [3],
        "batch_size": 2,
        "crop_s": 1.0,
        "peak_learning_rate": 0.003,
        "matrix_rate": 7.0,
        "warmup": 0.1,
        "seed": 3,
    }
    trainer = Trainer(corpus, settings, "cpu")
    with training_arithmetic(1):
        for _ in range(3):
            trainer.advance()
    return trainer


def main():
    torch.set_num_threads(1)
    generator = np.random.default_rng(0)
    vectors = generator.normal(size=(200, 24)).astype(np.float32)
    found = {}
    with tempfile.TemporaryDirectory() as name:
        corpus, waveforms = synthesis(Path(name) / "speech")
        found["synthesis"] = digest(*waveforms)
        waveforms = [np.round(generator.normal(size=16000) * 8000).astype(np.int16) / np.float32(32768)]
        from auscult.models.acoustic import log_f0, log_mel, mfcc

        found["log-mel"] = digest(*map(log_mel, waveforms))
        found["MFCC"] = digest(*map(mfcc, waveforms))
        found["F0"] = digest(*map(log_f0, waveforms))
        trainer = training(corpus)
        found["training"] = digest(*(p.detach().numpy() for p in trainer.module.parameters()))
    found["products (numpy)"] = digest(vectors.T @ vectors)
    found["products (torch)"] = digest((torch.from_numpy(vectors).T @ torch.from_numpy(vectors)).numpy())
    found["decomposition"] = digest(np.linalg.svd(vectors.astype(float), compute_uv=False))
    found["sums"] = digest(vectors.mean(0), vectors.std(0), vectors.sum())
    found["functions (numpy)"] = digest(np.exp(vectors), np.tanh(vectors), np.log(np.abs(vectors)), np.sin(vectors))
    found["functions (numpy, double)"] = digest(*(f(np.abs(vectors.astype(float))) for f in (np.exp, np.log, np.sin)))
    found["functions (torch)"] = digest(
        *(f(torch.from_numpy(vectors)).numpy() for f in (torch.exp, torch.tanh, torch.erf))
    )
    found["Fourier (torch)"] = digest(torch.fft.rfft(torch.from_numpy(vectors)).abs().numpy())
    from sklearn.linear_model import LogisticRegression
    from sklearn.manifold import TSNE
    from umap import UMAP

    labels = (vectors[:, 0] + vectors[:, 1] > 0).astype(int)
    found["logistic (scikit-learn)"] = digest(LogisticRegression().fit(vectors, labels).coef_)
    found["t-SNE"] = digest(TSNE(random_state=0, max_iter=250).fit_transform(vectors))
    found["UMAP"] = digest(UMAP(random_state=0, n_epochs=20, n_jobs=1).fit_transform(vectors))
    json.dump(found, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
