"""Labels × speakers: ω² against a slow loop, chance, planted factors, intervals, crossed items and the page."""

import numpy as np
import pandas as pd
import pytest
from figure_cases import context_of

from auscult.activations.interface import Activations
from auscult.analyses.similarity.blocks import (
    BLOCK_COLUMNS,
    GRAM_COLUMNS,
    block_tables,
    cross_items,
    shares_interval,
    variance_shares,
)
from auscult.analyses.similarity.figure_blocks import draw_blocks, shown_layers
from auscult.analyses.similarity.settings import Blocks, SimilaritySettings
from auscult.figures import plotting
from auscult.figures.legibility import PAGE_MM, faults

WORDS = [f"word{number}" for number in range(8)]


def planted(seed=0, n_speakers=10, label=1.0, speaker=0.0, noise=1.0, n_dims=12):
    random = np.random.default_rng(seed)
    return (
        label * random.normal(size=(1, len(WORDS), n_dims))
        + speaker * random.normal(size=(n_speakers, 1, n_dims))
        + noise * random.normal(size=(n_speakers, len(WORDS), n_dims))
    )


def activations(x, extra=0):
    """Return activations of crossed words, and some words that only the first speaker says."""
    n_speakers, n_words, n_dims = x.shape
    vectors = np.concatenate([x.reshape(-1, n_dims), np.ones((extra, n_dims))])
    labels = [*np.tile(WORDS, n_speakers), *(f"rare{number}" for number in range(extra))]
    speakers = [*np.repeat([f"s{place}" for place in range(n_speakers)], n_words), *["s0"] * extra]
    return Activations.from_arrays(
        {"T1": vectors, "T2": 2 * vectors}, labels, speaker=speakers, tier="word", utterance=speakers
    )


def test_omega_squared_is_that_of_an_analysis_of_variance_by_loops():
    x = planted(label=0.7, speaker=0.4)
    n_speakers, n_labels, n_dims = x.shape
    sums = dict.fromkeys(("label", "speaker", "total"), 0.0)
    for dim in range(n_dims):
        values = x[..., dim]
        mean = values.mean()
        for place in range(n_labels):
            sums["label"] += n_speakers * (values[:, place].mean() - mean) ** 2
        for place in range(n_speakers):
            sums["speaker"] += n_labels * (values[place].mean() - mean) ** 2
        sums["total"] += ((values - mean) ** 2).sum()
    residual = (sums["total"] - sums["label"] - sums["speaker"]) / ((n_speakers - 1) * (n_labels - 1))
    expected = (
        (sums["label"] - (n_labels - 1) * residual) / (sums["total"] + residual),
        (sums["speaker"] - (n_speakers - 1) * residual) / (sums["total"] + residual),
    )
    assert variance_shares(x) == pytest.approx(expected)


def test_omega_squared_of_noise_is_0_on_average():
    found = np.array([variance_shares(planted(seed, label=0)) for seed in range(300)])
    assert np.abs(found.mean(axis=0)).max() < 3 * found.std(axis=0).max() / np.sqrt(300)


def test_a_factor_that_is_not_there_gets_nothing_and_the_other_its_share():
    labels, speakers = np.mean([variance_shares(planted(seed, label=0, speaker=1)) for seed in range(50)], axis=0)
    assert labels == pytest.approx(0, abs=0.02)
    assert speakers == pytest.approx(0.5, abs=0.05)


def test_vectors_that_are_all_alike_have_no_shares():
    assert np.isnan(variance_shares(np.ones((4, 5, 3)))).all()


def test_intervals_cover_the_value_of_all_speakers_and_labels():
    truth = np.mean([variance_shares(planted(seed, n_dims=40)) for seed in range(200)], axis=0)
    intervals = np.array([shares_interval(planted(seed, n_dims=40)) for seed in range(1000, 1200)])
    covered = (intervals[..., 1] <= truth) & (truth <= intervals[..., 2])
    assert (covered.mean(axis=0) >= 0.93).all()
    assert np.isnan(shares_interval(planted(n_speakers=5))[:, 1:]).all()


def test_items_are_crossed_whatever_else_is_said():
    x = planted()
    found = cross_items(activations(x, extra=7).index, "word", Blocks(), 0)
    assert sorted(found.labels) == sorted(WORDS)
    assert len(found.speakers) == len(x)
    index = activations(x, extra=7).index
    for speaker, row in zip(found.speakers, found.rows):
        assert index["speaker"].iloc[row].eq(speaker).all()
        assert tuple(index["label"].iloc[row]) == found.labels
    limited = cross_items(index, "word", Blocks(n_labels=4, n_speakers=3), 0)
    assert limited.rows.shape == (3, 4)


def test_a_word_that_one_speaker_lacks_costs_the_speaker_or_the_word_whichever_leaves_more():
    index = activations(planted()).index
    lacking = index[~((index["label"] == "word3") & (index["speaker"] == "s4"))].reset_index(drop=True)
    found = cross_items(lacking, "word", Blocks(), 0)
    assert found.rows.shape == (9, 8)


def test_speech_that_is_not_crossed_gives_empty_tables():
    index = [f"word{place}" for place in range(30)]
    own = Activations.from_arrays(
        {"T1": np.eye(30)}, index, speaker=[f"s{place % 5}" for place in range(30)], tier="word"
    )
    blocks, gram = block_tables(own, corpus="c", model="m", step="1", settings=SimilaritySettings(tier="word"))
    assert blocks.empty
    assert gram.empty
    assert (tuple(blocks.columns), tuple(gram.columns)) == (BLOCK_COLUMNS, GRAM_COLUMNS)


def tables():
    parts = [
        block_tables(
            activations(planted(seed, label=label, speaker=1)),
            corpus="english",
            model="hubert-english",
            step=step,
            settings=SimilaritySettings(tier="word"),
        )
        for seed, step, label in ((0, "0", 0.2), (1, "1500", 2.0))
    ]
    return tuple(pd.concat(tables, ignore_index=True) for tables in zip(*parts))


def test_the_gram_matrix_is_that_of_standardised_vectors_in_the_order_of_speakers():
    x = planted(speaker=3)
    _, gram = block_tables(
        activations(x),
        corpus="c",
        model="m",
        step="1",
        settings=SimilaritySettings(tier="word", blocks=Blocks(n_shown=4)),
    )
    first = gram[gram["layer"] == "T1"]
    assert len(first) == 16**2
    values = first["cosine"].to_numpy().reshape(16, 16)
    assert np.allclose(values, values.T)
    assert np.allclose(np.diag(values), 1)
    same = (first["speaker"] == first["other_speaker"]).to_numpy().reshape(16, 16)
    assert values[same].mean() > values[~same].mean() + 0.5
    # Scaling a layer changes nothing.
    assert np.allclose(first["cosine"], gram.loc[gram["layer"] == "T2", "cosine"])


def test_the_page_shows_matrices_of_three_layers_and_both_factors():
    assert shown_layers(["cnn", "embed", "T1", "T2", "T3"]) == ["cnn", "T1", "T3"]
    blocks, gram = tables()
    context = context_of("similarity")
    with plotting.figure_style():
        pages = draw_blocks(blocks, gram, context.entries(blocks.assign(target="word")), context)
        assert len(pages) == 1
        assert not faults(pages[0], PAGE_MM)
    titles = [axes.get_title(loc="left") for axes in pages[0].get_axes()]
    assert any("same person" in title for title in titles)
    assert draw_blocks(blocks.iloc[:0], gram.iloc[:0], context.entries(blocks), context) == []
