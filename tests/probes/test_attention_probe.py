import numpy as np
import pytest

from auscult.probes.attention_probe import fit_attention


@pytest.fixture(scope="module")
def utterances():
    """Dimension 0 marks one segment per utterance; dimension 1 depends on the class in this segment only."""
    rng, x, codes = np.random.default_rng(0), [], rng_codes()
    for code in codes:
        segments = rng.normal(size=(rng.integers(10, 15), 6)).astype(np.float32)
        segments[:, 1] *= 4
        place = rng.integers(len(segments))
        segments[place, 0], segments[place, 1] = 6, 8 * code - 4 + rng.normal()
        x.append(segments)
    return x, codes


def rng_codes():
    return np.random.default_rng(1).integers(2, size=400)


def split(x, codes):
    return x[:240], codes[:240], x[240:320], codes[240:320]


def test_it_finds_the_segment_that_matters_where_the_mean_does_not(utterances):
    x, codes = utterances
    attended = np.mean(fit_attention(*split(x, codes), n_classes=2)(x[320:]) == codes[320:])
    means = [segments.mean(axis=0, keepdims=True) for segments in x]
    averaged = np.mean(fit_attention(*split(means, codes), n_classes=2)(means[320:]) == codes[320:])
    assert attended > 0.95
    assert averaged < 0.8


def test_predictions_do_not_depend_on_the_other_utterances(utterances):
    x, codes = utterances
    predict = fit_attention(*split(x, codes), n_classes=2, max_epochs=5)
    assert predict(x[320:]).tolist() == [predict([one]).item() for one in x[320:]]


def test_the_same_seed_gives_the_same_probe(utterances):
    x, codes = utterances
    first, second = (fit_attention(*split(x, codes), n_classes=2, max_epochs=5, seed=3) for _ in range(2))
    assert (first(x) == second(x)).all()


def test_no_more_utterances_than_a_batch_are_padded_to_one_length(utterances, monkeypatch):
    torch = pytest.importorskip("torch")
    pad, padded = torch.nn.utils.rnn.pad_sequence, []
    monkeypatch.setattr(
        torch.nn.utils.rnn, "pad_sequence", lambda parts, **how: padded.append(len(parts)) or pad(parts, **how)
    )
    x, codes = utterances
    fit_attention(*split(x, codes), n_classes=2, max_epochs=2, batch_size=16)(x[320:])
    assert max(padded) == 16
