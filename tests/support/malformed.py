"""Small sources of every reader, and seeded damage of their files: bytes, lines, cells, numbers, types and names."""

import json
import shutil
import tarfile
import zipfile

import numpy as np
import pyarrow
import pyarrow.parquet
import soundfile
from cli_cases import write_recordings
from elan_files import elan
from homophone_tables import ROWS, save
from librispeech_files import make as make_librispeech

_NUMBERS = (b"1e999", b"-1", b"nan", b"9" * 400, b"0", b"1,5", b"", b"0x10", "١٢".encode())
_TEXTS = (
    b"\x00",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\x85",
    b"'" * 3,
    b'"',
    b"\t\t",
    b"/../..",
    b"{" * 500,
    b"[" * 100_000,
)
_PAIRS = [
    {"sentence_good": f"Good {n}.", "sentence_bad": f"Bad {n}.", "UID": "agreement", "pairID": str(n)} for n in range(8)
]
_CONLLU = """# sent_id = a
# text = Dogs bark
1\tDogs\tdog\tNOUN\t_\tNumber=Plur\t2\tnsubj\t_\t_
2\tbark\tbark\tVERB\t_\t_\t0\troot\t_\t_

"""
_TRANSCRIPT = ("绿 是 阳春", "lv4 shi4 yang2 chun1", "l v4 sh ix4 ii iang2 ch un1")
_IPA = "l y˥˩ ʂ ʐ̩˥˩ j a˧˥ ŋ ʈʂʰ w ə˥˥ n"


def noise(path, seconds=0.5, seed=0):
    """Write a recording."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.random.default_rng(seed).uniform(-0.1, 0.1, round(16000 * seconds)), 16000)


def _timit(folder):
    for speaker, sentence in (("FAKS0", "SA1"), ("MDAB0", "SA2"), ("MDAB0", "SX3")):
        stem = folder / "TIMIT" / "TEST" / "DR1" / speaker / sentence
        noise(stem.with_suffix(".WAV"))
        stem.with_suffix(".PHN").write_text("0 2000 h#\n2000 4000 ae\n4000 6000 s\n6000 8000 h#\n")
        stem.with_suffix(".WRD").write_text("2000 6000 ass\n")
        stem.with_suffix(".TXT").write_text("0 8000 Ass.\n")


def _fluent(folder):
    root = folder / "fluent"
    for number, split in enumerate(("train", "valid", "test")):
        noise(root / "wavs" / f"s{number}" / f"a{number}.wav")
        lines = [",path,speakerId,transcription,action,object,location"]
        lines.append(f"0,wavs/s{number}/a{number}.wav,s{number},Lights on,activate,lights,none")
        (root / "data").mkdir(exist_ok=True)
        (root / "data" / f"{split}_data.csv").write_text("\n".join(lines) + "\n")
    (root / "data" / "speaker_demographics.csv").write_text("speakerId,gender\ns0,female\ns1,male\n")


def _must_she(folder):
    header = "ID\tLANG\tTALK\tSRC\tREF\tWRONG-REF\tSPEAKER\tGENDER\tCATEGORY\tCOMMENT\tFREE-REF\tGENDERTERMS"
    lines = [header]
    for number in range(8):
        gender = "She" if number % 2 else "He"
        lines.append(f"it-{number}\tit\tt\tI was\tSono stata\tSono stato\ts{number}\t{gender}\t1F\t\t\tstata stato")
        noise(folder / "wav" / f"it-{number}.wav")
    (folder / "tsv").mkdir()
    (folder / "tsv" / "it.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _thchs30(folder):
    root = folder / "data_thchs30"
    for name, split in (("A11_0", "train"), ("B2_7", "dev"), ("D4_750", "test")):
        for place in ("data", split):
            noise(root / place / f"{name}.wav", 0.1 * (len(_IPA.split()) + 2))
        (root / "data" / f"{name}.wav.trn").write_text("\n".join(_TRANSCRIPT) + "\n", encoding="utf-8")
        (root / split / f"{name}.wav.trn").write_text(f"../data/{name}.wav.trn\n")
    labels = ["[SIL]", *_IPA.split(), "[SIL]"]
    times = [0.1 * place for place in range(len(labels) + 1)]
    rows = [
        {"id": name, "phones": labels, "start": times[:-1], "end": times[1:]} for name in ("A11_0", "B2_7", "D4_750")
    ]
    (folder / "alignments").mkdir()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), folder / "alignments" / "train.parquet")


def _recordings(folder):
    for number in range(6):
        noise(folder / f"s{number % 3}" / f"{number}.wav")
    rows = [f"s{number % 3}/{number}.wav,s{number % 3},happy" for number in range(6)]
    (folder / "labels.csv").write_text("path,speaker,emotion\n" + "\n".join(rows) + "\n")


def _collection(folder):
    table = pyarrow.Table.from_pylist(
        [{"audio": {"bytes": _wav(folder), "path": f"{n}.wav"}, "speaker": f"s{n % 3}", "age": n} for n in range(5)]
    )
    pyarrow.parquet.write_table(table, folder / "train-00000.parquet")


def _wav(folder):
    noise(folder / "one.wav", 0.2)
    content = (folder / "one.wav").read_bytes()
    (folder / "one.wav").unlink()
    return content


def _elan(folder):
    noise(folder / "talk.wav", 1)
    words = [(0, 500, "yes"), (600, 900, "no")]
    (folder / "talk.eaf").write_text(elan({("words", "ada", "words"): words}), encoding="utf-8")


def _blimp(folder):
    folder.joinpath("agreement.jsonl").write_text("\n".join(json.dumps(pair) for pair in _PAIRS) + "\n")


# Reader, its options, and a function that writes a valid source into an empty folder.
SOURCES = {
    "timit": ("timit", {}, _timit),
    "textgrid": ("textgrid", {}, lambda folder: _inside(folder, write_recordings, ("ada", "bea"), 1)),
    "librispeech": ("librispeech", {}, make_librispeech),
    "homophones": ("homophones", {}, lambda folder: save(folder, ROWS)),
    "fluent": ("fluent", {}, _fluent),
    "thchs30": ("thchs30", {"alignments": "alignments"}, _thchs30),
    "must-she": ("must-she", {}, _must_she),
    "recordings": ("recordings", {"labels": "labels.csv"}, _recordings),
    "collection (Parquet)": ("collection", {}, _collection),
    "collection (ELAN)": ("collection", {"language": "english"}, _elan),
    "conllu": ("conllu", {}, lambda folder: folder.joinpath("a.conllu").write_text(_CONLLU)),
    "blimp": ("blimp", {}, _blimp),
}


def _inside(folder, write, *arguments):
    shutil.rmtree(folder)
    write(folder, *arguments)


def make_source(folder, name):
    """Write the valid source of a reader; return the reader and its options."""
    reader, options, write = SOURCES[name]
    folder.mkdir(parents=True)
    write(folder)
    return reader, options


def make_archive(path, kind, rng):
    """Write a small archive of one of the kinds ``zip``, ``tar`` and ``tar.gz``."""
    folder = path.parent / "content"
    for number in range(4):
        (folder / f"f{number}").mkdir(parents=True, exist_ok=True)
        (folder / f"f{number}" / "a.txt").write_bytes(rng.bytes(200))
    if kind == "zip":
        with zipfile.ZipFile(path, "w", rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])) as z:
            for file in sorted(folder.rglob("*.txt")):
                z.write(file, file.relative_to(folder))
    else:
        with tarfile.open(path, "w:gz" if kind.endswith("gz") else "w") as tar:
            tar.add(folder, "x")
    shutil.rmtree(folder)


def damage(path, rng):
    """Damage a file in a way that the generator draws; return what was done."""
    kinds = [_flip, _cut, _insert, _repeat, _number, _text, _cells, _long, _empty, _tail]
    kind = kinds[rng.integers(len(kinds))]
    content = kind(path.read_bytes(), rng)
    path.write_bytes(content)
    return kind.__name__


def _flip(content, rng):
    changed = bytearray(content)
    for place in rng.integers(0, max(1, len(changed)), size=rng.integers(1, 20)):
        if len(changed):
            changed[place] = rng.integers(256)
    return bytes(changed)


def _cut(content, rng):
    return content[: rng.integers(0, len(content) + 1)]


def _tail(content, rng):
    return content[rng.integers(0, len(content) + 1) :]


def _insert(content, rng):
    place = rng.integers(0, len(content) + 1)
    return content[:place] + rng.bytes(int(rng.integers(1, 50))) + content[place:]


def _repeat(content, rng):
    lines = content.split(b"\n")
    place = rng.integers(len(lines))
    return b"\n".join([*lines[:place], lines[place], *lines[place:]])


def _cells(content, rng):
    for separator in rng.permutation([b"\t", b",", b" ", b"|", b'"']):
        if separator in content:
            parts = content.split(separator)
            place = rng.integers(len(parts))
            return separator.join([*parts[:place], *parts[place + 1 :]])
    return content


def _number(content, rng):
    digits = [place for place, byte in enumerate(content) if 48 <= byte <= 57]
    if not digits:
        return content
    place = digits[rng.integers(len(digits))]
    return content[:place] + _NUMBERS[rng.integers(len(_NUMBERS))] + content[place + 1 :]


def _text(content, rng):
    place = rng.integers(0, len(content) + 1)
    return content[:place] + _TEXTS[rng.integers(len(_TEXTS))] + content[place:]


def _long(content, rng):
    place = rng.integers(0, len(content) + 1)
    return content[:place] + b"a" * 300_000 + content[place:]


def _empty(content, rng):
    return b""
