"""Results of translators with a planted relation between probe and translation."""

import numpy as np
import pandas as pd

LANGUAGES = ("french", "italian", "spanish")


def study(accuracy, heard, n_speakers=8, seeds=(1, 2), per_language=6):
    """Return scored translations with planted gender accuracy of words and of the probe, by condition and language."""
    rng, rows = np.random.default_rng(4), []
    for condition in accuracy:
        for seed in seeds:
            for speaker in range(n_speakers):
                gender, other = (("female", "male"), ("male", "female"))[speaker % 2]
                for language in LANGUAGES:
                    for number in range(per_language):
                        right = rng.random() < accuracy[condition]
                        rows.append(
                            {
                                "corpus": "c",
                                "model": f"{condition}-{seed}",
                                "step": "9",
                                "speaker": f"s{speaker}",
                                "utterance": f"{speaker}-{language}-{number}",
                                "gender": gender,
                                "target_language": language,
                                "exact": right,
                                "exact_but_gender": True,
                                "n_terms": 1,
                                "n_found": 1,
                                "n_right": int(right),
                                "n_wrong": int(not right),
                                "final_stage": "encoder",
                                "heard_encoder": gender if rng.random() < heard[condition] else other,
                                "heard_encoder_shuffled": rng.choice(["female", "male"]),
                                "shuffled_gender": ("female", "male")[speaker // 2 % 2],
                            }
                        )
    return pd.DataFrame(rows)


PLANTED = {"low": 0.5, "middle": 0.75, "high": 0.97}
