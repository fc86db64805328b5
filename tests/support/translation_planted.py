"""Results of translators with a planted relation between probe and translation."""

import numpy as np
import pandas as pd

NOT_EXCHANGED = {"exchanged": "", "base": "", "pair": -1, "sentence": ""}
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
                                **NOT_EXCHANGED,
                            }
                        )
    return pd.DataFrame(rows)


PLANTED = {"low": 0.5, "middle": 0.75, "high": 0.97}
# Six mechanisms in the same order in probe and translation.
SIX = {"a": 0.5, "b": 0.6, "c": 0.7, "d": 0.8, "e": 0.9, "f": 0.98}


def exchanged(conditions, follows, seeds=(1, 2), n_pairs=8, n_sentences=4):
    """Return translations of exchanged voices; ``follows`` names the properties that decide gender, by condition.

    In its own voice every speaker gets the right form. With an exchanged property, the form is the other speaker's if
    the property is among those that decide.
    """
    rows = []
    for condition in conditions:
        for seed in seeds:
            for pair in range(n_pairs):
                for gender, other in (("female", "male"), ("male", "female")):
                    for number in range(n_sentences):
                        for what in ("own", "pitch", "tract", "both"):
                            changes = what in follows[condition] or (what == "both" and bool(follows[condition]))
                            rows.append(
                                {
                                    "corpus": "c",
                                    "model": f"{condition}-{seed}",
                                    "step": "9",
                                    "speaker": f"{gender}{pair}-{what}",
                                    "utterance": f"{pair}-{gender}-{number}-{what}",
                                    "gender": gender,
                                    "target_language": LANGUAGES[number % 3],
                                    "exact": not changes,
                                    "exact_but_gender": True,
                                    "n_terms": 1,
                                    "n_found": 1,
                                    "n_right": int(not changes),
                                    "n_wrong": int(changes),
                                    "final_stage": "encoder",
                                    "heard_encoder": other if changes else gender,
                                    "exchanged": what,
                                    "base": f"{gender}{pair}",
                                    "pair": pair,
                                    "sentence": f"{pair}-{gender}-{number}",
                                }
                            )
    return pd.DataFrame(rows)
