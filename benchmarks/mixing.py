"""Word-level value zeroing for two target words, compared with loops by its definition, on a random base-size HuBERT.

Row `definition`: for every layer and word, a hook sets the word's values to zero and the whole model runs again; since
this is slow, with 4 layers and 2 s of speech. Row `block loop`: only the block runs again, on all frames, as in
published code, with 12 layers and 5 s. Ours computes only the frames of the targets, for many words at once; in the
second row, about half of its time is the initial pass over the recording. Times are CPU times of all threads, including
this initial pass. `equal`: the rows of the targets agree within 1e-5. Each measurement runs in its own process. The
name states peak memory beyond the model and one pass, ours first.
"""

import json
import resource
import subprocess
import sys
import time
from contextlib import contextmanager

import numpy as np
import torch
from transformers import HubertConfig, HubertModel

from auscult.analyses.mixing.waveforms import mix_waveform
from auscult.models.speech import SpeechModel

RATE_HZ = 16000
WORD_FRAMES = 15
TARGETS = [3, 4]
TOLERANCE = 1e-5
SIZES = {"definition": (4, 2), "block loop": (12, 5)}  # layers, seconds


def main() -> None:
    """Measure and print one row per peer."""
    for peer, (n_layers, clip_s) in SIZES.items():
        ours, theirs = run("ours", peer), run(peer, peer)
        equal = np.allclose(ours["rows"], theirs["rows"], atol=TOLERANCE)
        size = f"{len(ours['rows'][0][0])} words; {n_layers} layers; {clip_s} s"
        memory = f"{ours['mb']:.0f} vs. {theirs['mb']:.0f} MB"
        ratio = theirs["seconds"] / ours["seconds"]
        seconds = f"{ours['seconds']:.2f}, {theirs['seconds']:.2f}"
        print(f"value zeroing; {peer}; {size}; {memory}, {seconds}, {ratio:.1f}, {equal}", flush=True)


def run(who, job):
    """Run :func:`measure` in its own process and return the values that it prints."""
    done = subprocess.run([sys.executable, __file__, who, job], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def measure(who, job):
    """Run one job; print CPU seconds, memory in megabytes beyond one pass of the model, and the rows of the targets."""
    n_layers, clip_s = SIZES[job]
    torch.manual_seed(0)
    model = SpeechModel(HubertModel(HubertConfig(num_hidden_layers=n_layers)))
    waveform = np.random.default_rng(0).normal(0, 0.1, int(clip_s * RATE_HZ)).astype(np.float32)
    starts = np.arange(0, model.timing.n_frames(len(waveform)) - WORD_FRAMES, WORD_FRAMES)
    spans = np.stack([starts, starts + WORD_FRAMES], axis=1)
    model.frames([waveform])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    function = {"ours": zeroed_rows, "definition": definition, "block loop": block_loop}[who]
    start = time.process_time()
    rows = function(model, waveform, spans)
    seconds = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(json.dumps({"seconds": seconds, "mb": peak * 1.024 / 1000, "rows": rows.tolist()}))


def zeroed_rows(model, waveform, spans):
    """Return the rows of the targets [shape=(n_layers, n_targets, n_words)]."""
    scores = mix_waveform(model, waveform, spans, methods=["value_zeroing"], targets=TARGETS)
    return np.stack(list(scores["value_zeroing"].values()))


def definition(model, waveform, spans):
    """Zero the values of one word at one layer, run the whole model again and compare, for all layers and words."""
    layers = model.encoder.encoder.layers
    original = model.frames([waveform])
    rows = np.empty((len(layers), len(TARGETS), len(spans)))
    for place, layer in enumerate(layers):
        for word, (start, stop) in enumerate(spans):
            with values_zeroed(layer, start, stop):
                altered = model.frames([waveform])[f"T{place + 1}"][0]
            rows[place, :, word] = distances(altered, original[f"T{place + 1}"][0], spans)
    return rows / rows.sum(axis=2, keepdims=True)


def block_loop(model, waveform, spans):
    """Zero the values of one word at one layer, run the block again and compare, for all layers and words."""
    layers = model.encoder.encoder.layers
    states = [x[0][None] for name, x in model.frames([waveform]).items() if name != "cnn"]
    rows = np.empty((len(layers), len(TARGETS), len(spans)))
    with torch.inference_mode():
        for place, layer in enumerate(layers):
            for word, (start, stop) in enumerate(spans):
                with values_zeroed(layer, start, stop):
                    altered = layer(states[place])[0]
                rows[place, :, word] = distances(altered, states[place + 1][0], spans)
    return rows / rows.sum(axis=2, keepdims=True)


@contextmanager
def values_zeroed(layer, start, stop):
    """Set the values of a range of frames of a layer to zero within the block."""

    def zero(_, __, output):
        output = output.clone()
        output[:, start:stop] = 0
        return output

    handle = layer.attention.v_proj.register_forward_hook(zero)
    yield
    handle.remove()


def distances(altered, original, spans):
    """Return the mean cosine distance over the frames of each target."""
    distance = 1 - torch.nn.functional.cosine_similarity(altered.double(), original.double(), dim=-1)
    return [float(distance[spans[i, 0] : spans[i, 1]].mean()) for i in TARGETS]


if __name__ == "__main__":
    measure(*sys.argv[1:]) if sys.argv[1:] else main()
