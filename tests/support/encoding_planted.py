"""Planted activations over training: labels become decodable at a known step and best at a known layer."""

from itertools import islice

import numpy as np
import pandas as pd

from auscult.analyses.encoding.levels import add_syntax
from auscult.corpora.synthesis.grammar import read_grammar

# At least two checkpoints lie on every planted rise.
STEPS = (0, 10, 15, 20, 30, 40, 60, 80, 120, 160, 200, 240, 320, 640)
LAYERS = ("cnn", "T1", "T2")
# For each column: midpoint of the sigmoid in steps, and index of the best layer.
PLANTED = {"label": (15, 0), "pos": (60, 1), "relative_depth": (150, 2)}


def dutch_index(n_speakers=8, n_sentences=24, seed=1):
    """Return the segments of generated sentences without audio: letters as phones, words, utterances."""
    rows = []
    for number, words in enumerate(islice(read_grammar("dutch").sentences(seed), n_speakers * n_sentences)):
        speaker = number % n_speakers
        shared = {
            "utterance": f"u{number:03d}",
            "speaker": f"s{speaker}",
            "gender": "fm"[speaker % 2],
            "language": "dutch",
            "text": " ".join(word.text for word in words),
        }
        empty = {"pos": "", "head": -1, "number": "", "lemma": ""}
        letters = [letter for word in words[:2] for letter in word.text]
        rows += [{**shared, **empty, "tier": "phone", "index": n, "label": label} for n, label in enumerate(letters)]
        for n, word in enumerate(words):
            own = {key: getattr(word, key) for key in empty}
            rows.append({**shared, **own, "tier": "word", "index": n, "label": word.text})
        rows.append({**shared, **empty, "tier": "utterance", "index": 0, "label": ""})
    table = pd.DataFrame(rows)
    # Durations are random, so that they mark no label.
    lengths = np.random.default_rng([seed, 11]).integers(800, 8000, len(table))
    return table.assign(onset=0, offset=lengths, sample_rate_hz=16000)


class Planted:
    """Activations of one step, in which each label of each planted column has its own direction."""

    def __init__(self, index, step, planted=PLANTED, n_dims=24, noise=2.0, layers=LAYERS):
        self.index, self.layers, self._vectors = index, layers, {}
        full = add_syntax(index, set(planted))
        for place, layer in enumerate(layers):
            rng = np.random.default_rng([step, place])
            vectors = noise * rng.normal(size=(len(index), n_dims))
            for column, (midpoint, best) in planted.items():
                labels, codes = np.unique(full[column].fillna("").astype(str), return_inverse=True)
                directions = np.random.default_rng([7, *column.encode()]).normal(size=(len(labels), n_dims))
                learnt = 1 / (1 + np.exp(-3 * (np.log2(step + 10) - np.log2(midpoint + 10))))
                vectors += 1.5 * learnt * 0.6 ** abs(place - best) * directions[codes]
            self._vectors[layer] = vectors.astype(np.float32)

    def load(self, layer, rows=None):
        """Return the vectors of a layer, as stored activations do."""
        return self._vectors[layer] if rows is None else self._vectors[layer][rows]


def planted_sweep(steps=STEPS, **settings):
    """Return planted activations by step, which share one index."""
    index = dutch_index()
    return {str(step): Planted(index, step, **settings) for step in steps}
