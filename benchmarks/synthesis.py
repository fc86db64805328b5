"""Synthesis of a labelled corpus relative to real time: speech, rooms, labels, FLAC files and hashes.

`ours_s` is the time of the synthesis, `peer_s` the duration of the speech. `equal`: a second run gives the same bytes.
"""

import time
from pathlib import Path
from tempfile import TemporaryDirectory

from auscult.corpora.corpus import read_corpus
from auscult.corpora.synthesis.speech import synthesise_corpus

SIZE = {"languages": ["english", "dutch", "mandarin"], "sentences": {"test": 180}, "voices": {"test": 8}, "seed": 1}


def main() -> None:
    """Measure and print one row."""
    with TemporaryDirectory() as scratch:
        first, second = Path(scratch) / "first", Path(scratch) / "second"
        start = time.perf_counter()
        manifest = synthesise_corpus(first, corpus="bench", **SIZE)
        ours_s = time.perf_counter() - start
        equal = manifest.files == synthesise_corpus(second, corpus="bench", **SIZE).files
        utterances = read_corpus(first).utterances
    speech_s = float((utterances["n_samples"] / utterances["sample_rate_hz"]).sum())
    name = f"synthesis: {len(utterances)} sentences against real time"
    print(f"{name}, {ours_s:.2f}, {speech_s:.2f}, {speech_s / ours_s:.1f}, {equal}")


if __name__ == "__main__":
    main()
