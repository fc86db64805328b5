"""A small corpus, arguments of an extraction, and an exception that interrupts it."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from auscult.tables import check_segments, check_utterances


@dataclass
class Speech:
    """In-memory corpus with the attributes of :class:`auscult.corpora.corpus.Corpus` that extraction reads."""

    utterances: pd.DataFrame
    segments: pd.DataFrame
    waveforms: dict = field(repr=False)
    name: str = "made-up"

    def waveform(self, utterance):
        return self.waveforms[utterance]


def made_up_corpus(n_utterances=9, rate=16000):
    rng = np.random.default_rng(0)
    waveforms = {f"u{i}": rng.normal(0, 0.1, rng.integers(4000, 16000)).astype(np.float32) for i in range(n_utterances)}
    utterances = pd.DataFrame(
        [
            {
                "utterance": name,
                "corpus": "made-up",
                "path": f"audio/{name}.flac",
                "sample_rate_hz": rate,
                "n_samples": len(waveform),
                "speaker": f"s{i % 3}",
                "gender": "female",
                "language": "en",
                "text": "a b",
                "split": "test" if i % 3 == 2 else "train",
            }
            for i, (name, waveform) in enumerate(waveforms.items())
        ]
    )
    rows = []
    for name, waveform in waveforms.items():
        for tier, n_samples in (("word", 1600), ("phone", 700)):
            onsets = np.arange(0, len(waveform) - n_samples, n_samples)
            rows += [
                {
                    "utterance": name,
                    "tier": tier,
                    "index": i,
                    "label": f"{tier[0]}{i % 5}",
                    "onset": onset,
                    "offset": onset + (90 if tier == "phone" and i % 4 == 3 else n_samples),
                    "parent": -1,
                    "phone_class": "vowel" if tier == "phone" else None,
                    "head": i if tier == "word" else -1,
                }
                for i, onset in enumerate(onsets.tolist())
            ]
    segments = pd.DataFrame(rows)
    return Speech(check_utterances(utterances), check_segments(segments, utterances), waveforms)


CORPUS = made_up_corpus()


ARGUMENTS = {
    "corpus": CORPUS,
    "tiers": ("phone", "word", "utterance"),
    "splits": ("train", "test"),
    "recipe": {"model": "tiny"},
    "parents": {"corpus": "abc"},
    "shard_rows": 60,
}


class Killed(Exception):
    pass
