"""The training of a BERT by masked language modelling, step by step; batches and masks are drawn from (seed, step)."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import BertConfig, BertForMaskedLM

from auscult.corpora.text import TextCorpus
from auscult.errors import ConfigError, CorpusError
from auscult.models.tokens import SPECIAL, pad, word_tokenizer
from auscult.models.training.learner import Learner
from auscult.models.training.syntax_regulariser import attention_along, parse_arcs, permuted_arcs

__all__ = ["DEFAULT_TEXT_ARCHITECTURE", "complete_text_architecture", "LanguageTrainer", "mask_tokens"]

DEFAULT_TEXT_ARCHITECTURE = {"hidden": 128, "layers": 3, "heads": 4, "feed_forward": 512, "dropout": 0.0}
_MIN_POSITIONS = 32
_POOL = 8  # batches are drawn together in this number and sorted by length, so that little of them is padding
_VALID_SEED = 2**31  # beyond every step, so that no training batch shares the random numbers of the validation


def complete_text_architecture(architecture: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sizes of a BERT, completed by defaults; raise :class:`ConfigError` if they do not fit together."""
    unknown = [key for key in architecture if key not in DEFAULT_TEXT_ARCHITECTURE]
    if unknown:
        raise ConfigError(
            f"expected sizes among {', '.join(DEFAULT_TEXT_ARCHITECTURE)} in 'architecture' of a "
            f"language model, found {unknown[0]!r}; remove or correct it"
        )
    sizes = {**DEFAULT_TEXT_ARCHITECTURE, **architecture}
    if sizes["hidden"] % sizes["heads"]:
        raise ConfigError(
            f"expected 'hidden' to be a multiple of 'heads' in 'architecture', found {sizes['hidden']} "
            f"and {sizes['heads']}; change one of them"
        )
    return sizes


class LanguageTrainer(Learner[BertForMaskedLM]):
    """A BERT that is trained on sentences of a corpus.

    Parameters
    ----------
    corpus : what to learn from, with sentences of splits ``train`` and ``valid``
    settings : of the training, as :func:`auscult.models.training.language_model.train_language_model` takes them
    device : ``"cpu"`` or ``"cuda"``
    """

    def __init__(self, corpus: TextCorpus, settings: Mapping[str, Any], device: str):
        parses = {split: list(corpus.parses(split).values()) for split in ("train", "valid")}
        for split, found in parses.items():
            if not found:
                raise CorpusError(
                    f"expected sentences of split {split!r} in corpus {corpus.name!r}, found none; ask "
                    "for some in its entry"
                )
        vocabulary = sorted({word for words in parses["train"] for word in words["word"]})
        self.tokenizer = word_tokenizer(vocabulary)
        texts = {split: [" ".join(words["word"]) for words in found] for split, found in parses.items()}
        self.tokens = {split: self.tokenizer(text)["input_ids"] for split, text in texts.items()}
        self.arcs = self._arcs([words["head"].to_numpy() for words in parses["train"]], settings)
        super().__init__(self._build(settings), settings, device)
        self.valid = list(self._valid_batches())

    def batch_loss(self, step: int) -> tuple[Tensor, Tensor | None]:
        """Return the masked-word loss of a step's batch, and its syntax regulariser while it acts."""
        chosen = self._batch(step)
        tokens = pad([self.tokens["train"][sentence] for sentence in chosen])
        rng = np.random.default_rng([self.settings["seed"], step])
        loss, _, attentions = self._predict(tokens, *self._masked(tokens, rng), attend=self._regularised(step))
        if attentions is None:
            return loss, None
        arcs = [self.arcs[sentence] for sentence in chosen]
        return loss, self.settings["syntax_regulariser"] * attention_along(attentions, arcs)

    def validate(self) -> tuple[float, float]:
        """Return loss and accuracy on the sentences of split ``valid`` with fixed masks; raise as :meth:`advance`."""
        self.module.eval()
        with torch.no_grad():
            values = [[value.item() for value in self._predict(*batch)[:2]] for batch in self.valid]
        loss, accuracy = np.mean(values, axis=0)
        self.require_finite(float(loss))
        return float(loss), float(accuracy)

    @staticmethod
    def _arcs(heads: list[np.ndarray], settings: Mapping[str, Any]) -> list[np.ndarray]:
        """Return the pairs of words of each training sentence that the regulariser acts on; none without one."""
        if not settings["syntax_regulariser"]:
            return []
        if settings["regulariser_arcs"] == "syntax":
            return [parse_arcs(parse) for parse in heads]
        rng = np.random.default_rng([settings["seed"], *b"arcs"])
        return [permuted_arcs(parse, rng) for parse in heads]

    def _regularised(self, step: int) -> bool:
        until = self.settings["regulariser_until"]
        return bool(self.settings["syntax_regulariser"]) and (until is None or step <= until)

    def _build(self, settings: Mapping[str, Any]) -> BertForMaskedLM:
        sizes = settings["architecture"]
        longest = max(len(tokens) for found in self.tokens.values() for tokens in found)
        config = BertConfig(
            vocab_size=len(self.tokenizer),
            hidden_size=sizes["hidden"],
            num_hidden_layers=sizes["layers"],
            num_attention_heads=sizes["heads"],
            intermediate_size=sizes["feed_forward"],
            hidden_dropout_prob=sizes["dropout"],
            attention_probs_dropout_prob=sizes["dropout"],
            max_position_embeddings=max(_MIN_POSITIONS, longest),
            pad_token_id=self.tokenizer.pad_token_id,
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings["seed"])
            # Explicit attention returns the weights that the regulariser needs; with matrix products by oneDNN, it is
            # also faster than fused attention.
            return BertForMaskedLM._from_config(config, attn_implementation="eager")

    def _batch(self, step: int) -> np.ndarray:
        """Return the training sentences of a step: one of the batches, each of similar lengths, of a random pool."""
        pool, turn = divmod(step - 1, _POOL)
        rng = np.random.default_rng([self.settings["seed"], pool, *b"pool"])
        n, size = len(self.tokens["train"]), self.settings["batch_size"]
        drawn = rng.choice(n, _POOL * size, replace=n < _POOL * size)
        lengths = [len(self.tokens["train"][sentence]) for sentence in drawn]
        return drawn[np.argsort(lengths, kind="stable")].reshape(_POOL, size)[rng.permutation(_POOL)[turn]]

    def _masked(self, tokens: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        n_words = len(self.tokenizer) - len(SPECIAL)
        return mask_tokens(tokens, rng, self.settings["mask_share"], self.tokenizer.mask_token_id, n_words)

    def _predict(
        self, tokens: Tensor, inputs: Tensor, hidden: Tensor, attend: bool = False
    ) -> tuple[Tensor, Tensor, tuple[Tensor, ...] | None]:
        """Return loss and accuracy at masked words, and, with ``attend``, the attention weights of each layer."""
        tokens, inputs, hidden = (values.to(self.device) for values in (tokens, inputs, hidden))
        mask = (tokens != self.tokenizer.pad_token_id).long()
        output = self.module.bert(input_ids=inputs, attention_mask=mask, output_attentions=attend)
        # The vocabulary is scored at masked words only.
        scores = self.module.cls(output.last_hidden_state[hidden])
        loss = nn.functional.cross_entropy(scores, tokens[hidden])
        accuracy = (scores.argmax(-1) == tokens[hidden]).float().mean()
        return loss, accuracy, output.attentions if attend else None

    def _valid_batches(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        rng = np.random.default_rng([self.settings["seed"], _VALID_SEED])
        size = self.settings["batch_size"]
        ordered: list[list[int]] = sorted(self.tokens["valid"], key=len)
        for start in range(0, len(ordered), size):
            tokens = pad(ordered[start : start + size])
            yield tokens, *self._masked(tokens, rng)


def mask_tokens(
    tokens: Tensor, rng: np.random.Generator, share: float, mask_token: int, n_words: int
) -> tuple[Tensor, Tensor]:
    """Mask words as in BERT: of the words to predict, 80 % become the mask, 10 % a random word, 10 % stay unchanged.

    Parameters
    ----------
    tokens : token indices, special tokens first, then ``n_words`` words [shape=(n_sentences, n_tokens)]
    rng : random number generator
    share : of words to predict; at least one word per batch
    mask_token : index of the mask
    n_words : number of words in the vocabulary

    Returns
    -------
    inputs : the model's input [same shape as tokens]
    hidden : True for words to predict [same shape as tokens]
    """
    words = tokens >= len(SPECIAL)
    draws = torch.from_numpy(rng.random((2, *tokens.shape)))
    chosen = words & (draws[0] < share)
    if not chosen.any():
        chosen = words & (draws[0] == draws[0][words].min())
    others = torch.from_numpy(rng.integers(len(SPECIAL), len(SPECIAL) + n_words, tokens.shape))
    inputs = torch.where(chosen & (draws[1] < 0.8), mask_token, tokens)
    return torch.where(chosen & (draws[1] >= 0.9), others, inputs), chosen
