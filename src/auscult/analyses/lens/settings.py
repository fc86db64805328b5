"""Settings of lens."""

from dataclasses import dataclass

from auscult.settings import setting

__all__ = ["LensSettings", "LensSplits"]

_SPLITS = ["train", "valid", "test"]


@dataclass(frozen=True)
class LensSplits:
    """Which splits serve which purpose; no speaker may serve two."""

    fit: tuple[str, ...] = setting(
        "Splits on which affine maps are fitted.", ("train",), items={"enum": _SPLITS}, minItems=1, uniqueItems=True
    )
    test: tuple[str, ...] = setting(
        "Splits of which all results are reported.", ("test",), items={"enum": _SPLITS}, minItems=1, uniqueItems=True
    )


@dataclass(frozen=True)
class LensSettings:
    """Settings of :func:`~auscult.analyses.lens.analysis.read_layers`."""

    splits: LensSplits = setting("Which splits serve which purpose.", LensSplits)
    affine: bool = setting(
        "Whether layers are also read through affine maps to the last layer's states, fitted by least squares.", True
    )
    n_fit: int | None = setting(
        "Maximum number of utterances that fit the maps, spread evenly over their speakers; null for all.",
        200,
        minimum=1,
    )
    n_test: int | None = setting(
        "Maximum number of tested utterances, spread evenly over their speakers; null for all.", None, minimum=1
    )
    n_resamples: int = setting("Bootstrap samples of speakers.", 2000, minimum=100)
