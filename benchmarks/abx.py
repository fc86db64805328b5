"""ABX over frame sequences, compared with zerospeech-libriabx2: triphones within speaker, without subsampling.

Measured is the CPU time on one thread from an item file and frames to the score. The peer drops the last frame of every
item, so ``drop_last_frame`` is on here too, and both scores must agree within 1e-6. Install the peer separately with
``uv pip install --no-deps --target peer zerospeech-libriabx2`` and run ``PYTHONPATH=peer python benchmarks/abx.py``.
Without the peer, the row says how to install it.
"""

import contextlib
import importlib
import io
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import torch
from threadpoolctl import threadpool_limits

from auscult.analyses.abx.analysis import AbxSettings, FrameComparison, abx_frames
from auscult.analyses.abx.items import read_items
from auscult.models.frames import FrameTiming

PEER = "zerospeech-libriabx2"
HOP, RATE = 320, 16000
N_DIMS, N_LATENT, N_SPEAKERS, N_ITEMS = 768, 8, 8, 3000
TOLERANCE = 1e-6


def synthesise(seed=0):
    """Return the frames of each utterance and the lines of an item file, with planted classes and speakers and noise.

    The noise has few dimensions, so distances differ enough that no triple depends on rounding in the peer's float32.
    """
    rng = np.random.default_rng(seed)
    basis = rng.normal(size=(N_LATENT, N_DIMS))
    of_phone, of_speaker = rng.normal(size=(12, N_LATENT)), rng.normal(size=(N_SPEAKERS, N_LATENT))
    frames, lines = {}, []
    for utterance in range(N_ITEMS // 40):
        speaker, name, sequence, onset = utterance % N_SPEAKERS, f"u{utterance:04d}", [], 0
        for _ in range(40):
            n, phone, context = rng.integers(3, 12), rng.integers(12), rng.integers(12)
            centre = 0.5 * of_phone[phone] + of_speaker[speaker] + 0.5 * rng.normal(size=N_LATENT)
            sequence.append(centre + 0.5 * rng.normal(size=(n, N_LATENT)))
            # Shifted by a quarter of a hop: no frame centre lies on an edge, where seconds and samples may round apart.
            times = ((onset + 0.25) * HOP / RATE, (onset + n + 0.25) * HOP / RATE)
            lines.append(f"{name} {times[0]:.4f} {times[1]:.4f} p{phone} c{context} d{context} s{speaker}")
            onset += n
        sequence.append(rng.normal(size=(2, N_LATENT)))
        frames[name] = (np.concatenate(sequence) @ basis).astype(np.float32)
    return frames, lines


class Given:
    """Model that returns stored frames; its waveforms are the names of utterances."""

    name, layers, sample_rate_hz, timing = "given", ("T1",), RATE, FrameTiming(HOP, HOP)

    def __init__(self, frames):
        self.stored = frames

    def frames(self, names):
        return {"T1": [torch.from_numpy(self.stored[name]) for name in names]}


def run_ours(folder, frames):
    lengths = [HOP * len(values) for values in frames.values()]
    utterances = pd.DataFrame({"utterance": list(frames), "sample_rate_hz": RATE, "n_samples": lengths})
    corpus = SimpleNamespace(name="given", utterances=utterances, waveform=lambda name: name)
    settings = AbxSettings(
        contexts=("in",),
        speakers=("within",),
        max_items_per_bin=None,
        max_cells=None,
        n_resamples=100,
        standardise=False,
    )
    results, _ = abx_frames(
        Given(frames),
        corpus,
        read_items(folder / "all.item", utterances),
        frames=FrameComparison(drop_last_frame=True),
        settings=settings,
    )
    return 1 - results["value"].item(), results


def run_peer(folder, peer):
    settings = {"file_extension": ".npy", "feature_size": HOP / RATE, "max_size_group": 10**9, "speaker_mode": "within"}
    arguments = peer.EvalArgs(str(folder), str(folder / "all.item"), context_mode="within", **settings)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return peer.EvalABX().eval_abx(arguments)[0]["score"]


def timed(function, *arguments):
    """Return the result and CPU seconds of the second of two runs; the first includes one-time initialisation."""
    function(*arguments)
    start = time.process_time()
    return function(*arguments), time.process_time() - start


def main():
    torch.set_num_threads(1)
    try:
        module = importlib.import_module("zrc_abx2.eval_ABX")
    except ImportError:
        print(f"ABX: uv pip install --no-deps --target peer {PEER}; PYTHONPATH=peer make bench, -, -, -, no peer")
        return
    frames, lines = synthesise()
    with tempfile.TemporaryDirectory() as name, threadpool_limits(1):
        folder = Path(name)
        (folder / "all.item").write_text("#file onset offset #phone prev-phone next-phone speaker\n" + "\n".join(lines))
        for utterance, values in frames.items():
            np.save(folder / f"{utterance}.npy", values)
        (ours, results), ours_s = timed(run_ours, folder, frames)
        peer, peer_s = timed(run_peer, folder, module)
    name = "ABX, DTW, in context within speaker: {n} items of {N_DIMS} dims, {n_cells} cells, {n_triples} triples"
    name = name.format(N_DIMS=N_DIMS, **results.iloc[0])
    print(f"{name}, {ours_s:.2f}, {peer_s:.2f}, {peer_s / ours_s:.1f}, {abs(ours - peer) < TOLERANCE}")
    print(f"errors {ours:.9f} {peer:.9f}", file=sys.stderr)


if __name__ == "__main__":
    main()
