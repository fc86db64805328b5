"""Extraction of pooled activations from wav2vec 2.0 base on the CPU, relative to the machine's matrix-product rate.

The weights are random, which does not affect speed. `ours_s` is the time of the whole extraction (decode, run, pool,
write). `peer_s` is the time that its multiply-adds alone would take at the rate of a large matrix product, measured
before and after in the same process. `equal`: the pooled vectors agree with a plain forward pass of transformers, one
recording at a time.
"""

import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import soundfile
import torch
from safetensors.numpy import load_file
from transformers import Wav2Vec2Config, Wav2Vec2Model

from auscult.activations.extraction import extract_activations
from auscult.activations.store import shard_name
from auscult.corpora.corpus import Corpus, read_corpus
from auscult.manifests import build_folder
from auscult.models.speech import SpeechModel
from auscult.tables import SEGMENT_COLUMNS, UTTERANCE_COLUMNS, write_table

CLIP_S = 10
N_CLIPS = 6
RATE_HZ = 16000


def main() -> None:
    """Measure and print one row."""
    torch.manual_seed(0)
    config = Wav2Vec2Config()
    encoder = Wav2Vec2Model(config).eval()
    with TemporaryDirectory() as scratch:
        corpus = make_corpus(Path(scratch) / "corpus")
        model = SpeechModel(encoder)
        model.frames([corpus.waveform("u0")[:RATE_HZ]])
        before = product_rate()
        start = time.perf_counter()
        extract_activations(
            Path(scratch) / "activations",
            model=model,
            corpus=corpus,
            tiers=["phone", "utterance"],
            splits=["test"],
            batch_s=30,
            recipe={},
            parents={},
        )
        ours_s = time.perf_counter() - start
        rate = (before + product_rate()) / 2
        found = load_file(Path(scratch) / "activations" / shard_name(0))
        index = pd.read_parquet(Path(scratch) / "activations" / "index.parquet")
        equal = agrees(encoder, corpus, found, index)
    peer_s = N_CLIPS * n_operations(config, CLIP_S) / rate
    rates = f"{N_CLIPS * CLIP_S / ours_s:.2f} s of audio per s (upper bound {N_CLIPS * CLIP_S / peer_s:.2f})"
    name = f"extraction, base size: {rates}"
    print(f"{name}, {ours_s:.2f}, {peer_s:.2f}, {peer_s / ours_s:.2f}, {equal}")


def make_corpus(folder: Path) -> Corpus:
    """Write a corpus of noise with phones of 100 ms."""
    random, n_samples = np.random.default_rng(0), CLIP_S * RATE_HZ
    utterances, segments = [], []
    with build_folder(folder, {}) as partial:
        (partial / "audio").mkdir()
        for clip in range(N_CLIPS):
            name, path = f"u{clip}", f"audio/u{clip}.flac"
            soundfile.write(partial / path, random.uniform(-0.5, 0.5, n_samples), RATE_HZ)
            utterances.append([name, "noise", path, RATE_HZ, n_samples, f"s{clip}", "", "", "", "test"])
            onsets = range(0, n_samples, RATE_HZ // 10)
            segments += [[name, "phone", i, "a", t, t + RATE_HZ // 10, -1] for i, t in enumerate(onsets)]
        write_table(pd.DataFrame(utterances, columns=UTTERANCE_COLUMNS), partial / "utterances.parquet")
        write_table(pd.DataFrame(segments, columns=SEGMENT_COLUMNS), partial / "segments.parquet")
    return read_corpus(folder)


def product_rate(size: int = 2048, n_repeats: int = 5) -> float:
    """Return the median rate of a float32 matrix product in operations per second, with torch's number of threads."""
    one, other, times = torch.randn(size, size), torch.randn(size, size), []
    for _ in range(n_repeats):
        start = time.perf_counter()
        one @ other
        times.append(time.perf_counter() - start)
    return 2 * size**3 / float(np.median(times))


def n_operations(config: Wav2Vec2Config, duration_s: float) -> float:
    """Return the number of multiplications and additions in one forward pass over one recording."""
    n_frames, channels, total = int(duration_s * RATE_HZ), 1, 0
    for width, kernel, stride in zip(config.conv_dim, config.conv_kernel, config.conv_stride):
        n_frames = (n_frames - kernel) // stride + 1
        total += n_frames * width * channels * kernel
        channels = width
    hidden = config.hidden_size
    total += n_frames * hidden * channels
    total += n_frames * hidden * hidden // config.num_conv_pos_embedding_groups * config.num_conv_pos_embeddings
    block = 4 * hidden * hidden + 2 * hidden * config.intermediate_size + 2 * n_frames * hidden
    return 2.0 * (total + config.num_hidden_layers * n_frames * block)


def agrees(encoder: Wav2Vec2Model, corpus: Corpus, found: dict, index: pd.DataFrame) -> bool:
    """Return whether the mean of the last layer over one recording agrees with a plain forward pass."""
    waveform = corpus.waveform("u0")
    waveform = (waveform - waveform.mean()) / np.sqrt(waveform.var() + 1e-7)
    with torch.inference_mode():
        expected = encoder(torch.from_numpy(waveform)[None]).last_hidden_state[0].mean(dim=0).numpy()
    row = index[(index["utterance"] == "u0") & (index["tier"] == "utterance")]["row"].item()
    last = f"T{encoder.config.num_hidden_layers}"
    return bool(np.allclose(found[last][row], expected, atol=1e-4 * np.abs(expected).max()))


if __name__ == "__main__":
    main()
