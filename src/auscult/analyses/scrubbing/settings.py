"""Settings of scrubbing."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from auscult.settings import setting

__all__ = ["ScrubbingSection", "ScrubbingSettings", "ScrubbingSplits"]

_SPLITS = ["train", "valid", "test"]


@dataclass(frozen=True)
class ScrubbingSplits:
    """Which split serves which purpose; no speaker may serve two."""

    fit: str = setting("Split whose speakers are divided between erasers and probes.", "train", enum=_SPLITS)
    test: str = setting("Split of which all results are reported.", "test", enum=_SPLITS)


@dataclass(frozen=True)
class ScrubbingSettings:
    """Settings of :func:`~auscult.analyses.scrubbing.analysis.scrub_gender`."""

    splits: ScrubbingSplits = setting("Which split serves which purpose.", ScrubbingSplits)
    kinds: tuple[str, ...] = setting(
        "Numeric columns of the utterances, such as tract and pitch_hz, whose bands within each gender make kinds of "
        "voices; erasers, probes and tests then share no kind. Without columns they share no speaker.",
        (),
        items={"type": "string"},
        uniqueItems=True,
    )
    methods: tuple[str, ...] = setting(
        "Erasers applied at all layers, fitted on frames unless /utterance follows; the first is also applied at each "
        "layer alone and at all layers except the front end.",
        ("leace", "leace/utterance", "inlp", "mean_projection", "random", "shuffled"),
        items={"type": "string", "pattern": "^(leace|inlp|mean_projection|random|shuffled)(/(frame|utterance))?$"},
        minItems=1,
        uniqueItems=True,
    )
    single_layers: bool = setting("Whether to erase also at each layer alone, and at all except the front end.", True)
    doses: tuple[float, ...] = setting(
        "Shares of what the first method removes that are also removed at the first layer alone, for a dose curve; all "
        "of it is removed in any case.",
        (0.25, 0.5),
        items={"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
        uniqueItems=True,
    )
    shrinkage: float | str = setting(
        "Shrinkage of LEACE's covariance estimate, 0 to 1, or oas to estimate it (Chen et al., 2010).",
        "oas",
        oneOf=[{"type": "number", "minimum": 0, "maximum": 1}, {"const": "oas"}],
    )
    n_iterations: int = setting("Maximum number of directions that INLP removes.", 10, minimum=1)
    n_utterances: int | None = setting(
        "Maximum number of utterances for erasers, and for probes, in each fold of kinds; null for all.",
        None,
        minimum=4,
    )
    n_test: int | None = setting("Maximum number of tested utterances; null for all.", None, minimum=4)
    edge_ms: float = setting(
        "Length in milliseconds of the beginning, the middle and the end of an utterance.", 100, exclusiveMinimum=0
    )
    n_resamples: int = setting("Bootstrap samples of speakers.", 2000, minimum=100)
    n_permutations: int = setting("Random exchanges of the paired permutation test.", 10000, minimum=100)

    @property
    def fitters(self) -> dict[str, dict[str, Any]]:
        """Settings of each method's fitter, by method."""
        leace = {"shrinkage": self.shrinkage}
        return {"leace": leace, "shuffled": dict(leace), "inlp": {"n_iterations": self.n_iterations}}

    def recipe(self) -> dict[str, Any]:
        """Return the settings as the manifest of stored erasers records them."""
        recipe = asdict(self)
        del recipe["shrinkage"], recipe["n_iterations"]
        return recipe | {"settings": self.fitters}


@dataclass(frozen=True)
class ScrubbingSection(ScrubbingSettings):
    """The section ``scrubbing`` of a study."""

    fit_corpora: Mapping[str, Any] = setting(
        "Corpus that provides the split fit of a corpus, where it is another one.",
        {},
        additionalProperties={"type": "string"},
    )
