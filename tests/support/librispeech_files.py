"""A small LibriSpeech folder with alignments, in the published layout."""

from pathlib import Path

import numpy as np
import soundfile

SPEAKERS = """; Some pertinent information about the speakers
;ID  |SEX| SUBSET           |MINUTES| NAME
14   | F | train-clean-360  | 25.03 | Kristin LeMoine
84   | F | dev-clean        | 8.02  | Christie Nowak
60   | M | train-clean-100  | 20.18 | | CBW | Simon
174  | M | dev-clean        | 8.06  | Peter Eastman
"""


TEXTS = {"84-121123-0000": "GO", "84-121123-0001": "DO YOU", "174-50561-0000": "GO"}


def textgrid(text, duration_s=0.5):
    words = [(0, 0.1, ""), *((0.1 + 0.2 * i, 0.3 + 0.2 * i, word.lower()) for i, word in enumerate(text.split()))]
    phones = [(onset, offset, "AH0" if label else "sil") for onset, offset, label in words]
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "0", str(duration_s), "<exists>", "2"]
    for name, rows in (("words", words), ("phones", phones)):
        lines += ['"IntervalTier"', f'"{name}"', "0", str(duration_s), str(len(rows))]
        lines += [f'{onset:g}\n{offset:g}\n"{label}"' for onset, offset, label in rows]
    return "\n".join([*lines, ""])


def make(folder, texts=TEXTS, speakers=SPEAKERS, subset="dev-clean", alignments="alignments", aligned=None):
    root = folder / "LibriSpeech"
    for name, text in texts.items():
        speaker, chapter, _ = name.split("-")
        place = Path(subset, speaker, chapter)
        (root / place).mkdir(parents=True, exist_ok=True)
        soundfile.write(root / place / f"{name}.flac", np.random.default_rng(0).uniform(-0.1, 0.1, 8000), 16000)
        with open(root / place / f"{speaker}-{chapter}.trans.txt", "a") as stream:
            stream.write(f"{name} {text}\n")
        if aligned is None or name in aligned:
            (folder / alignments / place).mkdir(parents=True, exist_ok=True)
            (folder / alignments / place / f"{name}.TextGrid").write_text(textgrid(text))
    if speakers is not None:
        (root / "SPEAKERS.TXT").write_text(speakers)
    return folder
