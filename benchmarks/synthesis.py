"""How many times faster than real time a labelled corpus is synthesised: speech, rooms, labels, FLAC and hashes.

`ours_s` is the time it takes, `peer_s` the length of the speech; `equal`: a second run gives the same bytes.
"""

import time
from pathlib import Path
from tempfile import TemporaryDirectory

from auscult.corpora.corpus import read_corpus
from auscult.corpora.synthesis.speech import synthesise_corpus

SIZE = {"languages": ["english", "dutch", "mandarin"], "sentences": {"test": 180}, "voices": {"test": 8}, "seed": 1}


def main() -> None:
    """Print the row of this benchmark."""
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
