"""The listening page on disk: data as scripts, nothing inline, labels escaped, the sound that the models heard."""

import base64
import io
import json
import re

import numpy as np
import soundfile
from listening_cases import EVIL, RATE, corpus, heard_lanes, spelt_lanes
from PIL import Image

from auscult.listening.page import build_page
from auscult.listening.sounds import encoded_spectrogram, f0_track

STUDY = {"name": "default", "title": EVIL, "speech": {"french": "synthetic speech"}}


def page(folder, lanes=heard_lanes, **more):
    speech = corpus(folder / "corpus", 2, **more)
    build_page(folder / "listen", lanes=[lanes(speech)], corpora={"french": speech}, study=STUDY, commit="abc123")
    return speech


def called(path):
    """Return the name of the function that a script calls, and its argument."""
    name, argument = re.fullmatch(r"LISTEN\.(\w+)\((.*)\);\n", path.read_text(), re.S).groups()
    return name, json.loads(argument)


def test_the_page_has_no_inline_script_and_loads_its_own_files_only(tmp_path):
    page(tmp_path)
    text = (tmp_path / "listen" / "index.html").read_text()
    assert "default-src 'none'" in text
    assert "unsafe" not in text
    assert re.findall(r"<script[^>]*>", text) == [
        '<script src="files/listen.js" defer>',
        '<script src="files/index.js" defer>',
    ]
    assert "style=" not in text
    assert "http" not in text.replace("http-equiv", "")
    assert EVIL not in text
    assert "c0ffeec0ffee" in text
    assert "abc123" in text


def test_the_scripts_set_no_markup():
    from auscult.listening import page as module

    program = (module._PAGE / "listen.js").read_text()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|setAttribute\(.on", program)


def test_every_utterance_is_a_script_with_sound_tiers_and_lanes(tmp_path):
    speech = page(tmp_path)
    name, index = called(tmp_path / "listen/files/index.js")
    assert name == "open"
    assert [(one["id"], one["rule"], one["file"]) for one in index["utterances"]] == [
        ("french-0", "drawn", "000.js"),
        ("french-1", "hardest", "001.js"),
    ]
    assert index["sets"][0]["speech"] == "synthetic speech"
    name, data = called(tmp_path / "listen/files/000.js")
    assert name == "add"
    assert data["tiers"]["word"] == [["les", 1600, 5866], ["chats", 5866, 10132], ["dansent", 10132, 14398]]
    assert len(data["tiers"]["phone"]) == 6
    samples, rate = soundfile.read(io.BytesIO(base64.b64decode(data["audio"])), dtype="float32")
    np.testing.assert_array_equal(samples, speech.waveform("french-0"))
    assert rate == data["rate"] == RATE
    assert data["seconds"] == 1.0
    assert len(data["f0"]["hz"]) == 98


def test_lanes_of_a_recogniser_are_kept_as_they_are(tmp_path):
    speech = page(tmp_path, spelt_lanes)
    _, data = called(tmp_path / "listen/files/000.js")
    assert data["runs"] == spelt_lanes(speech)["utterances"][0]["runs"]


def test_a_tone_is_a_dark_line_at_its_frequency():
    times = np.arange(RATE) / RATE
    picture = Image.open(io.BytesIO(base64.b64decode(encoded_spectrogram(np.sin(2 * np.pi * 2000 * times), RATE))))
    column = np.asarray(picture)[:, picture.width // 2]
    assert picture.width == 251
    assert abs((1 - column.argmin() / (picture.height - 1)) * 8000 - 2000) < 100
    assert column[0] > 200


def test_f0_is_in_hz_and_has_gaps_where_nothing_is_voiced():
    times = np.arange(RATE) / RATE
    voice = sum(np.sin(2 * np.pi * 150 * k * times) for k in (1, 2, 3)) / 4
    track = f0_track(np.where(times < 0.5, voice, 0).astype(np.float32))
    centres_s = (track["first"] + track["hop"] * np.arange(len(track["hz"]))) / RATE
    hz = np.array(track["hz"])
    assert np.abs(hz[(centres_s > 0.05) & (centres_s < 0.45)] - 150).max() <= 1
    assert not hz[centres_s > 0.55].any()
