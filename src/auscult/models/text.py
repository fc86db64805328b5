"""Text models behind one small interface: attention between tokens, and log-probabilities of masked tokens."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from auscult.devices import pick_device
from auscult.errors import AnalysisError, CheckpointError
from auscult.models.checkpoint_format import CONFIG, TOKENIZER
from auscult.models.checkpoints import load_model
from auscult.models.seals import check_seal
from auscult.models.tokens import pad

__all__ = ["TextModel", "load_text_model"]

MAX_TOKENS = 2048  # per batch, padding included: larger batches are no faster, smaller ones hardly slower


class TextModel:
    """A BERT with its masked-language-modelling head and its tokenizer.

    Parameters
    ----------
    model : with ``bert`` and ``cls``, as ``BertForMaskedLM`` and ``BertForPreTraining`` have them
    tokenizer : of the same checkpoint
    device : where it runs
    """

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, device: str = "cpu"):
        self.tokenizer, self.device = tokenizer, device
        parts: Any = model  # transformers declares no type for the parts of a model
        self._bert = parts.bert.to(device).eval()
        # Fused attention returns no weights, and is no faster for sentences.
        self._bert.set_attn_implementation("eager")
        head = parts.cls.predictions if hasattr(parts.cls, "predictions") else parts.cls
        self._predict = head.to(device).eval()
        self.n_layers, self.n_heads = model.config.num_hidden_layers, model.config.num_attention_heads
        self.max_tokens = model.config.max_position_embeddings

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token indices of each text, special tokens included."""
        return self._checked(self.tokenizer(list(texts), add_special_tokens=True)["input_ids"])

    def word_tokens(self, sentences: Sequence[Sequence[str]]) -> tuple[list[list[int]], list[list[int]]]:
        """Return the tokens of each sentence, given as words, and the word of each token, -1 for special tokens."""
        encoded = self.tokenizer([list(words) for words in sentences], is_split_into_words=True)
        owners = [[-1 if word is None else word for word in encoded.word_ids(row)] for row in range(len(sentences))]
        for words, found in zip(sentences, owners):
            lost = set(range(len(words))) - set(found)
            if lost:
                raise AnalysisError(
                    f"expected a token of every word, found none of {words[min(lost)]!r} in "
                    f"{' '.join(words)!r}; take the word out of the corpus"
                )
        return self._checked(encoded["input_ids"]), owners

    def is_special(self, token: int) -> bool:
        """Return whether a token is special (an edge, padding or the mask); the token of unknown words is not."""
        return token in self.tokenizer.all_special_ids and token != self.tokenizer.unk_token_id

    @torch.no_grad()
    def attention(self, rows: Sequence[Sequence[int]]) -> Iterator[tuple[list[int], Tensor]]:
        """Yield attention weights in batches of sentences of similar length.

        Parameters
        ----------
        rows : tokens of each sentence

        Yields
        ------
        indices of the sentences in ``rows``; weights [shape=(n_sentences, n_layers * n_heads, n_tokens, n_tokens)]
        """
        for batch in self._batches(rows):
            inputs, mask = self._inputs([rows[index] for index in batch])
            layers = self._bert(input_ids=inputs, attention_mask=mask, output_attentions=True).attentions
            yield batch, torch.cat(layers, dim=1)

    @torch.no_grad()
    def log_probabilities(self, rows: Sequence[Sequence[int]], hidden: Sequence[Sequence[int]]) -> list[np.ndarray]:
        """Return the log-probability of masked tokens, all masked tokens of a row being masked at the same time.

        Parameters
        ----------
        rows : tokens of each sentence
        hidden : positions in each row whose tokens are replaced by the mask and predicted

        Returns
        -------
        natural logarithms, at most 0, for each row [shape=(n_hidden,)]
        """
        found: list[np.ndarray] = [np.empty(0)] * len(rows)
        for batch in self._batches(rows):
            tokens, mask = self._inputs([rows[index] for index in batch])
            at = [(line, column) for line, index in enumerate(batch) for column in hidden[index]]
            lines, columns = (torch.tensor(values, device=self.device) for values in zip(*at))
            inputs = tokens.clone()
            inputs[lines, columns] = self.tokenizer.mask_token_id
            states = self._bert(input_ids=inputs, attention_mask=mask).last_hidden_state[lines, columns]
            scores = self._predict(states).log_softmax(dim=-1)
            values = scores[torch.arange(len(at), device=self.device), tokens[lines, columns]].double().cpu().numpy()
            edges = np.cumsum([len(hidden[index]) for index in batch])[:-1]
            for index, part in zip(batch, np.split(values, edges)):
                found[index] = part
        return found

    def _inputs(self, rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
        tokens = pad(rows, self.tokenizer.pad_token_id).to(self.device)
        lengths = torch.tensor([len(row) for row in rows], device=self.device)
        return tokens, (torch.arange(tokens.shape[1], device=self.device) < lengths[:, None]).long()

    def _batches(self, rows: Sequence[Sequence[int]]) -> Iterator[list[int]]:
        """Yield batches of row indices, shortest rows first; a padded batch has at most :data:`MAX_TOKENS` tokens."""
        batch: list[int] = []
        for index in sorted(range(len(rows)), key=lambda index: len(rows[index])):
            if batch and (len(batch) + 1) * len(rows[index]) > MAX_TOKENS:
                yield batch
                batch = []
            batch.append(index)
        if batch:
            yield batch

    def _checked(self, rows: list[list[int]]) -> list[list[int]]:
        empty: list[int] = []
        longest = max(rows, key=len, default=empty)
        if len(longest) > self.max_tokens:
            text = str(self.tokenizer.decode(longest))
            raise AnalysisError(
                f"expected sentences of at most {self.max_tokens} tokens, the model's maximum, "
                f"found {len(longest)} in {text[:60]!r} …; leave it out"
            )
        return rows


def load_text_model(folder: str | Path, device: str = "cpu") -> TextModel:
    """Load a BERT with its masked-language-modelling head and tokenizer from a checkpoint folder, sealed or plain.

    Raises
    ------
    ManifestError
        The folder is sealed and a file has changed, or the folder is unfinished.
    CheckpointError
        The model is no BERT that predicts words, weights are missing, or there is no tokenizer.
    """
    folder = Path(folder)
    check_seal(folder)
    model = load_model(folder)
    if model.config.model_type != "bert" or not hasattr(model, "cls"):
        raise CheckpointError(
            f"expected a BERT that predicts words (BertForMaskedLM, BertForPreTraining) in "
            f"{folder / CONFIG}, found {type(model).__name__}; choose a language model"
        )
    if not any((folder / name).is_file() for name in TOKENIZER[:2]):
        raise CheckpointError(
            f"expected tokenizer.json or vocab.txt in {folder}, found no tokenizer; fetch or "
            "import the checkpoint together with its tokenizer"
        )
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False, use_fast=True)
    return TextModel(model, tokenizer, pick_device(device))
