"""Models of text behind one small interface: attention between tokens, and how likely hidden tokens are."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from transformers import AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from auscult.devices import pick_device
from auscult.errors import AnalysisError, CheckpointError
from auscult.manifests import check_folder
from auscult.models.checkpoint_format import CONFIG
from auscult.models.checkpoints import load_model
from auscult.models.tokens import pad

__all__ = ["TextModel", "load_text_model"]

MAX_TOKENS = 2048  # of a batch, padding included: larger ones are no faster, smaller ones hardly slower


class TextModel:
    """A BERT with its word predictor and its tokenizer.

    Parameters
    ----------
    model : with ``bert`` and ``cls``, as ``BertForMaskedLM`` and ``BertForPreTraining`` have them
    tokenizer : of the same checkpoint
    device : where it runs
    """

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, device: str = "cpu"):
        self.tokenizer, self.device = tokenizer, device
        self._bert = model.bert.to(device).eval()
        head = model.cls.predictions if hasattr(model.cls, "predictions") else model.cls
        self._predict = head.to(device).eval()
        self.n_layers, self.n_heads = model.config.num_hidden_layers, model.config.num_attention_heads
        self.max_tokens = model.config.max_position_embeddings

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the numbers of each text's tokens, special ones included."""
        return self._checked(self.tokenizer(list(texts), add_special_tokens=True)["input_ids"])

    def word_tokens(self, sentences: Sequence[Sequence[str]]) -> tuple[list[list[int]], list[list[int]]]:
        """Return the tokens of each sentence given as words, and the word of each token, -1 for special ones."""
        encoded = self.tokenizer([list(words) for words in sentences], is_split_into_words=True)
        owners = [[-1 if word is None else word for word in encoded.word_ids(place)] for place in range(len(sentences))]
        for words, found in zip(sentences, owners):
            lost = set(range(len(words))) - set(found)
            if lost:
                raise AnalysisError(
                    f"expected a token of every word, found none of {words[min(lost)]!r} in "
                    f"{' '.join(words)!r}; take the word out of the corpus"
                )
        return self._checked(encoded["input_ids"]), owners

    def is_special(self, token: int) -> bool:
        """Tell whether a token marks an edge, padding or a gap instead of text; an unknown word is text."""
        return token in self.tokenizer.all_special_ids and token != self.tokenizer.unk_token_id

    @torch.no_grad()
    def attention(self, rows: Sequence[Sequence[int]]) -> Iterator[tuple[list[int], Tensor]]:
        """Yield attention weights of batches of like lengths.

        Parameters
        ----------
        rows : tokens of each sentence

        Yields
        ------
        places of the sentences in ``rows``; weights [shape=(n_sentences, n_layers * n_heads, n_tokens, n_tokens)]
        """
        fused = self._bert.config._attn_implementation
        self._bert.set_attn_implementation("eager")  # fused attention returns no weights
        try:
            for places in self._batches(rows):
                inputs, mask = self._inputs([rows[place] for place in places])
                layers = self._bert(input_ids=inputs, attention_mask=mask, output_attentions=True).attentions
                yield places, torch.cat(layers, dim=1)
        finally:
            self._bert.set_attn_implementation(fused)

    @torch.no_grad()
    def log_probabilities(self, rows: Sequence[Sequence[int]], hidden: Sequence[Sequence[int]]) -> list[np.ndarray]:
        """Return the log-probability of the tokens of each row at some places while other tokens there are hidden.

        Parameters
        ----------
        rows : tokens of each sentence
        hidden : places of each row whose tokens are replaced by the mask, all at once, and predicted

        Returns
        -------
        natural logarithms, at most 0, of each row [shape=(n_hidden,)]
        """
        found: list[np.ndarray] = [np.empty(0)] * len(rows)
        for places in self._batches(rows):
            tokens, mask = self._inputs([rows[place] for place in places])
            at = [(line, column) for line, place in enumerate(places) for column in hidden[place]]
            lines, columns = (torch.tensor(values, device=self.device) for values in zip(*at))
            inputs = tokens.clone()
            inputs[lines, columns] = self.tokenizer.mask_token_id
            states = self._bert(input_ids=inputs, attention_mask=mask).last_hidden_state[lines, columns]
            scores = self._predict(states).log_softmax(dim=-1)
            values = scores[torch.arange(len(at), device=self.device), tokens[lines, columns]].double().cpu().numpy()
            edges = np.cumsum([len(hidden[place]) for place in places])[:-1]
            for place, part in zip(places, np.split(values, edges)):
                found[place] = part
        return found

    def _inputs(self, rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
        tokens = pad(rows, self.tokenizer.pad_token_id).to(self.device)
        lengths = torch.tensor([len(row) for row in rows], device=self.device)
        return tokens, (torch.arange(tokens.shape[1], device=self.device) < lengths[:, None]).long()

    def _batches(self, rows: Sequence[Sequence[int]]) -> Iterator[list[int]]:
        """Yield places of rows, shortest first, as many as fit a batch once padded."""
        batch: list[int] = []
        for place in sorted(range(len(rows)), key=lambda place: len(rows[place])):
            if batch and (len(batch) + 1) * len(rows[place]) > MAX_TOKENS:
                yield batch
                batch = []
            batch.append(place)
        if batch:
            yield batch

    def _checked(self, rows: list[list[int]]) -> list[list[int]]:
        longest = max(rows, key=len, default=[])
        if len(longest) > self.max_tokens:
            raise AnalysisError(
                f"expected sentences of at most {self.max_tokens} tokens, which is what the model "
                f"reads, found {len(longest)} in {self.tokenizer.decode(longest)[:60]!r} …; leave it out"
            )
        return rows


def load_text_model(folder: str | Path, device: str = "cpu") -> TextModel:
    """Load a sealed checkpoint of a BERT, its word predictor and its tokenizer; nothing in it is run as code.

    Raises
    ------
    ManifestError
        The folder is unfinished or its bytes have changed.
    CheckpointError
        It is no BERT that predicts words, its weights are not whole, or it has no tokenizer.
    """
    folder = Path(folder)
    check_folder(folder, remedy="delete the checkpoint folder and fetch, import or train it again")
    model = load_model(folder)
    if model.config.model_type != "bert" or not hasattr(model, "cls"):
        raise CheckpointError(
            f"expected a BERT that predicts words (BertForMaskedLM, BertForPreTraining) in "
            f"{folder / CONFIG}, found {type(model).__name__}; choose a language model"
        )
    if not any((folder / name).is_file() for name in ("tokenizer.json", "vocab.txt")):
        raise CheckpointError(
            f"expected tokenizer.json or vocab.txt in {folder}, found no tokenizer; fetch or "
            "import the checkpoint together with its tokenizer"
        )
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False, use_fast=True)
    return TextModel(model, tokenizer, pick_device(device))
