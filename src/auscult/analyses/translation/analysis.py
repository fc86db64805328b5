"""Whether what a probe hears of the speaker's gender predicts the gender that a speech translator writes.

After Fucci et al. (2025): translations of first-person sentences whose gendered words agree with the speaker, scored as
in MuST-SHE, beside an attention probe on the states before and after the adapter. The same analysis with genders dealt
to speakers at random is the control.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from auscult.analyses.translation.probes import GENDERS, probe_gender, probe_items, shuffled_genders
from auscult.analyses.translation.terms import SHARES, judge_translations, shares, speaker_counts
from auscult.corpora.corpus import Corpus
from auscult.corpora.translations import read_references
from auscult.models.translators.interface import SpeechTranslator, load_translator
from auscult.models.translators.published import PublishedTranslator
from auscult.statistics.intervals import bootstrap_statistic, count_classes, macro_f1
from auscult.tables import RESULT_COLUMNS, check_results

__all__ = [
    "TRANSLATION_COLUMNS",
    "ALL",
    "SHUFFLED",
    "score_translators",
    "score_translator",
    "score_baseline",
    "probe_counts",
]

TRANSLATION_COLUMNS = (*RESULT_COLUMNS, "chance", "control", "resampling_unit")
ALL, SHUFFLED = "all", "shuffled"
_BATCH = 16
_OF_GENDER = ("gender_accuracy", "she_accuracy", "he_accuracy")
_KEPT = ("utterance", "speaker", "gender", "target_language", "reference", "wrong_reference", "terms")


def score_translators(
    source: Corpus, folders: Sequence[str | Path], *, device: str = "cpu", **settings: Any
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score checkpoints one after the other, each in a folder ``{model}/{step}``; see :func:`score_translator`."""
    tables = []
    for folder in map(Path, folders):
        translator = load_translator(folder, device=device)
        tables.append(score_translator(source, translator, model=folder.parent.name, step=folder.name, **settings))
    results, items = (pd.concat(parts, ignore_index=True) for parts in zip(*tables))
    return results, items


def score_translator(
    source: Corpus,
    translator: SpeechTranslator | PublishedTranslator,
    *,
    corpus: str,
    model: str,
    step: str,
    n_probe: int = 400,
    n_resamples: int = 2000,
    seed: int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Translate the test split, and probe each stage of the translator for the speaker's gender.

    Rows of layer ``output`` are shares of :data:`auscult.analyses.translation.terms.SHARES`; those of layers
    ``encoder`` and ``adapter`` are ``probe_macro_f1``, 0 to 1. ``target`` is the language, or ``all``. Rows of
    ``control`` ``shuffled`` have genders that were dealt to speakers at random. Intervals resample speakers.

    Parameters
    ----------
    source : corpus with references, of splits ``train``, ``valid`` and ``test``
    translator : what is scored
    corpus, model, step : names in the tables
    n_probe : at most so many training utterances of the probe
    n_resamples : bootstrap samples
    seed : of the draws

    Returns
    -------
    results : columns :data:`TRANSLATION_COLUMNS`
    items : each test translation with its counts, and for each stage the gender heard, of true and of shuffled voices

    Raises
    ------
    CorpusError, AnalysisError
        As :func:`auscult.corpora.translations.read_references` and the probes raise.
    """
    references = read_references(source.folder, source.utterances)
    items = probe_items(references, n_probe, seed)
    test = references[references["split"] == "test"].reset_index(drop=True)
    states = {split: _states(source, translator, table["utterance"].tolist()) for split, table in items.items()}
    place = {name: row for row, name in enumerate(items["test"]["utterance"])}
    last = [states["test"][translator.stages[-1]][place[name]] for name in test["utterance"]]
    judged = judge_translations(test[list(_KEPT)], list(_write(translator, last, test["target_language"])))
    heard = _probe(states, items, translator.stages, shuffled_genders(references, seed), seed)
    judged = judged.assign(
        **{name: [answers[place[utterance]] for utterance in judged["utterance"]] for name, answers in heard.items()}
    )
    judged["shuffled_gender"] = judged["speaker"].map(shuffled_genders(references, seed))
    rows = [*_share_rows(judged, n_resamples, seed), *_probe_rows(judged, translator.stages, n_resamples, seed)]
    names = {"corpus": corpus, "model": model, "step": step}
    return _table(rows, names), judged.assign(**names, final_stage=translator.stages[-1])


def score_baseline(
    source: Corpus,
    frames: Callable[[Sequence[np.ndarray]], Sequence[np.ndarray]],
    *,
    corpus: str,
    model: str,
    n_probe: int = 400,
    n_resamples: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Probe acoustic frames for the speaker's gender as :func:`score_translator` probes states; layer ``input``."""
    references = read_references(source.folder, source.utterances)
    items = probe_items(references, n_probe, seed)
    states = {
        split: {"input": [np.asarray(frames([source.waveform(name)])[0]) for name in table["utterance"]]}
        for split, table in items.items()
    }
    genders = shuffled_genders(references, seed)
    heard = _probe(states, items, ("input",), genders, seed)
    place = {name: row for row, name in enumerate(items["test"]["utterance"])}
    test = references[references["split"] == "test"].reset_index(drop=True)
    test = test.assign(
        shuffled_gender=test["speaker"].map(genders),
        **{name: [answers[place[utterance]] for utterance in test["utterance"]] for name, answers in heard.items()},
    )
    rows = list(_probe_rows(test, ("input",), n_resamples, seed))
    return _table(rows, {"corpus": corpus, "model": model, "step": "final"})


def probe_counts(items: pd.DataFrame, stage: str, control: str = "") -> pd.Series:
    """Return the counts that make up F1 [shape=(3, 2) per speaker]; see ``statistics.intervals.count_classes``."""
    truth, answers = ("gender", f"heard_{stage}") if not control else ("shuffled_gender", f"heard_{stage}_{control}")
    codes = [np.array([GENDERS.index(name) for name in items[column]]) for column in (truth, answers)]
    speakers, groups = np.unique(items["speaker"], return_inverse=True)
    return pd.Series(list(count_classes(*codes, groups, 2)), index=speakers)


def _states(
    source: Corpus, translator: SpeechTranslator | PublishedTranslator, names: list[str]
) -> dict[str, list[np.ndarray]]:
    """Return the states of each stage, in the order of the utterances; those of about one length run together."""
    lengths = source.utterances.set_index("utterance")["n_samples"]
    order = sorted(names, key=lambda name: (lengths[name], name))
    found: dict[str, dict[str, np.ndarray]] = {stage: {} for stage in translator.stages}
    for start in tqdm(range(0, len(order), _BATCH), desc="listening", unit=" batches", disable=None):
        part = order[start : start + _BATCH]
        for stage, rows in translator.states([source.waveform(name) for name in part]).items():
            found[stage] |= {name: row.cpu().numpy() for name, row in zip(part, rows)}
    return {stage: [rows[name] for name in names] for stage, rows in found.items()}


def _write(translator: SpeechTranslator, states: Sequence[np.ndarray], languages: Sequence[str]) -> Iterator[str]:
    languages = list(languages)
    for start in tqdm(range(0, len(states), _BATCH), desc="translating", unit=" batches", disable=None):
        yield from translator.write(states[start : start + _BATCH], languages[start : start + _BATCH])


def _probe(states, items, stages, genders, seed) -> dict[str, np.ndarray]:
    """Return what is heard of each test utterance in each stage: column ``heard_{stage}`` and its control."""
    heard = {}
    for stage in stages:
        mine = {split: parts[stage] for split, parts in states.items()}
        heard[f"heard_{stage}"] = probe_gender(mine, items, seed=seed)
        heard[f"heard_{stage}_{SHUFFLED}"] = probe_gender(mine, items, genders, seed=seed)
    return heard


def _share_rows(judged: pd.DataFrame, n_resamples: int, seed: int) -> Iterator[dict]:
    for language, mine in _by_language(judged):
        for control in ("", SHUFFLED):
            genders = mine.drop_duplicates("speaker").set_index("speaker")["shuffled_gender"] if control else None
            counts = speaker_counts(mine, genders)
            values = counts.to_numpy()
            for name in _OF_GENDER if control else SHARES:
                n = counts[SHARES[name][1]]
                interval = bootstrap_statistic(
                    values[(n > 0).to_numpy()],
                    partial(shares, columns=list(counts.columns), name=name),
                    n_resamples=n_resamples,
                    seed=seed,
                )
                yield {
                    "layer": "output",
                    "target": language,
                    "metric": name,
                    "control": control,
                    "value": float(shares(values.sum(axis=0), counts.columns, name)),
                    "ci_low": interval[0],
                    "ci_high": interval[1],
                    "n": int(n.sum()),
                    "n_groups": int((n > 0).sum()),
                    "chance": 0.5 if name in _OF_GENDER else np.nan,
                }


def _probe_rows(items: pd.DataFrame, stages: Sequence[str], n_resamples: int, seed: int) -> Iterator[dict]:
    for language, mine in _by_language(items):
        for stage in stages:
            for control in ("", SHUFFLED):
                counts = np.stack(list(probe_counts(mine, stage, control)))
                low, high = bootstrap_statistic(counts, macro_f1, n_resamples=n_resamples, seed=seed)
                yield {
                    "layer": stage,
                    "target": language,
                    "metric": "probe_macro_f1",
                    "control": control,
                    "value": float(macro_f1(counts.sum(axis=0))),
                    "ci_low": low,
                    "ci_high": high,
                    "n": len(mine),
                    "n_groups": len(counts),
                    "chance": 0.5,
                }


def _by_language(items: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    yield ALL, items
    yield from items.groupby("target_language", sort=True)


def _table(rows: Sequence[dict], names: dict[str, str]) -> pd.DataFrame:
    table = pd.DataFrame(rows).assign(**names, resampling_unit="speaker")
    return check_results(table[list(TRANSLATION_COLUMNS)])
