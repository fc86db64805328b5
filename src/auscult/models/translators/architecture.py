"""Speech translators: an encoder, an adapter and a decoder that writes subwords.

Three mechanisms, after the models of Fucci et al. (2025). ``end-to-end``: the decoder reads the encoder's states, and
both are trained on translations. ``compressing``: strided convolutions first shorten the states eightfold, as in
SeamlessM4T (Barrault et al., 2023). ``frozen``: the encoder is a recogniser that is not trained; its states are
averaged over each run of one recognised character, blanks are dropped, and the means pass a narrow layer, as in
ZeroSwot (Tsiamas et al., 2024).
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from transformers import (
    Cache,
    MBartConfig,
    MBartForCausalLM,
    PreTrainedModel,
    SpeechEncoderDecoderConfig,
    SpeechEncoderDecoderModel,
)

from auscult.errors import CheckpointError, ConfigError
from auscult.models.training.fast_forward import encode_frames
from auscult.models.translators.subwords import END, PAD

__all__ = ["Mechanism", "MECHANISMS", "MAX_SUBWORDS", "Translator", "NarrowAdapter", "build_translator", "padded"]

Mechanism = Literal["end-to-end", "compressing", "frozen"]
MECHANISMS: tuple[Mechanism, ...] = ("end-to-end", "compressing", "frozen")
_STRIDED_LAYERS, _KERNEL, _STRIDE = 3, 3, 2
MAX_SUBWORDS = 24  # of a translation


class Translator(SpeechEncoderDecoderModel):
    """A ``SpeechEncoderDecoderModel`` with an adapter between encoder and decoder.

    Its configuration is a ``speech-encoder-decoder`` with the entry ``adapter``: ``mechanism``, and for ``frozen`` the
    ``width`` of the narrow layer and the ``n_tokens`` of the recogniser.
    """

    # Any: transformers declares no type for the parts of a model.
    encoder: Any
    decoder: Any

    def __init__(
        self,
        config: SpeechEncoderDecoderConfig | None = None,
        encoder: PreTrainedModel | None = None,
        decoder: PreTrainedModel | None = None,
    ):
        super().__init__(config, encoder, decoder)
        whole: Any = self.config
        self.adapter = _build_adapter(whole.adapter, whole.encoder.hidden_size)

    def encode(self, cnn: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Return the encoder's last states.

        Parameters
        ----------
        cnn : front-end frames of each utterance, computed without padding [shape=(n_frames, n_dims)]

        Returns
        -------
        states : [shape=(n_utterances, longest n_frames, n_dims)]
        lengths : frames of each utterance [shape=(n_utterances,)]
        """
        return encode_frames(self.encoder, cnn)

    def decode(
        self, states: Tensor, lengths: Tensor, tokens: Tensor, cache: Cache | None = None
    ) -> tuple[Tensor, Cache | None]:
        """Return the logits of the token after each token [shape=(n, n_tokens, n_subwords)], and the decoder's cache.

        Parameters
        ----------
        states, lengths : states that the decoder reads, and the number of states of each utterance
        tokens : tokens so far, or, with a cache, since the last call [shape=(n, n_tokens)]
        cache : as returned by the last call
        """
        found = self.decoder(
            input_ids=tokens,
            encoder_hidden_states=states,
            past_key_values=cache,
            use_cache=cache is not None,
            encoder_attention_mask=_real(lengths, states).long(),
        )
        return found.logits, found.past_key_values

    @torch.no_grad()
    def write(self, states: Tensor, lengths: Tensor, tags: Tensor, n_tokens: int) -> list[list[int]]:
        """Return translations as rows of tokens, by greedy decoding from a language tag to the end of the sentence.

        Parameters
        ----------
        states, lengths : states that the decoder reads, as returned by the adapter
        tags : language tag of each utterance [shape=(n,)]
        n_tokens : maximum length
        """
        # With a cache, the cost per token is constant; without, it grows with each token.
        cache = self.decoder(
            input_ids=tags[:, None],
            encoder_hidden_states=states,
            use_cache=True,
            encoder_attention_mask=_real(lengths, states).long(),
        )
        logits, cache, written = cache.logits, cache.past_key_values, []
        done = torch.zeros(len(tags), dtype=torch.bool, device=tags.device)
        for _ in range(n_tokens):
            token = torch.where(done, PAD, logits[:, -1].argmax(dim=-1))
            written.append(token)
            done = done | (token == END)
            if bool(done.all()):
                break
            logits, cache = self.decode(states, lengths, token[:, None], cache)
        rows = torch.stack(written, dim=1).tolist() if written else [[] for _ in tags]
        return [[token for token in row if token not in (PAD, END)] for row in rows]


class _NoAdapter(nn.Module):
    """The identity: the decoder reads the encoder's states."""

    def forward(self, states: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        return states, lengths


class _StridedAdapter(nn.Module):
    """Three convolutions with stride 2 and gated linear units, as in the adapter of wav2vec 2.0."""

    def __init__(self, width: int):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.layers = nn.ModuleList(
            nn.Conv1d(width, 2 * width, _KERNEL, stride=_STRIDE, padding=_KERNEL // 2) for _ in range(_STRIDED_LAYERS)
        )

    def forward(self, states: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        states = self.norm(states)
        for layer in self.layers:
            states = states * _real(lengths, states)[..., None]  # padding is zero, as beyond a single utterance
            states = nn.functional.glu(layer(states.transpose(1, 2)), dim=1).transpose(1, 2)
            lengths = (lengths - 1) // _STRIDE + 1
        return states, lengths


class NarrowAdapter(nn.Module):
    """Means over runs of one recognised character, blanks dropped, through a layer of few dimensions.

    The recogniser's head is part of the adapter, so that a checkpoint holds everything. Source of the compression:
    Gaido et al. (2021).
    """

    def __init__(self, width: int, narrow: int, n_tokens: int):
        super().__init__()
        self.recogniser = nn.Linear(width, n_tokens).requires_grad_(False)
        self.down, self.up = nn.Linear(width, narrow), nn.Linear(narrow, width)
        self.norm = nn.LayerNorm(width)

    def forward(self, states: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return the decoder's states, and their number for each utterance."""
        return self.project(*padded(self.compress(states, lengths)))

    def compress(self, states: Tensor, lengths: Tensor) -> list[Tensor]:
        """Return the mean state of each recognised character, or of all frames where only blanks are recognised."""
        best = self.recogniser(states).argmax(dim=-1)
        return [_runs(row[:n], tokens[:n]) for row, tokens, n in zip(states, best, lengths.tolist())]

    def project(self, states: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Pass compressed states through the narrow layer and normalise them."""
        return self.norm(self.up(nn.functional.gelu(self.down(states)))), lengths


def _build_adapter(settings: Mapping[str, Any], width: int) -> _NoAdapter | _StridedAdapter | NarrowAdapter:
    match settings["mechanism"]:
        case "compressing":
            return _StridedAdapter(width)
        case "frozen":
            return NarrowAdapter(width, settings["width"], settings["n_tokens"])
        case _:
            return _NoAdapter()


def build_translator(
    encoder: PreTrainedModel,
    mechanism: Mechanism,
    *,
    n_subwords: int,
    seed: int,
    width: int,
    layers: int,
    dropout: float,
    recogniser: nn.Linear | None = None,
) -> tuple[Translator, Translator]:
    """Build the untrained translator of a mechanism, and the same translator with a trained encoder.

    Parameters
    ----------
    encoder : trained; HuBERT, wav2vec 2.0 or another of their kind
    mechanism : one of :data:`MECHANISMS`
    n_subwords : size of the decoder's vocabulary
    seed : of all untrained weights; the global random state is unchanged
    width : dimensions of the narrow layer; used by ``frozen`` only
    layers : number of decoder blocks, which have the encoder's width
    dropout : in the decoder
    recogniser : the encoder's CTC head, whose token 0 is the blank; needed by ``frozen`` only

    Raises
    ------
    ConfigError
        The mechanism is unknown.
    CheckpointError
        ``frozen`` has no recogniser.
    """
    if mechanism not in MECHANISMS:
        raise ConfigError(
            f"expected a mechanism among {', '.join(MECHANISMS)}, found {mechanism!r}; correct "
            "'mechanism' in the model's entry"
        )
    if mechanism == "frozen" and recogniser is None:
        raise CheckpointError(
            "expected a recogniser (a model with a CTC head) as start of mechanism 'frozen', which averages states "
            "over recognised characters, found an encoder without one; name a model of task ctc as start"
        )
    decoder = _decoder_config(encoder.config.hidden_size, n_subwords, layers, dropout)
    config: Any = SpeechEncoderDecoderConfig.from_encoder_decoder_configs(encoder.config, decoder)
    config.adapter = {"mechanism": mechanism}
    if recogniser is not None and mechanism == "frozen":
        config.adapter |= {"width": width, "n_tokens": recogniser.out_features}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fresh = type(encoder)._from_config(config.encoder, attn_implementation=encoder.config._attn_implementation)
        untrained = Translator(config, fresh, MBartForCausalLM(config.decoder))
    started = deepcopy(untrained)
    started.encoder.load_state_dict(encoder.state_dict())
    if recogniser is not None and mechanism == "frozen":
        cast("NarrowAdapter", started.adapter).recogniser.load_state_dict(recogniser.state_dict())
    started.encoder.requires_grad_(mechanism != "frozen")
    started.encoder.feature_extractor.requires_grad_(False)
    return untrained, started


def padded(sequences: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Return sequences of frames as one zero-padded batch, and their lengths."""
    lengths = torch.tensor([len(part) for part in sequences], device=sequences[0].device)
    return pad_sequence(list(sequences), batch_first=True), lengths


def _decoder_config(width: int, n_subwords: int, layers: int, dropout: float) -> MBartConfig:
    settings: dict[str, Any] = {
        "vocab_size": n_subwords,
        "d_model": width,
        "decoder_layers": layers,
        "decoder_attention_heads": 4,
        "decoder_ffn_dim": 4 * width,
        "max_position_embeddings": 2 * MAX_SUBWORDS,
        "dropout": dropout,
        "attention_dropout": 0.0,
        "activation_dropout": 0.0,
        "is_decoder": True,
        "is_encoder_decoder": False,
        "add_cross_attention": True,
        "scale_embedding": True,
        "pad_token_id": PAD,
        "eos_token_id": END,
        "bos_token_id": PAD,
        "decoder_start_token_id": PAD,
        "forced_eos_token_id": None,
        "tie_word_embeddings": False,
        # The default suits a decoder eight times as wide; with it, attention would be nearly uniform at the start.
        "init_std": width**-0.5,
    }
    return MBartConfig(**settings)


def _real(lengths: Tensor, states: Tensor) -> Tensor:
    """Return which states are no padding [shape=(n_utterances, n_states), bool]."""
    return torch.arange(states.shape[1], device=states.device) < lengths[:, None]


def _runs(states: Tensor, tokens: Tensor) -> Tensor:
    """Return the mean state over each run of one token, without runs of the blank (token 0)."""
    starts = torch.ones_like(tokens, dtype=torch.bool)
    starts[1:] = tokens[1:] != tokens[:-1]
    run = starts.cumsum(0) - 1
    n_runs = int(run[-1]) + 1
    sums = torch.zeros(n_runs, states.shape[1], dtype=states.dtype, device=states.device).index_add_(0, run, states)
    means = sums / torch.bincount(run, minlength=n_runs)[:, None]
    kept = tokens[starts] != 0
    return means[kept] if bool(kept.any()) else states.mean(dim=0, keepdim=True)
