"""Inputs of the tests of the command line: a tiny study and its recordings with TextGrids."""

import numpy as np
import soundfile

STUDY = """\
study: mine
title: Mine
corpora:
  mine: {source: folder, reader: textgrid, path: speech}
models:
  mfcc: {source: acoustic}
activations: {tiers: [phone, utterance], splits: [test]}
analyses:
  probing:
    models: [mfcc]
    targets:
      phone: {tier: phone, column: label, held_out: speaker}
      gender: {tier: utterance, column: gender, held_out: speaker}
    corpora: {mine: [phone, gender]}
    n_folds: 3
    min_class_size: 4
figures:
  probing: {title: Probing}
"""
PHONES = {"AA1": 700, "IY0": 300, "S": 5000, "M": 200}


def text_grid(tiers, end):
    """Return a TextGrid with interval tiers, given as name and (onset, offset, label)."""
    lines = [
        'File type = "ooTextFile"',
        'Object class = "TextGrid"',
        "",
        "xmin = 0",
        f"xmax = {end}",
        "tiers? <exists>",
    ]
    lines += [f"size = {len(tiers)}", "item []:"]
    for place, (name, intervals) in enumerate(tiers, 1):
        lines += [f"    item [{place}]:", '        class = "IntervalTier"', f'        name = "{name}"']
        lines += ["        xmin = 0", f"        xmax = {end}", f"        intervals: size = {len(intervals)}"]
        for number, (onset, offset, label) in enumerate(intervals, 1):
            lines += [f"        intervals [{number}]:", f"            xmin = {onset}", f"            xmax = {offset}"]
            lines += [f'            text = "{label}"']
    return "\n".join(lines) + "\n"


def write_recordings(folder, speakers=("ada", "bea", "cid", "dov", "eva", "fin"), n=3, rate=16000):
    """Write n recordings of one second for each speaker, with words and phones, and a table of speakers."""
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True)
    for place, speaker in enumerate(speakers):
        for number in range(n):
            labels = rng.permutation(list(PHONES) * 2)
            time_s = np.arange(rate // 10) / rate
            parts = [np.zeros(rate // 10)]
            parts += [0.2 * np.sin(2 * np.pi * PHONES[label] * (1 + 0.02 * place) * time_s) for label in labels]
            waveform = np.concatenate([*parts, np.zeros(rate // 10)])
            stem = folder / f"{speaker}_{number:02d}"
            soundfile.write(stem.with_suffix(".wav"), waveform + 0.005 * rng.standard_normal(len(waveform)), rate)
            phones = [(0, 0.1, "")] + [(0.1 + k / 10, 0.2 + k / 10, label) for k, label in enumerate(labels)]
            words = [(0, 0.1, ""), (0.1, 0.5, f"foo{number}"), (0.5, 0.9, "bar"), (0.9, 1, "")]
            rounded = [(round(onset, 3), round(offset, 3), label) for onset, offset, label in phones]
            stem.with_suffix(".TextGrid").write_text(
                text_grid([("words", words), ("phones", [*rounded, (0.9, 1, "")])], 1)
            )
    lines = [f"{speaker},{'female' if place % 2 else 'male'}" for place, speaker in enumerate(speakers)]
    (folder / "speakers.csv").write_text("speaker,gender\n" + "\n".join(lines) + "\n")
    return folder
