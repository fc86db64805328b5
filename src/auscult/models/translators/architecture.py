"""Speech translators: an encoder, an adapter that hands its states on, and a decoder that writes pieces of words.

Three mechanisms, after the models of Fucci et al. (2025). ``end-to-end``: a decoder reads the encoder's states, both
learn from translations. ``compressing``: strided convolutions shorten the states eightfold first, as in SeamlessM4T
(Barrault et al., 2023). ``frozen``: states of a recogniser that stays as it is are averaged over runs of the character
that it recognises, its blanks dropped, and pass a narrow layer, as in ZeroSwot (Tsiamas et al., 2024).
"""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from transformers import (
    MBartConfig,
    MBartForCausalLM,
    PreTrainedModel,
    SpeechEncoderDecoderConfig,
    SpeechEncoderDecoderModel,
)

from auscult.errors import CheckpointError, ConfigError
from auscult.models.translators.subwords import END, PAD

__all__ = ["Mechanism", "MECHANISMS", "LONGEST", "Translator", "build_translator", "padded"]

Mechanism = Literal["end-to-end", "compressing", "frozen"]
MECHANISMS: tuple[Mechanism, ...] = ("end-to-end", "compressing", "frozen")
_STRIDED_LAYERS, _KERNEL, _STRIDE = 3, 3, 2
LONGEST = 24  # pieces of a translation


class Translator(SpeechEncoderDecoderModel):
    """A ``SpeechEncoderDecoderModel`` with an adapter between its halves.

    Its folder is one of Hugging Face, its configuration that of ``speech-encoder-decoder`` with the entry ``adapter``:
    ``mechanism``, and of ``frozen`` the ``width`` of the narrow layer and ``n_tokens`` of the recogniser.
    """

    def __init__(
        self,
        config: SpeechEncoderDecoderConfig | None = None,
        encoder: PreTrainedModel | None = None,
        decoder: PreTrainedModel | None = None,
    ):
        super().__init__(config, encoder, decoder)
        settings, width = self.config.adapter, self.config.encoder.hidden_size
        match settings["mechanism"]:
            case "compressing":
                self.adapter = _Strided(width)
            case "frozen":
                self.adapter = _Narrow(width, settings["width"], settings["n_tokens"])
            case _:
                self.adapter = _Plain()

    def encode(self, cnn: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Return the encoder's last states from front-end frames of each utterance, computed without padding.

        Returns
        -------
        states : [shape=(n_utterances, longest n_frames, n_dims)]
        lengths : frames of each utterance [shape=(n_utterances,)]
        """
        frames, lengths = padded(cnn)
        projected = self.encoder.feature_projection(frames)
        hidden = projected[0] if isinstance(projected, tuple) else projected
        real = _real(lengths, hidden)
        return self.encoder.encoder(hidden, attention_mask=real if bool((~real).any()) else None)[0], lengths

    def decode(self, states: Tensor, lengths: Tensor, tokens: Tensor, cache: Any = None) -> tuple[Tensor, Any]:
        """Return the logits of what follows each token [shape=(n, n_tokens, n_pieces)], and the decoder's cache."""
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
        """Return the likeliest token after each token, from a language tag to the end or to ``n_tokens`` (greedy).

        Parameters
        ----------
        states, lengths : what the decoder reads, as the adapter returns them
        tags : language tag of each [shape=(n,)]
        """
        # A new token reads keys and values of those before from the cache: without it, the work is quadratic.
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


class _Plain(nn.Module):
    """No adapter: states are handed on as they are."""

    def forward(self, states: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        return states, lengths


class _Strided(nn.Module):
    """Convolutions with stride 2 and gated linear units, three in a row, as adapters of wav2vec 2.0 have them."""

    def __init__(self, width: int):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.layers = nn.ModuleList(
            nn.Conv1d(width, 2 * width, _KERNEL, stride=_STRIDE, padding=_KERNEL // 2) for _ in range(_STRIDED_LAYERS)
        )

    def forward(self, states: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        states = self.norm(states)
        for layer in self.layers:
            states = states * _real(lengths, states)[..., None]  # padding is silence, as at the end of one alone
            states = nn.functional.glu(layer(states.transpose(1, 2)), dim=1).transpose(1, 2)
            lengths = (lengths - 1) // _STRIDE + 1
        return states, lengths


class _Narrow(nn.Module):
    """Means over runs of one recognised character, blanks dropped, through a layer of few dimensions.

    The recogniser's head is part of it, so that a folder is whole. Source of the compression: Gaido et al. (2021).
    """

    def __init__(self, width: int, narrow: int, n_tokens: int):
        super().__init__()
        self.recogniser = nn.Linear(width, n_tokens).requires_grad_(False)
        self.down, self.up = nn.Linear(width, narrow), nn.Linear(narrow, width)
        self.norm = nn.LayerNorm(width)

    def forward(self, states: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        return self.project(*padded(self.compress(states, lengths)))

    def compress(self, states: Tensor, lengths: Tensor) -> list[Tensor]:
        """Return the mean state of each recognised character, of all frames where nothing is recognised."""
        best = self.recogniser(states).argmax(dim=-1)
        return [_runs(row[:n], tokens[:n]) for row, tokens, n in zip(states, best, lengths.tolist())]

    def project(self, states: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        return self.norm(self.up(nn.functional.gelu(self.down(states)))), lengths


def build_translator(
    encoder: PreTrainedModel,
    mechanism: Mechanism,
    *,
    n_pieces: int,
    seed: int,
    width: int = 16,
    layers: int = 2,
    dropout: float = 0.1,
    recogniser: nn.Linear | None = None,
) -> tuple[Translator, Translator]:
    """Build the untrained translator of a mechanism, and the same above a trained encoder.

    Parameters
    ----------
    encoder : trained; HuBERT, wav2vec 2.0 or alike
    mechanism : one of :data:`MECHANISMS`
    n_pieces : size of the decoder's vocabulary
    seed : of all fresh weights; the global random state is left as it was
    width : of the narrow layer of ``frozen``
    layers : of the decoder, as wide as the encoder
    dropout : in the decoder
    recogniser : the encoder's head for characters, token 0 being the blank; of ``frozen`` only

    Raises
    ------
    ConfigError
        The mechanism is unknown.
    CheckpointError
        ``frozen`` has no recogniser to compress by.
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
    size = encoder.config.hidden_size
    decoder = MBartConfig(
        vocab_size=n_pieces,
        d_model=size,
        decoder_layers=layers,
        decoder_attention_heads=4,
        decoder_ffn_dim=4 * size,
        max_position_embeddings=2 * LONGEST,
        dropout=dropout,
        attention_dropout=0.0,
        activation_dropout=0.0,
        is_decoder=True,
        is_encoder_decoder=False,
        add_cross_attention=True,
        scale_embedding=True,
        pad_token_id=PAD,
        eos_token_id=END,
        bos_token_id=PAD,
        decoder_start_token_id=PAD,
        forced_eos_token_id=None,
        tie_word_embeddings=False,
        # As wide as it is: the default is that of a decoder eight times as wide, and would attend to everything alike.
        init_std=size**-0.5,
    )
    config = SpeechEncoderDecoderConfig.from_encoder_decoder_configs(encoder.config, decoder)
    config.adapter = {"mechanism": mechanism}
    if mechanism == "frozen":
        config.adapter |= {"width": width, "n_tokens": recogniser.out_features}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fresh = type(encoder)._from_config(config.encoder, attn_implementation=encoder.config._attn_implementation)
        untrained = Translator(config, fresh, MBartForCausalLM(config.decoder))
    started = deepcopy(untrained)
    started.encoder.load_state_dict(encoder.state_dict())
    if mechanism == "frozen":
        started.adapter.recogniser.load_state_dict(recogniser.state_dict())
    started.encoder.requires_grad_(mechanism != "frozen")
    started.encoder.feature_extractor.requires_grad_(False)
    return untrained, started


def padded(sequences: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Return sequences of frames as one batch, and their lengths."""
    lengths = torch.tensor([len(part) for part in sequences], device=sequences[0].device)
    return pad_sequence(list(sequences), batch_first=True), lengths


def _real(lengths: Tensor, states: Tensor) -> Tensor:
    return torch.arange(states.shape[1], device=states.device) < lengths[:, None]


def _runs(states: Tensor, tokens: Tensor) -> Tensor:
    starts = torch.ones_like(tokens, dtype=torch.bool)
    starts[1:] = tokens[1:] != tokens[:-1]
    run = starts.cumsum(0) - 1
    n_runs = int(run[-1]) + 1
    sums = torch.zeros(n_runs, states.shape[1], dtype=states.dtype, device=states.device).index_add_(0, run, states)
    means = sums / torch.bincount(run, minlength=n_runs)[:, None]
    kept = tokens[starts] != 0
    return means[kept] if bool(kept.any()) else states.mean(dim=0, keepdim=True)
