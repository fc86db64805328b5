import warnings

import numpy as np
import pytest
import torch
from sklearn.covariance import OAS
from sklearn.linear_model import LogisticRegression

from auscult.erasure.erasers import load_erasers, save_erasers
from auscult.erasure.fitting import (
    METHODS,
    class_moments,
    fit_eraser,
    fit_inlp,
    fit_leace,
    fit_mean_projection,
    fit_random,
    shrink_covariance,
)
from auscult.erasure.labels import class_codes, require_unseen, shuffle_by_speaker
from auscult.errors import AnalysisError, ManifestError

WIDTH = 12


def draw(n_classes, n=600, width=WIDTH, seed=0):
    """Vectors with correlated dimensions and a non-zero mean, in classes of unequal size and different means."""
    rng = np.random.default_rng(seed)
    codes = np.arange(n) * (n_classes + 1) // n % n_classes
    x = rng.normal(size=(n, width)) + 1.5 * rng.normal(size=(n_classes, width))[codes]
    return x @ rng.normal(size=(width, width)) + 20, codes


def names(n_classes):
    return [f"class{i}" for i in range(n_classes)]


def fitted(method, n_classes=2, **settings):
    x, codes = draw(n_classes)
    settings = {"seed": 0} | settings if method == "random" else settings
    return x, codes, fit_eraser(method, class_moments(x, codes, n_classes), names(n_classes), **settings)


def accuracy(x, codes):
    """Accuracy of a logistic regression on its training vectors: at least as high as any other linear classifier's."""
    z = (x - x.mean(axis=0)) / (x.std(axis=0) + 1e-12)
    return LogisticRegression(C=100, max_iter=2000).fit(z, codes).score(z, codes)


def cross_covariance(x, codes):
    return (x - x.mean(axis=0)).T @ np.eye(codes.max() + 1)[codes] / len(x)


@pytest.mark.parametrize("n_classes", [2, 3, 5])
@pytest.mark.parametrize("method", ["leace", "mean_projection"])
def test_erased_vectors_do_not_covary_with_their_classes(method, n_classes):
    x, codes, eraser = fitted(method, n_classes)
    assert np.abs(cross_covariance(x, codes)).max() > 0.1
    assert np.abs(cross_covariance(eraser.apply(x), codes)).max() < 1e-11
    assert np.allclose(eraser.apply(x).mean(axis=0), x.mean(axis=0), atol=1e-11)


@pytest.mark.parametrize("n_classes", [2, 3, 5])
@pytest.mark.parametrize("method", ["leace", "mean_projection", "random"])
def test_the_rank_is_one_less_than_the_classes(method, n_classes):
    eraser = fitted(method, n_classes)[2]
    assert eraser.rank == n_classes - 1
    assert np.linalg.matrix_rank(eraser.removed) == n_classes - 1
    assert np.allclose(eraser.removed @ eraser.removed, eraser.removed, atol=1e-10)


@pytest.mark.parametrize("method", ["leace", "mean_projection"])
def test_a_linear_probe_is_at_chance_after_erasure(method):
    x, codes, eraser = fitted(method)
    assert accuracy(x, codes) > 0.85
    assert accuracy(eraser.apply(x), codes) == pytest.approx(np.bincount(codes).max() / len(codes), abs=1e-12)


def test_a_linear_probe_is_near_chance_after_iterated_projection():
    x, codes, eraser = fitted("inlp", n_iterations=8, stop_r2=0.0)
    assert eraser.rank == 8
    assert accuracy(eraser.apply(x), codes) < 0.02 + np.bincount(codes).max() / len(codes)
    assert np.allclose(eraser.right @ eraser.left, np.eye(8), atol=1e-12)


def test_iterated_projection_stops_when_nothing_is_explained():
    assert fitted("inlp", n_iterations=11, stop_r2=0.02)[2].rank < fitted("inlp", n_iterations=11, stop_r2=0)[2].rank


def test_a_random_direction_leaves_the_probe_intact():
    x, codes, eraser = fitted("random")
    assert accuracy(eraser.apply(x), codes) > accuracy(x, codes) - 0.03


@pytest.mark.parametrize("n_classes", [2, 4])
def test_leace_equals_the_package_of_its_authors(n_classes):
    x, codes = draw(n_classes)
    ours = fit_leace(class_moments(x, codes, n_classes), names(n_classes))
    with warnings.catch_warnings(action="ignore"):  # it compiles functions in a way that torch deprecates
        from concept_erasure import LeaceFitter
    fitter = LeaceFitter.fit(
        torch.from_numpy(x),
        torch.eye(n_classes, dtype=torch.float64)[codes],
        shrinkage=False,
        constrain_cov_trace=False,
        svd_tol=1e-8,
    )
    assert np.abs(ours.apply(x) - fitter.eraser(torch.from_numpy(x)).numpy()).max() < 1e-5


def test_leace_equals_its_closed_form():
    x, codes, eraser = fitted("leace", 3)
    cross, covariance = cross_covariance(x, codes), np.cov(x.T, bias=True)
    weighted = np.linalg.solve(covariance, cross)
    assert np.allclose(eraser.removed, cross @ np.linalg.pinv(cross.T @ weighted, rcond=1e-9) @ weighted.T, atol=1e-9)


def test_leace_changes_vectors_least():
    x, _, leace = fitted("leace", 3)
    for other in (fitted(method, 3)[2] for method in ("mean_projection", "inlp")):
        inverse = np.linalg.inv(np.cov(x.T, bias=True))
        change, more = (np.mean([d @ inverse @ d for d in x - eraser.apply(x)]) for eraser in (leace, other))
        assert change < more


def test_leace_of_dependent_dimensions_erases_and_leaves_the_null_space():
    x, codes = draw(2)
    x = np.hstack([x, x[:, :3] @ np.ones((3, 2)), np.full((len(x), 1), 7.0)])
    erased = fit_leace(class_moments(x, codes, 2), names(2)).apply(x)
    assert np.abs(cross_covariance(erased, codes)).max() < 1e-8
    assert np.allclose(erased[:, -1], 7)
    assert np.allclose(erased[:, -2], erased[:, :3].sum(axis=1), atol=1e-6)


@pytest.mark.parametrize("shrinkage", [0.0, 0.3, 1.0, "oas"])
def test_shrinkage_keeps_the_guarantee(shrinkage):
    x, codes, eraser = fitted("leace", 3, shrinkage=shrinkage)
    assert np.abs(cross_covariance(eraser.apply(x), codes)).max() < 1e-10


def test_full_shrinkage_is_the_projection_of_means():
    whole, means = fitted("leace", 3, shrinkage=1.0)[2], fitted("mean_projection", 3)[2]
    assert np.allclose(whole.removed, means.removed, atol=1e-9)


def test_oas_shrinkage_equals_that_of_scikit_learn():
    x, _ = draw(2, n=30)
    assert np.allclose(shrink_covariance(np.cov(x.T, bias=True), len(x), "oas"), OAS().fit(x).covariance_)


def test_erasing_a_factor_leaves_one_that_is_orthogonal():
    rng = np.random.default_rng(1)
    one, other = rng.integers(0, 2, (2, 800))
    x = rng.normal(size=(800, 6))
    x[:, 0] += 3 * one
    x[:, 1] += 3 * other
    erased = fit_mean_projection(class_moments(x, one, 2), names(2)).apply(x)
    assert accuracy(x, one) > 0.9
    assert accuracy(erased, one) < 0.55
    assert accuracy(erased, other) == pytest.approx(accuracy(x, other), abs=0.01)


def test_fitting_streams_over_chunks_in_any_order():
    x, codes = draw(3)
    chunks = [class_moments(x[start : start + 77], codes[start : start + 77], 3) for start in range(0, len(x), 77)]
    total = chunks.pop()
    for chunk in chunks:
        total = total + chunk
    streamed, whole = (fit_leace(moments, names(3)) for moments in (total, class_moments(x, codes, 3)))
    assert np.allclose(streamed.removed, whole.removed, atol=1e-9)
    assert streamed.n_fit == whole.n_fit == len(x)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_tensors_of_any_shape_keep_shape_and_precision(method, dtype):
    x, _, eraser = fitted(method)
    batch = torch.from_numpy(x[:30]).reshape(5, 2, 3, WIDTH).to(dtype)
    found = eraser.apply(batch)
    expected = torch.from_numpy(eraser.apply(batch.double().numpy())).to(dtype)
    torch.testing.assert_close(found, expected)  # also of shape and precision


def test_arrays_keep_their_precision():
    x, _, eraser = fitted("leace")
    assert eraser.apply(x.astype(np.float32)).dtype == np.float32
    assert eraser.apply(x[0]).shape == (WIDTH,)


def test_the_random_control_depends_on_its_seed_alone():
    first, again, other = (fitted("random", seed=seed)[2].removed for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)


def test_erasers_come_back_as_they_were_saved(tmp_path):
    erasers = {f"{method}/T1": fitted(method, 3)[2] for method in METHODS}
    save_erasers(tmp_path / "erasers", erasers, {"seed": 1}, {"activations": "abc"})
    loaded = load_erasers(tmp_path / "erasers")
    assert list(loaded) == list(erasers)
    for name, eraser in erasers.items():
        assert all(
            np.array_equal(getattr(loaded[name], part), getattr(eraser, part))
            for part in ("mean", "left", "right", "method", "n_fit", "labels")
        )


def test_a_changed_folder_of_erasers_is_refused(tmp_path):
    save_erasers(tmp_path / "erasers", {"leace/T1": fitted("leace")[2]}, {})
    with open(tmp_path / "erasers" / "factors.safetensors", "r+b") as stream:
        stream.seek(-1, 2)
        stream.write(b"\x01")
    with pytest.raises(ManifestError, match=r"expected SHA-256 .* for .*factors\.safetensors"):
        load_erasers(tmp_path / "erasers")


def test_another_width_is_refused():
    eraser = fitted("leace")[2]
    with pytest.raises(AnalysisError, match=r"expected vectors of 12 dimensions, .*\(leace\) was fitted on, found 9"):
        eraser.apply(torch.zeros(4, 9))


@pytest.mark.parametrize("fit", [fit_leace, fit_inlp, fit_mean_projection, lambda m, n: fit_random(m, n, seed=0)])
def test_one_class_is_refused(fit):
    x, _ = draw(2)
    with pytest.raises(
        AnalysisError, match="expected vectors of every class to erase, of two classes or more, found f"
    ):
        fit(class_moments(x, np.zeros(len(x), dtype=int), 2), ["female", "male"])


def test_settings_out_of_range_are_refused():
    x, codes = draw(2)
    moments = class_moments(x, codes, 2)
    with pytest.raises(AnalysisError, match=r"expected a shrinkage from 0 to 1 or 'oas', found 1\.5"):
        fit_leace(moments, names(2), shrinkage=1.5)
    with pytest.raises(AnalysisError, match="expected at least one iteration of INLP, found 0"):
        fit_inlp(moments, names(2), n_iterations=0)
    with pytest.raises(AnalysisError, match=r"expected one of the erasers leace, inlp, .* found 'lace'"):
        fit_eraser("lace", moments, names(2))


def test_codes_are_those_of_the_known_labels():
    assert class_codes(["male", "female", "male"], ["a", "b", "a"]).tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["female", None, "male"], r"expected a gender for every speaker of the corpus, found none for 1 \(b\)"),
        (["female", "", "male"], r"expected a gender for every speaker of the corpus, found none for 1 \(b\)"),
        (["female", "unknown", "male"], "expected gender labels among female, male in the corpus, found unknown"),
        (["male", "male", "male"], "expected speakers of at least two kinds of gender in the corpus, found only male"),
    ],
)
def test_missing_unknown_and_constant_labels_are_refused(labels, message):
    with pytest.raises(AnalysisError, match=message):
        class_codes(labels, ["a", "b", "c"], where="the corpus")


def test_a_speaker_of_two_genders_is_refused():
    with pytest.raises(AnalysisError, match=r"expected one gender for every speaker of .*, found several for a; "):
        class_codes(["male", "female", "male"], ["a", "a", "b"])


def test_a_test_speaker_that_was_fitted_on_is_refused():
    require_unseen(["a", "b"], ["c"])
    with pytest.raises(AnalysisError, match=r"erasers were not fitted on, found 1 in both \(b\)"):
        require_unseen(["a", "b"], ["b", "c"])


def test_shuffled_labels_stay_with_the_speaker():
    speakers = np.repeat([f"s{i:02d}" for i in range(20)], 3)
    codes = np.repeat(np.arange(20) % 2, 3)
    shuffled = shuffle_by_speaker(codes, speakers, seed=0)
    assert (shuffled.reshape(20, 3) == shuffled[::3, None]).all()
    assert shuffled.sum() == codes.sum()
    assert 0.2 < np.mean(shuffled == codes) < 0.8
    order = np.random.default_rng(0).permutation(60)
    assert np.array_equal(shuffle_by_speaker(codes[order], speakers[order], seed=0), shuffled[order])


@pytest.mark.parametrize("method", ["leace", "mean_projection", "inlp"])
def test_nothing_is_erased_if_class_means_are_equal(method):
    x = np.vstack([draw(2)[0]] * 2)
    eraser = fit_eraser(method, class_moments(x, np.repeat([0, 1], len(x) // 2), 2), names(2))
    assert eraser.rank == 0
    assert np.allclose(eraser.apply(x), x, atol=1e-9)
