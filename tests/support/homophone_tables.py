"""Parquet tables in the format of the published dataset of French homophones."""

import io

import numpy as np
import pyarrow
import pyarrow.parquet
import soundfile

RATE = 16000


def row(text, cue, *targets, seed=0, form="bytes", seconds=None, **columns):
    """Return a row of the dataset, with words of 0.2 s and 0.1 s of silence before the first and after the last."""
    words = text.lower().split()
    samples = np.random.default_rng(seed).uniform(-0.1, 0.1, round(RATE * (seconds or 0.2 * len(words) + 0.2)))
    stream = io.BytesIO()
    soundfile.write(stream, samples, RATE, format="WAV", subtype="PCM_16")
    audio = (
        {"bytes": stream.getvalue(), "path": f"common_voice_fr_{seed}.wav"}
        if form == "bytes"
        else {"array": samples.tolist(), "sampling_rate": RATE}
    )
    intervals = [{"word": w, "start": 0.1 + 0.2 * i, "end": 0.3 + 0.2 * i} for i, w in enumerate(words)]
    places = [words.index(word) for word in targets]
    decoder = {"whisper-base": [3], "xlsr": None}
    return {
        "template": {"NOUN": "det_noun"}.get(columns.pop("kind", ""), "pronoun_verb"),
        "transcription": text,
        "cue_word": cue,
        "target_word": targets[0],
        "target_word_2": targets[1] if targets[1:] else None,
        "audio": audio,
        "alignment": {"id": seed, "total_start": 0.0, "total_end": 9.0, "intervals": intervals},
        "cue_indices": {"enc": [words.index(cue.lower())], "dec": decoder},
        "target_indices": {"enc": places[:1], "dec": decoder},
        "target_indices_2": {"enc": places[1:], "dec": decoder} if places[1:] else None,
        "label_number": "Number_plur",
        **columns,
    }


ROWS = [
    row("On y trouve un aéroport", "On", "trouve", seed=1),
    row("les chats dansent", "les", "chats", "dansent", seed=2),
    row("la porte ferme", "la", "porte", seed=3, label_number="Number_sing"),
]


def save(folder, rows, name="data/train-00000-of-00001.parquet"):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), folder / name)
    return folder
