"""Latents of a bottleneck: separate speakers, probes, transcriptions, and attributions that add up."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from extraction_cases import Speech

from auscult.analyses.disentangling.latents import LATENT_COLUMNS, probe_latents
from auscult.analyses.disentangling.recordings import divide_speakers, layer_frames, phone_tokens, spoken_tokens
from auscult.analyses.disentangling.settings import BottleneckSettings, DisentanglingSettings
from auscult.errors import AnalysisError
from auscult.models.acoustic import acoustic_model
from auscult.tables import check_segments, check_utterances

MEL = acoustic_model("mel")
# Frequency in hertz of each phone, and its class.
PHONES = {"a": (500, "vowel"), "i": (900, "vowel"), "s": (3000, "fricative"), "f": (2200, "fricative")}
SETTINGS = DisentanglingSettings(
    min_class_size=4,
    n_resamples=50,
    bottleneck=BottleneckSettings(n_latent=4, textual_steps=30, acoustic_steps=20, batch_size=8),
)


def tones(n_train=8, n_test=8, n_each=3, seed=0):
    """Return utterances of six tones by voices that differ in loudness and in a second tone."""
    random, waveforms, utterances, segments = np.random.default_rng(seed), {}, [], []
    for split, n_voices in (("train", n_train), ("test", n_test)):
        for voice in range(n_voices):
            for number in range(n_each):
                name = f"{split}-{voice}-{number}"
                phones = random.choice(list(PHONES), 6)
                time = np.arange(1600) / 16000
                wave = [np.sin(2 * np.pi * PHONES[phone][0] * time) for phone in phones]
                wave = np.concatenate(wave) + 0.5 * np.sin(2 * np.pi * (100 + 20 * voice) * np.arange(9600) / 16000)
                waveforms[name] = (0.1 * (1 + voice % 2) * wave + 0.002 * random.normal(size=9600)).astype(np.float32)
                utterances.append(
                    {
                        "utterance": name,
                        "corpus": "tones",
                        "path": f"{name}.flac",
                        "sample_rate_hz": 16000,
                        "n_samples": 9600,
                        "speaker": f"{split}-{voice}",
                        "gender": ("female", "male")[voice % 2],
                        "language": "en",
                        "text": "",
                        "split": split,
                    }
                )
                segments += [
                    {
                        "utterance": name,
                        "tier": "phone",
                        "index": i,
                        "label": phone,
                        "onset": 1600 * i,
                        "offset": 1600 * (i + 1),
                        "parent": -1,
                        "phone_class": PHONES[phone][1],
                    }
                    for i, phone in enumerate(phones)
                ]
    utterances = check_utterances(pd.DataFrame(utterances))
    return Speech(utterances, check_segments(pd.DataFrame(segments), utterances), waveforms, "tones")


TONES = tones()


def probed(**changes):
    arguments = {
        "layer": "T1",
        "names": {"corpus": "tones", "model": "mel", "step": "final"},
        "settings": SETTINGS,
        "factors": ("phone_class", "gender"),
        "targets": {"phone": {"tier": "phone", "column": "label"}},
    } | changes
    return probe_latents(arguments.pop("recordings", TONES), MEL, **arguments)


@pytest.fixture(scope="module")
def results():
    return probed()


def test_frames_and_both_latents_are_probed_for_every_factor_target_and_speaker(results):
    probes = results[results["analysis"] == "probes"]
    assert list(results.columns) == list(LATENT_COLUMNS)
    assert set(probes["layer"]) == {"input", "textual", "acoustic"}
    assert set(probes["target"]) == {"phone_class", "gender", "phone", "speaker"}
    tiers = probes.drop_duplicates("target").set_index("target")["tier"]
    assert tiers.to_dict() == {"phone_class": "phone", "phone": "phone", "gender": "utterance", "speaker": "utterance"}
    assert set(probes.loc[probes["target"] == "speaker", "held_out"]) == {"utterance"}
    assert probes["value"].between(0, 1).all()
    assert (probes[probes["layer"] == "input"].set_index("target")["value"]["phone"]) > 0.8
    assert (results["n_groups"] == 8).all()
    assert (results["n_train"] == 24).all()


def test_information_and_phone_errors_have_intervals(results):
    rows = results[results["analysis"] == "bottleneck"].set_index(["metric", "layer"])
    assert (rows["value"] >= 0).all()
    assert rows["ci_low"].notna().all()
    assert set(rows.index) == {
        ("phone_error_rate", "textual"),
        ("information_nats", "textual"),
        ("information_nats", "acoustic"),
    }


def test_shares_of_the_latents_add_up(results):
    shares = results[results["metric"] == "part_share"]
    sums = shares.groupby("target")["value"].sum()
    assert set(sums.index) == {"phone_class", "gender", "phone"}
    np.testing.assert_allclose(sums, 1, atol=1e-9)


def test_batches_do_not_change_frames():
    together, alone = (layer_frames(MEL, TONES, TONES.utterances, "input", seconds) for seconds in (60.0, 0.1))
    assert all(torch.equal(a, b) for a, b in zip(together, alone))
    assert not any(each.is_inference() for each in together)


def test_the_same_seed_gives_the_same_table(results):
    pd.testing.assert_frame_equal(probed(), results)


def test_speakers_of_one_split_are_divided_and_utterances_sampled():
    training, tested = divide_speakers(TONES, MEL, ["test"], "test", None, 6, 0)
    assert not set(training["speaker"]) & set(tested["speaker"])
    assert (training["speaker"].nunique(), tested["speaker"].nunique(), len(tested)) == (4, 4, 6)
    assert training["gender"].nunique() == tested["gender"].nunique() == 2


def test_a_small_sample_covers_all_speakers():
    # Taking every fourth utterance would leave out most speakers.
    training, tested = divide_speakers(TONES, MEL, ["test"], "train", 8, 16, 0)
    assert (training.groupby("speaker").size() == 1).all()
    assert (tested.groupby("speaker").size() == 2).all()
    assert training["speaker"].nunique() == tested["speaker"].nunique() == 8


def test_a_phone_of_test_speakers_only_has_no_token():
    utterances = TONES.utterances.head(2)
    tokens = phone_tokens(TONES, utterances, "phone")
    assert sorted(tokens.values()) == list(range(1, len(tokens) + 1))
    del tokens["a"]
    spoken = spoken_tokens(TONES, TONES.utterances, "phone", tokens)
    assert any(-1 in each for each in spoken)
    assert all(len(each) == 6 for each in spoken)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"recordings": tones(n_train=3)}, "expected at least 4 speakers to train the bottleneck on, found 3"),
        (
            {"recordings": tones(n_test=2)},
            "expected at least 4 speakers to probe its latents on, found 2; add speakers",
        ),
        (
            {"settings": replace(SETTINGS, tier="syllable")},
            "expected labels of tier 'syllable' to transcribe, found none in corpus 'tones'",
        ),
    ],
)
def test_too_few_speakers_or_no_labels_are_refused(changes, message):
    with pytest.raises(AnalysisError, match=message):
        probed(**changes)
