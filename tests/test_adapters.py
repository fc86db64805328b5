"""Adapters: the template and three architectures pass, with the frames that Auscult reads itself; faults are named."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from places import ROOT
from tiny_models import save_plain, tiny_encoder, tiny_model

from auscult.adapters import check_adapter, load_adapter, write_adapter
from auscult.errors import ConfigError
from auscult.models.frames import FrameTiming
from auscult.models.speech import SpeechModel

PAGE = (ROOT / "docs/howto/your-architecture.md").read_text(encoding="utf-8")
ADAPTER, TEST = re.findall(r"```python\n(.*?)```", PAGE, re.S)


def answers(model):
    return {answer.name: answer.passed for answer in check_adapter(model)}


@pytest.fixture
def my_model(tmp_path, monkeypatch):
    """Return a function that writes a tiny checkpoint as ``my-model`` beside the adapter of the page."""

    def write(name):
        save_plain(tiny_model(name), tmp_path / "my-model")
        (tmp_path / "my_adapter.py").write_text(ADAPTER)
        return tmp_path / "my_adapter.py"

    monkeypatch.chdir(tmp_path)
    return write


@pytest.mark.parametrize("name", ["sew", "unispeech", "wav2vec2-conformer"])
def test_an_architecture_passes_with_the_frames_of_its_own_reading(my_model, name):
    model = load_adapter(my_model(name))
    found = answers(model)
    assert [question for question, passed in found.items() if passed is False] == []
    assert found["value zeroing"] is None  # the adapter of the page keeps its network to itself
    waveform = np.random.default_rng(1).normal(0, 0.1, 9000).astype(np.float32)
    expected = SpeechModel(tiny_encoder(name)).frames([waveform])
    frames = model.frames([waveform])
    for layer in model.layers:
        np.testing.assert_allclose(frames[layer][0], expected[layer][0], atol=2e-4)


def test_the_page_tests_itself(my_model, capsys):
    my_model("sew")
    exec(TEST, {"__name__": "page"})


def test_the_template_passes_as_it_stands(tmp_path, auscult_command):
    assert "passes as it stands" in auscult_command("new", "--adapter", tmp_path / "mine.py")
    printed = auscult_command("adapter-check", tmp_path / "mine.py")
    assert [line.split()[0] for line in printed.splitlines()] == ["yes"] * 5 + ["–"]
    with pytest.raises(ConfigError, match="already there; name another, or replace it by --force"):
        write_adapter(tmp_path / "mine.py")


@pytest.fixture
def auscult_command():
    """Return a function that runs the command line and returns what it printed."""
    from typer.testing import CliRunner

    from auscult.cli.app import app

    def run(*arguments, status=0):
        done = CliRunner().invoke(app, [str(argument) for argument in arguments])
        assert done.exit_code == status, done.output
        return done.output

    return run


@pytest.mark.parametrize("name", ["wav2vec2", "hubert", "data2vec-audio"])
def test_value_zeroing_of_a_model_with_an_encoder_equals_its_definition(name):
    assert answers(SpeechModel(tiny_encoder(name)))["value zeroing"] is True


def network(**changes):
    """Return a model of one convolution, with members replaced."""
    convolution = torch.nn.Conv1d(1, 8, 400, 320)
    torch.nn.init.normal_(convolution.weight, generator=torch.Generator().manual_seed(0))

    def frames(waveforms):
        with torch.inference_mode():
            return {"cnn": [convolution(torch.from_numpy(waveform)[None]).T for waveform in waveforms]}

    members = {"name": "mine", "sample_rate_hz": 16000, "timing": FrameTiming(400, 320), "layers": ("cnn",)}
    return SimpleNamespace(**(members | {"frames": frames} | changes))


def padded(waveforms):
    """Return frames of a padded batch whose normalisation hears the padding."""
    model, longest = network(), max(map(len, waveforms))
    batch = [np.pad(waveform, (0, longest - len(waveform))) for waveform in waveforms]
    loudness = np.std(np.concatenate(batch))
    found = model.frames([waveform / loudness for waveform in waveforms])
    return {"cnn": found["cnn"]}


def noisy(waveforms):
    """Return frames with dropout."""
    return {"cnn": [x + 0.1 * torch.randn_like(x) for x in network().frames(waveforms)["cnn"]]}


def late(waveforms):
    """Return frames that come one hop too late."""
    return {"cnn": [torch.roll(x, 1, dims=0) for x in network().frames(waveforms)["cnn"]]}


@pytest.mark.parametrize(
    ("changes", "question", "found"),
    [
        ({"layers": ("cnn", "T1")}, "layers", "stated cnn, T1, found cnn"),
        ({"frames": lambda waveforms: 1 / 0}, "layers", "frames() fails on one recording: ZeroDivisionError"),
        ({"timing": FrameTiming(400, 160)}, "number of frames", "of which timing makes 98"),
        ({"frames": late}, "times of frames", "other noise is heard +"),
        ({"frames": padded}, "batch", "frames differ from those alone"),
        ({"frames": noisy}, "repetition", "call .eval()"),
    ],
)
def test_each_fault_has_its_question(changes, question, found):
    told = {answer.name: answer for answer in check_adapter(network(**changes))}
    assert told[question].passed is False
    assert found in told[question].found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = (", r"expected an adapter that runs in .*, found SyntaxError: .*\(line 1\)"),
        ("import numpy\n1 / 0\n", r"found ZeroDivisionError: division by zero \(line 2\)"),
        ("x = 3\n", r"expected a function model\(\) that returns a model"),
        ("def model():\n    return object()\n", "found no name, sample_rate_hz, timing, layers, frames"),
    ],
)
def test_an_adapter_that_does_not_load_is_one_line(tmp_path, text, message):
    (tmp_path / "mine.py").write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_adapter(tmp_path / "mine.py")
    with pytest.raises(ConfigError, match="found no Python file; write one by auscult new --adapter"):
        load_adapter(tmp_path / "none.py")
