"""Scores of a whole translator: probes of unmet voices, exchanged voices, silence, BLEU and chrF."""

import numpy as np
import pytest
import torch

from auscult.analyses.translation.analysis import score_translator
from auscult.analyses.translation.recordings import Recordings
from auscult.analyses.translation.settings import TranslationSettings
from auscult.analyses.translation.summary import summarise_translation
from auscult.corpora.corpus import read_corpus
from auscult.corpora.synthesis.speech import synthesise_corpus
from auscult.corpora.synthesis.unmet_voices import synthesise_companion
from auscult.errors import AnalysisError
from auscult.models.training.architecture import build_encoder
from auscult.models.translators.architecture import build_translator, padded
from auscult.models.translators.interface import SpeechTranslator
from auscult.models.translators.subwords import build_subwords

TINY = {
    "conv_dim": (16, 16, 16),
    "conv_kernel": (10, 8, 8),
    "conv_stride": (5, 8, 8),
    "hidden": 32,
    "layers": 1,
    "heads": 2,
    "feed_forward": 64,
    "position_kernel": 8,
    "position_groups": 2,
}
SPOKEN = {"corpus": "first-person", "languages": ["english-first-person"], "seed": 2, "variation": False}
SETTINGS = TranslationSettings(n_probe=8, n_resamples=100)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpora")
    sentences = {"train": 16, "valid": 6, "test": 6}
    voices = {"train": 4, "valid": 2, "test": 2}
    synthesise_corpus(folder / "source", **SPOKEN, female_share=0.3, sentences=sentences, voices=voices)
    synthesise_companion(folder / "companion", **SPOKEN, n_unmet=8, first_unmet=4, n_voices=2, n_exchanged=3)
    return Recordings(read_corpus(folder / "source"), read_corpus(folder / "companion"))


@pytest.fixture(scope="module")
def translator(recordings):
    train = recordings.training_references
    subwords = build_subwords(train["reference"].tolist(), train["terms"], sorted(set(train["target_language"])))
    encoder = build_encoder("masked_prediction", TINY, 5)
    model, _ = build_translator(
        encoder, "end-to-end", n_subwords=len(subwords.names), seed=1, width=4, layers=1, dropout=0.0
    )
    return SpeechTranslator(model, subwords, {"do_normalize": True})


@pytest.fixture(scope="module")
def scored(recordings, translator):
    names = {"corpus": "first-person", "model": "planted-1", "step": "9"}
    return score_translator(
        recordings.source, translator, **names, companion=recordings.companion, settings=SETTINGS, seed=1
    )


def test_probes_are_trained_on_voices_that_the_translator_has_not_met(recordings):
    met = set(recordings.training_references["speaker"])
    probed = recordings.references[recordings.references["split"] == "train"]
    assert len(probed["utterance"].unique()) == 8
    assert not met & set(probed["speaker"])
    without = Recordings(recordings.source).references
    assert met == set(without.loc[without["split"] == "train", "speaker"])


def test_a_companion_with_a_voice_of_the_corpus_is_refused(recordings, tmp_path):
    synthesise_companion(tmp_path / "met", **SPOKEN, n_unmet=8, first_unmet=0, n_voices=2, n_exchanged=1)
    with pytest.raises(
        AnalysisError, match=r"expected voices in the companion .* that the corpus lacks, found 'train-"
    ):
        _ = Recordings(recordings.source, read_corpus(tmp_path / "met")).references


def test_results_are_of_the_test_sentences_and_items_of_both(recordings, scored):
    results, items = scored
    assert set(items["exchanged"]) == {"", "own", "pitch", "tract", "both"}
    assert (items["exchanged"] != "").sum() == 3 * 2 * 4
    own = results[(results["target"] == "all") & (results["control"] == "")]
    assert set(own.loc[own["metric"].isin(["probe_macro_f1", "bleu", "chrf", "masculine_preference"]), "n"]) == {6}


def test_an_untrained_translator_and_a_corpus_without_companion_have_no_exchanged_voices(recordings, translator):
    names = {"corpus": "first-person", "model": "planted-1"}
    for step, companion in (("0", recordings.companion), ("9", None)):
        _, items = score_translator(
            recordings.source, translator, **names, step=step, companion=companion, settings=SETTINGS, seed=1
        )
        assert set(items["exchanged"]) == {""}
        assert len(items) == 6


def test_the_decoders_own_preference_is_measured_on_silence(scored):
    results, _ = scored
    rows = results[(results["metric"] == "masculine_preference") & (results["target"] == "all")]
    assert set(rows["control"].fillna("")) == {"", "silence"}
    assert rows["value"].between(0, 1).all()


def test_quality_has_a_signature(scored):
    results, _ = scored
    rows = results[results["metric"].isin(["bleu", "chrf"])]
    assert set(rows["target"]) == {"all", "french", "italian", "spanish"}
    assert rows["signature"].str.contains("version:").all()


def test_exchanged_voices_reach_the_summary(scored):
    found = summarise_translation(scored[1], settings=SETTINGS)
    shifts = found[found["metric"].isin(["written_shift", "probe_shift", "written_flips", "probe_flips"])]
    assert set(shifts["target"]) == {"pitch", "tract", "both"}
    assert set(shifts["resampling_unit"]) == {"pair"}


def test_log_probabilities_are_those_of_single_decoder_steps(recordings, translator):
    names = recordings.source.utterances["utterance"].tolist()[:2]
    states = translator.states([recordings.waveform(name) for name in names])["encoder"]
    tag = translator.subwords.tag("french")
    tokens = [[tag, 6, 7, 8, 1], [tag, 9, 1]]
    found = translator.log_probabilities(states, tokens)
    for state, row, value in zip(states, tokens, found):
        wanted = 0.0
        for place in range(1, len(row)):
            with torch.inference_mode():
                logits, _ = translator.model.decode(*padded([state]), torch.tensor([row[:place]]))
            wanted += float(logits[0, -1].log_softmax(dim=-1)[row[place]])
        assert value == pytest.approx(wanted, abs=1e-3)
    assert np.isfinite(found).all()
