"""Loss, syntactic attention and grammatical accuracy of a masked language model at every checkpoint."""

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd

from auscult.analyses.syntax.attachment import score_attachment
from auscult.analyses.syntax.likelihood import score_loss, score_pairs, score_word_frequency
from auscult.analyses.syntax.parsing import parse_arcs
from auscult.analyses.syntax.settings import SyntaxSettings
from auscult.corpora.text import TextCorpus
from auscult.errors import AnalysisError
from auscult.models.text import TextModel, load_text_model
from auscult.tables import RESULT_COLUMNS, check_results

__all__ = ["SYNTAX_COLUMNS", "follow_syntax", "measure_syntax"]

SYNTAX_COLUMNS = (*RESULT_COLUMNS, "head", "direction", "offset", "chance", "resampling_unit")
_log = logging.getLogger(__name__)


def follow_syntax(
    checkpoints: Mapping[str, str | Path],
    corpus: TextCorpus,
    *,
    model: str,
    device: str = "cpu",
    settings: SyntaxSettings = SyntaxSettings(),
    seed: int,
) -> pd.DataFrame:
    """Measure every checkpoint of a model on one corpus, as in Figure 1 of Chen et al. (ICLR 2024).

    Parameters
    ----------
    checkpoints : sealed folder of each step, in the order of training
    corpus : with parsed sentences (loss and attachment), minimal pairs (accuracy), or both
    model : its name in the table
    device : device on which the model runs
    settings : sentences, relations, pseudo-log-likelihood and resampling
    seed : see :func:`measure_syntax`

    Returns
    -------
    table : columns :data:`SYNTAX_COLUMNS`, the rows of each step

    Raises
    ------
    AnalysisError
        A step is missing or steps are out of order; the corpus has nothing to measure.
    """
    _check_order(checkpoints)
    tables = []
    for step, folder in checkpoints.items():
        found = measure_syntax(load_text_model(folder, device), corpus, settings=settings, seed=seed)
        tables.append(found.assign(corpus=corpus.name, model=model, step=step))
        summary = found[found["target"] == "all"].set_index("metric")["value"].round(3)
        _log.info("%s, step %s: %s", model, step, ", ".join(f"{name} {value:g}" for name, value in summary.items()))
    return check_results(pd.concat(tables, ignore_index=True).reindex(columns=list(SYNTAX_COLUMNS)))


def measure_syntax(
    model: TextModel, corpus: TextCorpus, *, settings: SyntaxSettings = SyntaxSettings(), seed: int
) -> pd.DataFrame:
    """Return loss, attachment and accuracy of one checkpoint, as far as the corpus allows.

    Parameters
    ----------
    model : masked language model
    corpus : with parsed sentences, minimal pairs, or both
    settings : sentences, relations, pseudo-log-likelihood and resampling; ``split`` None stands for all sentences
    seed : of the two halves of the sentences, masked tokens and resampling

    Raises
    ------
    AnalysisError
        The corpus has neither minimal pairs nor sentences of the split.
    """
    parts = list(_measures(model, corpus, settings, seed))
    if not parts:
        raise AnalysisError(
            f"expected minimal pairs, or sentences of split {settings.split!r}, in corpus {corpus.name!r}, "
            f"found neither; it has splits {', '.join(corpus.sentences['split'].unique()) or 'none'}"
        )
    return pd.concat(parts, ignore_index=True)


def _measures(model: TextModel, corpus: TextCorpus, settings: SyntaxSettings, seed: int) -> Iterator[pd.DataFrame]:
    split, n_resamples = settings.split, settings.n_resamples
    chosen = corpus.sentences if split is None else corpus.sentences[corpus.sentences["split"] == split]
    chosen = chosen["sentence"].iloc[: settings.max_sentences]
    if len(chosen):
        parses = corpus.parses(split)
        parses = {name: parses[name] for name in chosen}
        texts = corpus.sentences.set_index("sentence")["text"].loc[chosen].tolist()
        yield score_loss(model, texts, n_resamples=n_resamples, seed=seed)
        yield score_attachment(
            parse_arcs(model, parses),
            n_heads=model.n_heads,
            min_arcs=settings.min_arcs,
            n_resamples=n_resamples,
            seed=seed,
        )
    if len(corpus.pairs):
        yield score_pairs(model, corpus.pairs, variant=settings.variant)
        read = corpus.sentences.loc[corpus.sentences["split"] == "train", "text"].tolist()
        if read:
            yield score_word_frequency(corpus.pairs, read)


def _check_order(checkpoints: Mapping[str, str | Path]) -> None:
    steps = list(checkpoints)
    numbers = [float("inf") if step == "final" else int(step) for step in steps]
    if not steps or numbers != sorted(set(numbers)):
        raise AnalysisError(
            f"expected checkpoints in the order of training, found steps {', '.join(steps) or 'none'}; sort them"
        )
    for step, folder in checkpoints.items():
        if not Path(folder).is_dir():
            raise AnalysisError(
                f"expected a checkpoint of step {step} at {folder}, found none; train or fetch it, or "
                "leave the step out"
            )
