"""Score the speaker gender that speech translators write, and probe their states for the speaker's gender.

After Fucci et al. (2025): translations of first-person sentences whose gendered words agree with the speaker are scored
as in MuST-SHE, and an attention probe is trained on the states before and after the adapter. The control is the same
analysis with genders permuted over speakers. After Conti et al. (2025), the gender that the decoder prefers by itself
is measured with the states of silence.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from tqdm import tqdm

from auscult.analyses.translation.probes import GENDERS, probe_gender, probe_items, shuffled_genders
from auscult.analyses.translation.quality import quality_rows
from auscult.analyses.translation.recordings import EXCHANGE_COLUMNS, Recordings
from auscult.analyses.translation.settings import TranslationSettings
from auscult.analyses.translation.terms import SHARES, judge_translations, shares, speaker_counts
from auscult.corpora.corpus import Corpus
from auscult.models.translators.interface import SpeechTranslator, load_translator
from auscult.models.translators.published import PublishedTranslator
from auscult.models.translators.subwords import build_subwords
from auscult.statistics.intervals import bootstrap_statistic, cluster_bootstrap, count_classes, macro_f1
from auscult.tables import RESULT_COLUMNS, check_results

__all__ = [
    "TRANSLATION_COLUMNS",
    "ALL",
    "SHUFFLED",
    "SILENCE",
    "score_translators",
    "score_translator",
    "score_baseline",
    "probe_counts",
]

Translating = SpeechTranslator | PublishedTranslator
TRANSLATION_COLUMNS = (*RESULT_COLUMNS, "chance", "control", "resampling_unit", "signature")
ALL, SHUFFLED, SILENCE = "all", "shuffled", "silence"
_BATCH = 16
_OF_GENDER = ("gender_accuracy", "she_accuracy", "he_accuracy")
_KEPT = (
    "utterance",
    "speaker",
    "gender",
    "target_language",
    "reference",
    "wrong_reference",
    "terms",
    *EXCHANGE_COLUMNS,
)


def score_translators(
    source: Corpus,
    folders: Sequence[str | Path],
    *,
    corpus: str,
    companion: Corpus | None = None,
    settings: TranslationSettings = TranslationSettings(),
    device: str = "cpu",
    seed: int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score several checkpoints, each in a folder ``{model}/{step}``; see :func:`score_translator`."""
    tables = []
    for folder in map(Path, folders):
        translator = load_translator(folder, device=device)
        names = {"corpus": corpus, "model": folder.parent.name, "step": folder.name}
        tables.append(score_translator(source, translator, **names, companion=companion, settings=settings, seed=seed))
    results, items = (pd.concat(parts, ignore_index=True) for parts in zip(*tables))
    return results, items


def score_translator(
    source: Corpus,
    translator: Translating,
    *,
    corpus: str,
    model: str,
    step: str,
    companion: Corpus | None = None,
    settings: TranslationSettings = TranslationSettings(),
    seed: int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Translate the test split, and probe each stage of the translator for the speaker's gender.

    Rows of layer ``output`` are the shares in :data:`auscult.analyses.translation.terms.SHARES`, ``bleu`` and ``chrf``
    (0 to 100, without interval), and ``masculine_preference``: the share of sentences whose masculine version the
    decoder finds more probable than the feminine one. Rows of layers ``encoder`` and ``adapter`` are
    ``probe_macro_f1``, 0 to 1. ``target`` is the language, or ``all``. In rows with ``control`` ``shuffled``, genders
    were permuted over speakers; with ``silence``, the decoder read the states of digital silence of the median length,
    so that the preference is the decoder's own. Only translators trained on the corpus's references have a preference.
    Intervals resample speakers.

    Parameters
    ----------
    source : corpus with references, with splits ``train``, ``valid`` and ``test``
    translator : translator to score
    corpus, model, step : copied into the tables
    companion : utterances of voices that the translator has not met, on which probes are then trained, and sentences
        with exchanged pitch or vocal tract (:mod:`auscult.corpora.synthesis.unmet_voices`); without it, probes are
        trained on the corpus's own training voices
    settings : see :class:`~auscult.analyses.translation.settings.TranslationSettings`
    seed : of all random draws

    Returns
    -------
    results : columns :data:`TRANSLATION_COLUMNS`
    items : every test translation with its counts and, for each stage, the gender predicted by the probe
        (``heard_{stage}``) and by the probe of shuffled genders; ``exchanged`` is empty, or for utterances of the
        companion the property of the voice that was exchanged

    Raises
    ------
    CorpusError, AnalysisError
        See :func:`auscult.corpora.translations.read_references` and :mod:`auscult.analyses.translation.probes`.
    """
    recordings = Recordings(source, companion)
    references = recordings.references
    items = probe_items(references, settings.n_probe, seed)
    # An untrained translator writes no gendered words, so that it has no gender to move.
    parts = [_test_references(references), *([recordings.exchanged] if step != "0" else [])]
    test = pd.concat([part for part in parts if len(part)], ignore_index=True)
    items["test"] = test.drop_duplicates("utterance")
    states = {split: _states(recordings, translator, table["utterance"].tolist()) for split, table in items.items()}
    position = {name: row for row, name in enumerate(items["test"]["utterance"])}
    final_states = [states["test"][translator.stages[-1]][position[name]] for name in test["utterance"]]
    translations = list(_translate(translator, final_states, test["target_language"]))
    genders = shuffled_genders(references, seed)
    predicted = _probe(states, items, translator.stages, genders, seed)
    judged = _with_predictions(judge_translations(test[list(_KEPT)], translations), position, predicted, genders)
    own = judged[judged["exchanged"] == ""]
    rows = [
        *_share_rows(own, settings.n_resamples, seed),
        *_quality_rows(own),
        *_preference_rows(recordings, translator, own, final_states[: len(own)], settings.n_resamples, seed),
        *_probe_rows(own, translator.stages, settings.n_resamples, seed),
    ]
    names = {"corpus": corpus, "model": model, "step": step}
    return _table(rows, names), judged.assign(**names, final_stage=translator.stages[-1])


def score_baseline(
    source: Corpus,
    frames: Callable[[Sequence[np.ndarray]], Sequence[npt.ArrayLike]],
    *,
    corpus: str,
    model: str,
    companion: Corpus | None = None,
    settings: TranslationSettings = TranslationSettings(),
    seed: int = 0,
) -> pd.DataFrame:
    """Probe acoustic frames for the speaker's gender as :func:`score_translator` probes states; layer ``input``."""
    recordings = Recordings(source, companion)
    references = recordings.references
    items = probe_items(references, settings.n_probe, seed)
    states = {
        split: {"input": [np.asarray(frames([recordings.waveform(name)])[0]) for name in table["utterance"]]}
        for split, table in items.items()
    }
    genders = shuffled_genders(references, seed)
    predicted = _probe(states, items, ("input",), genders, seed)
    position = {name: row for row, name in enumerate(items["test"]["utterance"])}
    test = _with_predictions(_test_references(references), position, predicted, genders)
    rows = list(_probe_rows(test, ("input",), settings.n_resamples, seed))
    return _table(rows, {"corpus": corpus, "model": model, "step": "final"})


def probe_counts(items: pd.DataFrame, stage: str, control: str = "") -> pd.Series:
    """Return each speaker's counts for the probe's F1 [shape=(3, 2)]; see ``statistics.intervals.count_classes``."""
    columns = ("gender", f"heard_{stage}") if not control else ("shuffled_gender", f"heard_{stage}_{control}")
    truth, predicted = (np.array([GENDERS.index(name) for name in items[column]]) for column in columns)
    speakers, groups = np.unique(items["speaker"], return_inverse=True)
    return pd.Series(list(count_classes(truth, predicted, groups, 2)), index=speakers)


def _test_references(references: pd.DataFrame) -> pd.DataFrame:
    return references[references["split"] == "test"].reset_index(drop=True)


def _with_predictions(
    test: pd.DataFrame, position: Mapping[str, int], predicted: Mapping[str, np.ndarray], genders: pd.Series
) -> pd.DataFrame:
    """Add the gender predicted for each utterance and the shuffled gender of its speaker."""
    columns = {
        name: [answers[position[utterance]] for utterance in test["utterance"]] for name, answers in predicted.items()
    }
    return test.assign(**columns, shuffled_gender=test["speaker"].map(genders))


def _states(recordings: Recordings, translator: Translating, names: list[str]) -> dict[str, list[np.ndarray]]:
    """Return the states of each stage in the order of the utterances; utterances of similar length share a batch."""
    lengths = recordings.lengths
    order = sorted(names, key=lambda name: (lengths[name], name))
    found: dict[str, dict[str, np.ndarray]] = {stage: {} for stage in translator.stages}
    for start in tqdm(range(0, len(order), _BATCH), desc="encoding", unit=" batches", disable=None):
        part = order[start : start + _BATCH]
        for stage, rows in translator.states([recordings.waveform(name) for name in part]).items():
            found[stage] |= {name: row.cpu().numpy() for name, row in zip(part, rows)}
    return {stage: [rows[name] for name in names] for stage, rows in found.items()}


def _translate(
    translator: Translating, states: Sequence[np.ndarray], languages: Sequence[str] | pd.Series
) -> Iterator[str]:
    names = list(languages)
    for start in tqdm(range(0, len(states), _BATCH), desc="translating", unit=" batches", disable=None):
        yield from translator.write(states[start : start + _BATCH], names[start : start + _BATCH])


def _probe(
    states: Mapping[str, Mapping[str, Sequence[np.ndarray]]],
    items: Mapping[str, pd.DataFrame],
    stages: Sequence[str],
    genders: pd.Series,
    seed: int,
) -> dict[str, np.ndarray]:
    """Return the gender predicted for each test utterance from each stage: ``heard_{stage}`` and its control."""
    predicted = {}
    for stage in stages:
        of_stage = {split: parts[stage] for split, parts in states.items()}
        predicted[f"heard_{stage}"] = probe_gender(of_stage, items, seed=seed)
        predicted[f"heard_{stage}_{SHUFFLED}"] = probe_gender(of_stage, items, genders, seed=seed)
    return predicted


def _share_rows(judged: pd.DataFrame, n_resamples: int, seed: int) -> Iterator[dict[str, Any]]:
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


def _quality_rows(judged: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for language, mine in _by_language(judged):
        for row in quality_rows(mine["translation"].tolist(), mine["reference"].tolist()):
            yield row | {
                "layer": "output",
                "target": language,
                "control": "",
                "n_groups": mine["speaker"].nunique(),
                "chance": np.nan,
            }


def _preference_rows(
    recordings: Recordings,
    translator: Translating,
    judged: pd.DataFrame,
    states: Sequence[np.ndarray],
    n_resamples: int,
    seed: int,
) -> Iterator[dict[str, Any]]:
    """Yield the share of sentences whose masculine version is the more probable one, from own states and silence."""
    train = recordings.training_references
    if not isinstance(translator, SpeechTranslator) or train.empty:
        return
    # A checkpoint keeps no division of words into stem and ending, so that it is made from the references again.
    subwords = build_subwords(train["reference"].tolist(), train["terms"], sorted(set(train["target_language"])))
    if subwords.names != translator.subwords.names:
        return
    men = (judged["gender"] == "male").to_numpy()
    texts = {
        "masculine": np.where(men, judged["reference"], judged["wrong_reference"]),
        "feminine": np.where(men, judged["wrong_reference"], judged["reference"]),
    }
    tokens = {
        gender: [
            [subwords.tag(language), *subwords.encode(text)]
            for text, language in zip(written, judged["target_language"])
        ]
        for gender, written in texts.items()
    }
    marked = texts["masculine"] != texts["feminine"]
    n_samples = int(recordings.lengths[judged["utterance"].tolist()].median())
    silence = translator.states([np.zeros(n_samples, dtype=np.float32)])[translator.stages[-1]][0].cpu().numpy()
    for control, read in (("", states), (SILENCE, [silence] * len(judged))):
        found = {gender: _log_probabilities(translator, read, rows) for gender, rows in tokens.items()}
        prefers = found["masculine"] > found["feminine"]
        for language, mine in _by_language(judged.assign(_prefers=prefers)[marked]):
            low, high = cluster_bootstrap(
                mine["_prefers"].to_numpy(),
                np.ones(len(mine)),
                mine["speaker"].to_numpy(),
                n_resamples=n_resamples,
                seed=seed,
            )
            yield {
                "layer": "output",
                "target": language,
                "metric": "masculine_preference",
                "control": control,
                "value": float(mine["_prefers"].mean()),
                "ci_low": low,
                "ci_high": high,
                "n": len(mine),
                "n_groups": mine["speaker"].nunique(),
                "chance": 0.5,
            }


def _log_probabilities(
    translator: SpeechTranslator, states: Sequence[np.ndarray], tokens: Sequence[Sequence[int]]
) -> np.ndarray:
    parts = [
        translator.log_probabilities(states[start : start + _BATCH], tokens[start : start + _BATCH])
        for start in range(0, len(tokens), _BATCH)
    ]
    return np.concatenate(parts)


def _probe_rows(items: pd.DataFrame, stages: Sequence[str], n_resamples: int, seed: int) -> Iterator[dict[str, Any]]:
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


def _table(rows: Sequence[Mapping[str, Any]], names: dict[str, str]) -> pd.DataFrame:
    table = pd.DataFrame(rows).assign(**names, resampling_unit="speaker")
    return check_results(table.reindex(columns=list(TRANSLATION_COLUMNS)))
