import numpy as np
import pandas as pd
import pytest
from abx_reference import abx_cells, abx_score, distance, warped_distance

from auscult.analyses.abx.analysis import summarise_abx
from auscult.analyses.abx.cells import score_cells
from auscult.analyses.abx.distances import DISTANCES, Block, Sequences, Vectors
from auscult.analyses.abx.dtw import dtw_distances
from auscult.analyses.abx.tasks import make_abx_task
from auscult.errors import AnalysisError


def sequences(n_items=24, seed=0, n_dims=6):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 6, n_items)
    frames = rng.dirichlet(np.ones(n_dims), sizes.sum())
    items = pd.DataFrame({"label": rng.choice(list("aei"), n_items), "speaker": rng.choice(["s", "t", "u"], n_items)})
    return items, frames, np.cumsum(sizes) - sizes, sizes


def as_lists(frames, starts, sizes):
    return [frames[start : start + size] for start, size in zip(starts, sizes)]


def all_pairs(store, n):
    return store.between([Block(np.arange(n), 0, n)], np.ones(n * n, dtype=bool)).reshape(n, n)


@pytest.mark.parametrize("kind", DISTANCES)
def test_distances_of_vectors_equal_their_definition(kind):
    x = np.random.default_rng(0).dirichlet(np.ones(5), 9)
    expected = [[distance(p, q, kind) for q in x] for p in x]
    assert all_pairs(Vectors(x, kind), 9) == pytest.approx(np.array(expected), abs=2e-7)


@pytest.mark.parametrize("kind", DISTANCES)
def test_distances_of_sequences_equal_a_recursive_warping(kind):
    _, *stored = sequences(12)
    items = as_lists(*stored)
    expected = [[warped_distance(min(p, q), max(p, q), items, kind) for q in range(12)] for p in range(12)]
    assert all_pairs(Sequences(*stored, kind), 12) == pytest.approx(np.array(expected), abs=2e-7)


@pytest.mark.parametrize("kind", DISTANCES)
@pytest.mark.parametrize("across", [None, "speaker"])
def test_scores_of_sequences_equal_three_nested_loops(kind, across):
    table, *stored = sequences()
    items = as_lists(*stored)
    by = [] if across else ["speaker"]
    task = make_abx_task(table, on="label", by=by, across=across)
    frames, starts, sizes = stored
    scores = score_cells(task, Sequences(frames, starts[task.rows], sizes[task.rows], kind), max_pairs=500)

    def between(i, j):
        # Paths of equal cost are chosen by which sequence comes first, which is the order of the task.
        place = np.argsort(task.rows)
        return warped_distance(*((i, j) if place[i] < place[j] else (j, i)), items, kind)

    expected = abx_score(abx_cells(table, between, "label", by, across))
    assert summarise_abx(task, scores[None], n_resamples=100)[0][0]["value"] == pytest.approx(expected, abs=1e-12)


def test_one_frame_items_are_scored_like_vectors():
    x = np.random.default_rng(0).normal(size=(10, 4))
    frames = Sequences(x, np.arange(10), np.ones(10, dtype=int), "angular")
    assert np.array_equal(all_pairs(frames, 10), all_pairs(Vectors(x, "angular"), 10))


def test_warping_is_divided_by_the_length_of_its_path():
    frames = np.array([[1.0, 2, 3], [4, 1, 1]])
    found = dtw_distances(frames.ravel(), *(np.array([value]) for value in (0, 3, 1, 2, 3)))
    # (0,0) 1, (0,1) 2, (1,2) 1 costs 4 in three steps, as does (0,0) 1, (1,1) 1, (1,2) 1 with 3: the latter.
    assert found.tolist() == [1.0]


def test_of_equally_cheap_paths_the_diagonal_and_so_the_shortest_is_taken():
    found = dtw_distances(np.zeros(4), *(np.array([value]) for value in (0, 2, 1, 2, 2)))
    assert found.tolist() == [0.0]
    costs = np.array([1.0, 0, 0, 1])
    # 1 + 1 over two steps, not 1 + 0 + 1 over three.
    assert dtw_distances(costs, *(np.array([v]) for v in (0, 2, 1, 2, 2))).tolist() == [1.0]


@pytest.mark.parametrize("kind", ["cosine", "angular"])
def test_vectors_without_direction_are_refused(kind):
    expected = f"expected vectors of non-zero length for the {kind} distance, found 2 zero vectors of 4 in layer 'T1'"
    with pytest.raises(AnalysisError, match=expected):
        Vectors(np.eye(4)[[0, 1, 3, 3]] * [1, 1, 1, 0], kind, "layer 'T1'")


def test_kl_of_vectors_that_are_no_probabilities_is_refused():
    with pytest.raises(AnalysisError, match=r"expected probabilities that sum to 1 .* found 2 of 2 rows of the items"):
        Vectors(np.array([[0.5, 0.4], [-0.5, 1.5]]), "kl")


def test_items_without_frames_are_refused():
    with pytest.raises(AnalysisError, match="expected at least one frame in every item of the items, found none in 1"):
        Sequences(np.eye(2), np.array([0, 1]), np.array([1, 0]), "cosine")
