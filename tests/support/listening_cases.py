"""A small spoken corpus on disk, and lanes as they are computed for it, for the listening page."""

import numpy as np
import pandas as pd
import soundfile

from auscult.corpora.corpus import Corpus
from auscult.manifests import Manifest

RATE = 16000
EVIL = '"><img src=x onerror=alert(1)>'
TEXT = ("les", "chats", "dansent")


def corpus(folder, n_utterances=6, n_speakers=3, seconds=1.0, labels=TEXT, name="french", split="test", toned=False):
    """Write utterances of three words and six phones, 0.1 s before the first word, and return the corpus.

    With ``toned``, words are syllables with tones, too, and the recordings are voices of 200 Hz instead of noise.
    """
    generator = np.random.default_rng(0)
    (folder / "audio").mkdir(parents=True, exist_ok=True)
    rows, segments = [], []
    for number in range(n_utterances):
        utterance, n = f"{name}-{number}", round(seconds * RATE)
        samples = generator.uniform(-0.3, 0.3, n)
        if toned:
            samples = 0.02 * samples + sum(np.sin(2 * np.pi * 200 * k * np.arange(n) / RATE) for k in (1, 2, 3)) / 8
        soundfile.write(folder / "audio" / f"{utterance}.flac", samples, RATE, subtype="PCM_16")
        about = {"utterance": utterance, "corpus": name, "path": f"audio/{utterance}.flac", "sample_rate_hz": RATE}
        about |= {"n_samples": n, "speaker": f"s{number % n_speakers}", "gender": "female", "language": "fr"}
        rows.append(about | {"text": " ".join(labels), "split": split})
        length = (n - 3200) // 6
        for place in range(6):
            onset = 1600 + place * length
            segments.append((utterance, "phone", place, "ab"[place % 2], onset, onset + length, place // 2, ""))
        for place, label in enumerate(labels):
            onset = 1600 + 2 * place * length
            segments.append((utterance, "word", place, label, onset, onset + 2 * length, -1, ""))
            if toned:
                tone = str(generator.integers(1, 5))
                segments.append((utterance, "syllable", place, f"ma{tone}", onset, onset + 2 * length, place, tone))
    columns = ["utterance", "tier", "index", "label", "onset", "offset", "parent", *(["tone"] if toned else [])]
    segments = [row[: len(columns)] for row in segments]
    manifest = Manifest({}, sha256="c0ffee" * 10)
    return Corpus(name, folder, pd.DataFrame(rows), pd.DataFrame(segments, columns=columns), manifest)


def run(key, label, layers=("cnn", "T1", "T2"), **more):
    return {
        "key": key,
        "label": label,
        "trained": True,
        "layers": list(layers),
        "first": 200.0,
        "hop": 320,
        "digest": "d",
        **more,
    }


def heard_lanes(corpus, labels=("a", "b", "pause"), n_frames=49):
    """Return lanes of a probe that hears `a` first and the truth second, by two checkpoints."""
    n_layers, truth = 3, [place % 2 for place in range(n_frames)]
    probe = {
        "truth": truth,
        "top": [[[0, 1, 2]] * n_frames] * n_layers,
        "p": [[[70, 20, 10]] * n_frames] * n_layers,
        "true": [[70 if one == 0 else 20 for one in truth]] * n_layers,
    }
    more = {"classes": list(labels), "accuracy": [0.5, 0.6, 0.4], "chance": 0.5, "best": 1}
    names = corpus.utterances["utterance"]
    return {
        "corpus": corpus.name,
        "lanes": ["probe"],
        "rules": {"drawn": "1 drawn at random", "hardest": "1 other"},
        "measure": "mean probability",
        "runs": [run("hubert/0", "HuBERT, untrained", **more), run("hubert/9", "HuBERT", **more)],
        "utterances": [
            {
                "id": names[0],
                "rule": "drawn",
                "score": 0.5,
                "runs": {"hubert/0": {"probe": probe}, "hubert/9": {"probe": probe}},
            },
            {
                "id": names[1],
                "rule": "hardest",
                "score": 0.1,
                "runs": {"hubert/0": {"probe": probe}, "hubert/9": {"probe": probe}},
            },
        ],
    }


def toned_lanes(corpus):
    """Return lanes of a tone probe: of two syllables, layer T1 hears the first one right, T2 both."""
    tone = {
        "syllables": [["ma1", 1600, 5866], ["ma3", 5866, 10132]],
        "truth": [0, 2],
        "p": [[[70, 10, 10, 10], [60, 10, 20, 10]], [[80, 10, 5, 5], [10, 10, 70, 10]]],
    }
    about = {"classes": ["1", "2", "3", "4"], "accuracy": [0.5, 1.0], "chance": 0.3}
    return {
        "corpus": corpus.name,
        "lanes": ["tone"],
        "rules": {"drawn": "1 drawn at random"},
        "measure": "mean probability of the true tones",
        "notes": ["Left out: lane mixing: no words"],
        "runs": [run("tones/9", "HuBERT (Mandarin)", ("T1", "T2"), tone=about, best=1)],
        "utterances": [
            {
                "id": corpus.utterances["utterance"][0],
                "rule": "drawn",
                "score": 0.7,
                "runs": {"tones/9": {"tone": tone}},
            }
        ],
    }


def spelt_lanes(corpus):
    """Return lanes of a recogniser: transcripts by layer, mixing of three words, two rows of attribution."""
    letters = [["l", 5, 7, 90], ["e", 8, 9, 80], [" ", 10, 11, 99], ["c", 15, 16, 40]]
    spelling = {
        "layers": {"T1": {"text": "", "letters": []}, "T2": {"text": "le c", "letters": letters}},
        "targets": [{"target": 1, "cue": 0, "word": "chats", "other": "chat", "number": "plural", "written": "chat",
                     "verdict": "wrong", "p": 0.2}],
    }  # fmt: skip
    mixing = {"attention": {layer: [[800, 100, 100], [600, 300, 100], [100, 100, 800]] for layer in ("T1", "T2")}}
    form = "les [chats|chat] dansent"
    attribution = [
        {
            "target": "chats",
            "form": form,
            "input": "waveform",
            "method": method,
            "p": 0.2,
            "scores": [sign * 2.0, None, 1.0],
        }
        for method, sign in (("occlusion", 1), ("lime", -1))
    ]
    lanes = {"spelling": spelling, "mixing": mixing, "attribution": attribution}
    return {
        "corpus": corpus.name,
        "lanes": ["spelling", "mixing", "attribution"],
        "rules": {"drawn": "1 drawn at random"},
        "measure": "probability",
        "runs": [run("r/0", "recogniser, untrained"), run("r/9", "recogniser")],
        "utterances": [
            {
                "id": corpus.utterances["utterance"][0],
                "rule": "drawn",
                "score": 0.2,
                "runs": {"r/0": lanes, "r/9": lanes},
            }
        ],
    }
