"""The listening page: HTML that opens from a disk; sound and lanes of each utterance are in a script of its own.

No request leaves the folder, no script is inline, and labels of corpora and models only ever become text.
"""

import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from auscult.corpora.corpus import Corpus
from auscult.listening.sounds import F0, SPECTROGRAM, encoded_recording, encoded_spectrogram, f0_track
from auscult.manifests import write_file

__all__ = ["build_page"]

_PAGE = Path(__file__).with_name("page")
_TIERS = ("word", "syllable", "phone")


def build_page(
    folder: str | Path,
    *,
    lanes: Sequence[Mapping[str, Any]],
    corpora: Mapping[str, Corpus],
    study: Mapping[str, Any],
    commit: str = "",
) -> None:
    """Write ``index.html`` and, in ``files``, style, script, a list of the utterances and a script for each.

    Parameters
    ----------
    folder : folder of the page
    lanes : what :func:`auscult.listening.lanes.listen` returned for each corpus
    corpora : the corpora by name
    study : ``name`` and ``title``; ``speech``, the kind of speech of each corpus by name
    commit : commit of the code
    """
    files = Path(folder) / "files"
    listed: list[dict[str, Any]] = []
    for of_corpus in lanes:
        corpus = corpora[of_corpus["corpus"]]
        for entry in of_corpus["utterances"]:
            name = f"{len(listed):03d}.js"
            data = _utterance(corpus, entry)
            _write_script(files / name, "add", {"file": name, **data})
            listed.append(
                {key: data[key] for key in ("id", "text", "speaker", "seconds", "rule", "score")}
                | {"file": name, "corpus": corpus.name}
            )
    sets = [
        {key: value for key, value in each.items() if key != "utterances"}
        | {"speech": study.get("speech", {}).get(each["corpus"], "")}
        for each in lanes
    ]
    _write_script(files / "index.js", "open", {"sets": sets, "utterances": listed})
    for name in ("listen.css", "listen.js"):
        with write_file(files / name) as partial:
            partial.write_bytes((_PAGE / name).read_bytes())
    environment = Environment(
        loader=FileSystemLoader(_PAGE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    about = {
        "study": study,
        "n_utterances": len(listed),
        "spectrogram": SPECTROGRAM,
        "f0": F0,
        "corpora": {name: corpora[name].manifest.sha256 for name in (each["corpus"] for each in lanes)},
        "checkpoints": {run["label"]: run.get("digest", "") for each in lanes for run in each["runs"]},
        "commit": commit,
        "version": version("auscult"),
    }
    with write_file(Path(folder) / "index.html") as partial:
        partial.write_text(environment.get_template("listen.html.j2").render(about), encoding="utf-8")


def _write_script(path: Path, function: str, value: Any) -> None:
    """Write a value as a script that calls a function of the page; ``</script>`` cannot end it, as it is a file."""
    with write_file(path) as partial:
        text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
        partial.write_text(f"LISTEN.{function}({text});\n", encoding="utf-8")


def _utterance(corpus: Corpus, entry: Mapping[str, Any]) -> dict[str, Any]:
    row = corpus.utterances.loc[corpus.utterances["utterance"] == entry["id"]].iloc[0]
    segments = corpus.segments[corpus.segments["utterance"] == entry["id"]]
    rate_hz, waveform = int(row["sample_rate_hz"]), corpus.waveform(entry["id"])
    tiers = {
        tier: [
            [str(label), int(onset), int(offset)]
            for label, onset, offset in segments[segments["tier"] == tier]
            .sort_values("onset")[["label", "onset", "offset"]]
            .itertuples(index=False)
        ]
        for tier in _TIERS
    }
    return {
        **entry,
        "text": str(row["text"]),
        "speaker": str(row["speaker"]),
        "gender": str(row["gender"]),
        "rate": rate_hz,
        "samples": int(row["n_samples"]),
        "seconds": round(float(row["n_samples"]) / rate_hz, 2),
        "tiers": tiers,
        "audio": encoded_recording(corpus, entry["id"]),
        "spectrogram": encoded_spectrogram(waveform, rate_hz),
        "f0": f0_track(waveform),
    }
