"""Integrated gradients and KernelSHAP for one utterance, compared with captum with its defaults, on the same samples.

Row 1, integrated gradients with equal steps: both do the same arithmetic (captum does not compute gradients of
parameters either), so only memory can improve and the ratio is near 1. Row 2, integrated gradients with equal
completeness: the time until the completeness gap, with silence as baseline, is below 0.1 %. For an utterance of 1 s,
captum's equidistant steps need 130 of them; ours, denser near silence, need 32.

Row 3, KernelSHAP over 8 words: 2 n + 2048 coalitions (the default of the package shap) are drawn with repetition, as
captum draws them. There are only 254 distinct coalitions, and ours evaluates each once, so this ratio holds for few
units only. Row 4, KernelSHAP over 40 units (frames of 100 ms) with 8 n = 320 coalitions: hardly any coalition repeats,
and only batching can improve. The aim of 3 applies to rows 2 and 3.

The model is the small HuBERT of the default study with a classifier; the utterance is 4 s long; 50 steps. Times are CPU
times on one thread. ``equal``: scores differ by at most 0.1 % of the largest (float32 sums in another order; captum
also imposes SHAP's constraint only through a weight of 10⁶), in row 2 by at most 1 %. Each measurement runs in its own
process. The name states peak memory beyond the loaded model, ours first.
"""

import json
import resource
import subprocess
import sys
import time

import numpy as np
import torch
from captum.attr import IntegratedGradients, KernelShap
from scipy.signal import lfilter
from transformers import HubertForSequenceClassification

from auscult.analyses.attribution.cost import chunk_size, footprint
from auscult.analyses.attribution.gradients import integrated_gradients
from auscult.analyses.attribution.perturbation import Game, solve_shapley
from auscult.models.predictor import Predictor
from auscult.models.training.architecture import build_encoder

N_SAMPLES, N_STEPS = 64000, 50
# Numbers of units and coalitions, for words (few units) and frames (many units).
GAMES = {"shap": (8, 2064), "shap_frames": (40, 320)}
SHORT, N_STEPS_OURS, N_STEPS_CAPTUM = 16000, 32, 130
N_REPEATS = {"gradients": 3, "completeness": 1, "shap": 1, "shap_frames": 1}
AT_LEAST = {"completeness": 3, "shap": 3}


def make_model():
    torch.manual_seed(0)
    config = build_encoder("masked_prediction", {}, seed=0).config
    config.num_labels, config.classifier_proj_size = 6, 64
    model = HubertForSequenceClassification(config).eval()
    # Biases as after training: if they were zero, silence would stay zero up to the next normalisation.
    torch.nn.init.normal_(model.hubert.feature_extractor.conv_layers[0].layer_norm.bias, std=0.3)
    return model


def make_sound():
    """Return noise with the spectral slope of speech, so that front-end channels differ in energy."""
    noise = lfilter([1], [1, -1.6, 0.7], np.random.default_rng(0).normal(size=N_SAMPLES))
    return torch.from_numpy((noise / noise.std()).astype(np.float32))


def draw(n_units, n_coalitions):
    """Draw coalitions as captum does: first the size from the Shapley kernel, then the members."""
    generator, sizes = np.random.default_rng(0), np.arange(1, n_units)
    kernel = 1 / (sizes * (n_units - sizes))
    drawn = generator.choice(sizes, size=n_coalitions, p=kernel / kernel.sum())
    return generator.random((n_coalitions, n_units)).argsort(axis=1) < drawn[:, None]


class GivenShap(KernelShap):
    """KernelSHAP of captum with given coalitions and otherwise default settings."""

    def __init__(self, function, coalitions):
        super().__init__(function)
        self.coalitions, self.perturb_func = coalitions, self.generate

    def generate(self, *_, **__):
        n_units = self.coalitions.shape[1]
        for row in ([0] * n_units, [1] * n_units, *self.coalitions.tolist()):
            yield torch.tensor(row, dtype=int)[None]


def of_ours(job, model, values):
    predictor = Predictor(model, [str(i) for i in range(6)])

    def function(batch):
        return predictor.from_waveform(batch)[:, 2]

    n_frames = int(predictor.timing.n_frames(N_SAMPLES))
    chunk, steep = (chunk_size(size, 1000, "cpu", "it") for size in footprint(predictor, function, values, n_frames))
    silence = torch.zeros_like(values)
    if job == "completeness":
        return integrated_gradients(
            function, values[:SHORT], silence[:SHORT], n_steps=N_STEPS_OURS, power=4, chunk=steep
        )[0]
    if job == "gradients":
        return integrated_gradients(function, values, silence, n_steps=N_STEPS, chunk=steep)[0]
    n_units, n_coalitions = GAMES[job]
    edges, coalitions = np.linspace(0, N_SAMPLES, n_units + 1).astype(int), draw(n_units, n_coalitions)
    game = Game(function, values, silence, np.stack([edges[:-1], edges[1:]], axis=1), chunk=chunk)
    return solve_shapley(coalitions, np.ones(n_coalitions), game(coalitions), game.empty, game.full)


def of_captum(job, model, values):
    def function(batch):
        return model(batch).logits

    if job == "completeness":
        options = {"n_steps": N_STEPS_CAPTUM, "target": 2}
        return IntegratedGradients(function).attribute(values[None, :SHORT], **options)[0]
    if job == "gradients":
        return IntegratedGradients(function).attribute(values[None], n_steps=N_STEPS, target=2)[0]
    n_units, n_coalitions = GAMES[job]
    mask = torch.arange(N_SAMPLES)[None] * n_units // N_SAMPLES
    options = {"feature_mask": mask, "n_samples": n_coalitions + 2, "target": 2, "return_input_shape": False}
    return GivenShap(function, draw(n_units, n_coalitions)).attribute(values[None], **options)[0]


def measure(who, job):
    """Run one job; print CPU seconds of its fastest repetition, peak memory in megabytes, and summed scores."""
    torch.set_num_threads(1)
    model, values = make_model(), make_sound()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    run = {"ours": of_ours, "captum": of_captum}[who]
    seconds = []
    for _ in range(N_REPEATS[job]):
        start = time.process_time()
        scores = run(job, model, values)
        seconds.append(time.process_time() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    scores = np.asarray(scores.detach() if isinstance(scores, torch.Tensor) else scores, dtype=float)
    scores = scores.reshape(-1, max(1, len(scores) // 20)).sum(axis=1)
    print(json.dumps({"seconds": min(seconds), "mb": peak / 1000, "scores": scores.tolist()}))


def run(who, job):
    done = subprocess.run([sys.executable, __file__, who, job], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main():
    jobs = {
        "gradients": (f"integrated gradients with {N_STEPS} steps", 1e-3),
        "completeness": ("integrated gradients with a completeness gap of 0.1 %", 1e-2),
    } | {
        job: (f"KernelSHAP with {n_units} units and {n_coalitions} coalitions", 1e-3)
        for job, (n_units, n_coalitions) in GAMES.items()
    }
    for job, (what, tolerance) in jobs.items():
        ours, captum = run("ours", job), run("captum", job)
        difference = np.abs(np.subtract(ours["scores"], captum["scores"])).max() / np.abs(captum["scores"]).max()
        name = f"{what}; {ours['mb']:.0f} vs. {captum['mb']:.0f} MB"
        ratio = captum["seconds"] / ours["seconds"]
        name += f"; aim ≥ {AT_LEAST[job]}" if job in AT_LEAST else "; no aim"
        print(
            f"{name}, {ours['seconds']:.2f}, {captum['seconds']:.2f}, {ratio:.1f}, {difference < tolerance}", flush=True
        )


if __name__ == "__main__":
    measure(*sys.argv[1:]) if sys.argv[1:] else main()
