"""Settings of scrubbing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from auscult.settings import setting

__all__ = ["ScrubbingSettings", "ScrubbingSplits"]


@dataclass(frozen=True)
class ScrubbingSplits:
    """Settings under ``splits``."""

    fit: str = setting("", "train", enum=["train", "valid", "test"])
    choose: str = setting("", "valid", enum=["train", "valid", "test"])
    test: str = setting("", "test", enum=["train", "valid", "test"])


@dataclass(frozen=True)
class ScrubbingSettings:
    """Settings of the analysis ``scrubbing``."""

    fit_corpora: Mapping[str, Any] = setting(
        "Of a corpus, the one whose splits fit and choose are learnt from, where it is not itself.",
        {},
        additionalProperties={"type": "string"},
    )
    splits: ScrubbingSplits = setting(
        "fit, whose speakers are dealt to erasers and to probes; choose, on which probes are chosen, "
        "the same as fit to have its speakers dealt to all three; test, which nothing has seen.",
        ScrubbingSplits,
    )
    methods: tuple[str, ...] = setting(
        "Erasers at all layers, on frames unless /utterance follows; the first at each layer alone, "
        "and at all but the front end's, too.",
        ("leace", "leace/utterance", "inlp", "mean_projection", "random", "shuffled"),
        items={"type": "string", "pattern": "^(leace|inlp|mean_projection|random|shuffled)(/(frame|utterance))?$"},
        minItems=1,
        uniqueItems=True,
    )
    single_layers: bool = setting("Whether to erase at less than all layers.", True)
    shrinkage: float | str = setting(
        "Of the covariance of LEACE, 0 to 1, or oas to have it chosen.",
        "oas",
        oneOf=[{"type": "number", "minimum": 0, "maximum": 1}, {"const": "oas"}],
    )
    n_iterations: int = setting("Most directions of INLP.", 10, minimum=1)
    n_utterances: int | None = setting(
        "Most utterances of erasers, of probes and of their choice each; null for all.", None, minimum=4
    )
    n_test: int | None = setting("Most utterances that are tested; null for all.", None, minimum=4)
    edge_ms: float = setting(
        "Length of the beginning, the middle and the end of an utterance.", 100, exclusiveMinimum=0
    )
    n_resamples: int = setting("Bootstrap samples of speakers.", 2000, minimum=100)
    n_permutations: int = setting("Random exchanges of the paired test.", 10000, minimum=100)
