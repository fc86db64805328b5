"""Activations with planted factors, in separate or shared directions."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

VALUES = {"phone_class": ("nasal", "stop", "vowel"), "language": ("dutch", "english")}
N_DIMS = 24


@dataclass
class Fake:
    """In-memory activations."""

    index: pd.DataFrame
    vectors: dict

    @property
    def layers(self):
        return tuple(self.vectors)

    def load(self, layer, rows=None):
        return self.vectors[layer] if rows is None else self.vectors[layer][rows]


def planted_index(n_voices=12, n_each=8, seed=0):
    """Return segments in which every voice produces every phone class in every language, with unequal frequencies."""
    random, rows = np.random.default_rng(seed), []
    for voice in range(n_voices):
        for language in VALUES["language"]:
            for place, phone_class in enumerate(VALUES["phone_class"]):
                for number in range(n_each + 2 * place + random.integers(3)):
                    rows.append(
                        {
                            "tier": "phone",
                            "utterance": f"{language}-v{voice}-{number}",
                            "index": place,
                            "label": f"{phone_class[0]}{number % 2}",
                            "phone_class": phone_class,
                            "language": language,
                            "speaker": f"v{voice}",
                            "gender": ("female", "male")[voice % 2],
                            "text": "",
                        }
                    )
    return pd.DataFrame(rows)


def planted(index=None, shared=0.0, noise=1.0, seed=1, n_dims=N_DIMS):
    """Return activations in which each factor shifts vectors along its own directions.

    ``shared`` is the cosine between the direction of gender and the first direction of phone class.
    """
    index = planted_index() if index is None else index
    random = np.random.default_rng(seed)
    axes = np.linalg.qr(random.normal(size=(n_dims, n_dims)))[0]
    codes = {
        factor: np.unique(index[factor], return_inverse=True)[1] for factor in ("phone_class", "gender", "language")
    }
    classes, gender, language = axes[:2], axes[2], axes[3]
    gender = shared * classes[0] + np.sqrt(1 - shared**2) * gender
    corners = np.array([[1, 0], [-0.5, 0.87], [-0.5, -0.87]])
    x = 4 * corners[codes["phone_class"]] @ classes
    x += 3 * (2 * codes["gender"][:, None] - 1) * gender + 2.5 * (2 * codes["language"][:, None] - 1) * language
    voices = np.unique(index["speaker"], return_inverse=True)[1]
    x += 0.3 * random.normal(size=(voices.max() + 1, n_dims))[voices] + noise * random.normal(size=x.shape)
    return Fake(index, {"T1": x.astype(np.float32), "T2": x[:, ::-1].astype(np.float32)})
