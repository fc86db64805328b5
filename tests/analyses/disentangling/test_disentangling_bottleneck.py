"""The two-stage bottleneck: its information term, its schedule, and the content of its latents."""

import numpy as np
import pandas as pd
import pytest
import torch

from auscult.analyses.disentangling.bottleneck import beta_at, kl_to_standard_normal, train_bottlenecks
from auscult.analyses.disentangling.settings import BottleneckSettings

# A few phones and speakers carry only a few nats, so β must be lower than for natural speech.
SETTINGS = BottleneckSettings(
    n_latent=6, textual_steps=300, acoustic_steps=150, batch_size=8, beta=(0.01, 0.2), peak_learning_rate=0.01
)


def planted_frames(n_utterances=32, n_tokens=6, n_voices=4, seed=0):
    """Return utterances of 5 phones of 3 frames each, with one axis per phone, one per voice, and noise."""
    random = np.random.default_rng(seed)
    frames, tokens, voices = [], [], []
    for utterance in range(n_utterances):
        phones = [int(token) for token in random.integers(1, n_tokens + 1, size=5)]
        voice = utterance % n_voices
        x = 0.3 * random.normal(size=(15, n_tokens + n_voices + 2))
        x[np.arange(15), np.repeat(phones, 3) - 1] += 3
        # A frame without a phone separates two equal phones in succession.
        x[2::3, :n_tokens] = 0
        x[:, n_tokens + voice] += 3
        frames.append(torch.from_numpy(x).float())
        tokens.append(phones)
        voices.append(voice)
    return frames, tokens, voices


@pytest.fixture(scope="module")
def trained():
    frames, tokens, voices = planted_frames()
    return train_bottlenecks(frames, tokens, voices, SETTINGS, seed=1)


def test_information_is_the_divergence_of_torchs_distributions():
    torch.manual_seed(0)
    mean, log_variance = torch.randn(7, 5), torch.randn(7, 5)
    normal = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
    expected = torch.distributions.kl_divergence(normal, torch.distributions.Normal(0.0, 1.0)).sum(dim=-1)
    torch.testing.assert_close(kl_to_standard_normal(mean, log_variance), expected)


def test_information_of_the_prior_is_nothing_and_grows_by_half_the_squared_mean():
    nothing = torch.zeros(3)
    assert kl_to_standard_normal(nothing, nothing) == 0
    assert kl_to_standard_normal(torch.tensor([2.0, 0, 0]), nothing) == pytest.approx(2.0)
    # ½ (e − 1 − 1) for a variance of e.
    assert kl_to_standard_normal(nothing[:1], torch.ones(1)) == pytest.approx((np.e - 2) / 2)


def test_the_weight_of_information_rises_to_its_end_before_training_ends():
    assert beta_at(0, 100, (0.1, 1.0)) == pytest.approx(0.1)
    assert beta_at(45, 100, (0.1, 1.0)) == pytest.approx(0.55)
    assert [beta_at(step, 100, (0.1, 1.0)) for step in (90, 99)] == [1.0, 1.0]


def test_the_textual_latent_transcribes_and_the_acoustic_one_separates_voices(trained):
    frames, tokens, voices = planted_frames(seed=2)
    encoded = [trained.encode(each) for each in frames]
    spelt = [trained.tokens(each["textual"][0]) for each in encoded]
    assert np.mean([a == b for a, b in zip(spelt, tokens)]) > 0.8

    def between(latent):
        """Return the share of the latents' variance that lies between the voices' means."""
        means = torch.stack([each[latent][0].mean(dim=0) for each in encoded]).numpy()
        every = torch.cat([each[latent][0] for each in encoded]).numpy()
        voice_means = pd.DataFrame(means).groupby(np.array(voices)).mean().to_numpy()
        return voice_means.var(axis=0).sum() / every.var(axis=0).sum()

    assert between("acoustic") > 0.5
    assert between("textual") < 0.1


def test_without_the_information_term_latents_carry_more():
    frames, tokens, voices = planted_frames(n_utterances=8)
    nats = []
    for beta in ((0.0, 0.0), (1.0, 1.0)):
        settings = BottleneckSettings(n_latent=4, textual_steps=60, acoustic_steps=2, batch_size=8, beta=beta)
        found = train_bottlenecks(frames, tokens, voices, settings, seed=1)
        nats.append(float(found.encode(frames[0])["textual"][1].mean()))
    assert nats[0] > 2 * nats[1]


def test_the_same_seed_gives_the_same_weights_whatever_was_drawn_before():
    frames, tokens, voices = planted_frames(n_utterances=8)
    settings, weights = BottleneckSettings(n_latent=2, textual_steps=3, acoustic_steps=3, batch_size=4), []
    for drawn in (0, 5):
        torch.manual_seed(drawn)
        state = torch.get_rng_state()
        found = train_bottlenecks(frames, tokens, voices, settings, seed=3)
        assert torch.equal(torch.get_rng_state(), state)
        weights.append([*found.textual.state_dict().values(), *found.acoustic.state_dict().values()])
    assert all(torch.equal(a, b) for a, b in zip(*weights))


def test_a_constant_dimension_of_frames_gives_finite_latents():
    frames, tokens, voices = planted_frames(n_utterances=8)
    frames = [torch.cat([each, torch.full((len(each), 1), 7.0)], dim=1) for each in frames]
    found = train_bottlenecks(
        frames, tokens, voices, BottleneckSettings(n_latent=2, textual_steps=2, acoustic_steps=2), seed=0
    )
    assert all(torch.isfinite(values).all() for values, _ in found.encode(frames[0]).values())
