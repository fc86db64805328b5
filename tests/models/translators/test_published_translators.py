"""Published translators, as tiny models of their families with random weights: stages, languages, decoding."""

import json

import numpy as np
import pytest
import torch
from transformers import (
    SeamlessM4TFeatureExtractor,
    SeamlessM4Tv2Config,
    SeamlessM4Tv2ForSpeechToText,
    Speech2TextConfig,
    Speech2TextFeatureExtractor,
    Speech2TextForConditionalGeneration,
)

from auscult.errors import CheckpointError, CorpusError
from auscult.models.checkpoints import save_checkpoint
from auscult.models.training.architecture import build_encoder
from auscult.models.translators.published import PublishedTranslator, load_published_translator

PIECES = ["<s>", "<pad>", "</s>", "<unk>", "<lang:fr>", "<lang:es>", "__fra__", "__ita__", *"abcdefgh"]


class Tokenizer:
    """The part of a tokenizer that is needed; a token is a letter."""

    def convert_tokens_to_ids(self, piece):
        return PIECES.index(piece)

    def decode(self, numbers, skip_special_tokens=True):
        return "".join(PIECES[number] for number in numbers if number >= 8)


def speech2text():
    config = Speech2TextConfig(
        vocab_size=len(PIECES),
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
        conv_channels=8,
        max_target_positions=32,
        decoder_start_token_id=2,
        eos_token_id=2,
        pad_token_id=1,
        bos_token_id=0,
    )
    return PublishedTranslator(
        Speech2TextForConditionalGeneration(config), Speech2TextFeatureExtractor(), Tokenizer(), "cpu"
    )


def seamless():
    config = SeamlessM4Tv2Config(
        vocab_size=len(PIECES),
        hidden_size=16,
        speech_encoder_layers=2,
        speech_encoder_attention_heads=2,
        speech_encoder_intermediate_size=16,
        decoder_layers=1,
        decoder_ffn_dim=16,
        decoder_attention_heads=2,
        encoder_layers=1,
        encoder_ffn_dim=16,
        encoder_attention_heads=2,
        num_adapter_layers=1,
        feature_projection_input_dim=160,
        max_position_embeddings=64,
        pad_token_id=1,
        eos_token_id=2,
        bos_token_id=0,
        decoder_start_token_id=2,
        num_conv_pos_embeddings=8,
        num_conv_pos_embedding_groups=2,
    )
    return PublishedTranslator(SeamlessM4Tv2ForSpeechToText(config), SeamlessM4TFeatureExtractor(), Tokenizer(), "cpu")


@pytest.fixture(params=[speech2text, seamless])
def translator(request):
    torch.manual_seed(1)
    return request.param()


def sounds():
    rng = np.random.default_rng(0)
    return [rng.normal(0, 0.1, n).astype(np.float32) for n in (16000, 12000)]


def test_states_are_those_of_each_utterance_alone_and_adapters_shorten(translator):
    together = translator.states(sounds())
    assert tuple(together) == translator.stages
    for place, sound in enumerate(sounds()):
        for stage, rows in translator.states([sound]).items():
            torch.testing.assert_close(rows[0], together[stage][place])
    if translator.stages[-1] == "adapter":
        assert len(together["adapter"][0]) < len(together["encoder"][0])
        assert not torch.equal(together["adapter"][0], together["encoder"][0][: len(together["adapter"][0])])


def test_writing_from_states_is_writing_from_sound(translator):
    sound = sounds()[0]
    last = translator.states([sound])[translator.stages[-1]]
    (found,) = translator.write([last[0].numpy()], ["french"])
    features = translator.extractor(sound, sampling_rate=16000, return_tensors="pt")
    start = PIECES.index("<lang:fr>" if translator.family == "speech_to_text" else "__fra__")
    given = [2, start] if translator.family == "speech_to_text" else [start]
    for _ in range(20):
        with torch.no_grad():
            logits = translator.model(**features, decoder_input_ids=torch.tensor([given])).logits
        given.append(int(logits[0, -1].argmax()))
        if given[-1] == 2:
            break
    wanted = Tokenizer().decode(given)
    assert found[: len(wanted)] == wanted
    assert len(given) > 2


def test_a_language_that_is_not_written_is_named(translator):
    states = translator.states(sounds()[:1])[translator.stages[-1]]
    with pytest.raises(
        CorpusError, match=r"expected a target language among spanish, french, italian .* found 'german'"
    ):
        translator.write(states, ["german"])


def test_a_plain_folder_without_a_tokenizer_or_with_other_weights_is_refused(tmp_path):
    speech2text().model.save_pretrained(tmp_path / "mine")
    with pytest.raises(CheckpointError, match=r"extractor's sampling_rate and num_mel_bins in .*mine .* no such file"):
        load_published_translator(tmp_path / "mine")
    (tmp_path / "mine" / "preprocessor_config.json").write_text('{"sampling_rate": 16000, "num_mel_bins": 80}')
    with pytest.raises(CheckpointError, match=r"expected a tokenizer in .*mine, found: .*; some need the package"):
        load_published_translator(tmp_path / "mine")
    config = json.loads((tmp_path / "mine" / "config.json").read_text())
    (tmp_path / "mine" / "config.json").write_text(json.dumps(config | {"encoder_ffn_dim": 12}))
    with pytest.raises(
        CheckpointError, match=r"expected every weight of Speech2Text.* found \d+ mismatched: "
    ) as caught:
        load_published_translator(tmp_path / "mine")
    assert "\n" not in str(caught.value)


def test_another_family_is_refused(tmp_path):
    save_checkpoint(
        tmp_path / "encoder",
        build_encoder(
            "masked_prediction", {"layers": 1, "hidden": 16, "heads": 2, "position_groups": 2, "feed_forward": 16}, 1
        ),
        {},
    )
    with pytest.raises(CheckpointError, match=r"expected a translator of speech_to_text, .* found 'hubert'"):
        load_published_translator(tmp_path / "encoder")
