"""Settings of translation."""

from dataclasses import dataclass

from auscult.settings import setting

__all__ = ["TranslationSettings"]


@dataclass(frozen=True)
class TranslationSettings:
    """Settings of the analysis ``translation``."""

    baselines: tuple[str, ...] = setting(
        "Acoustic models whose frames are probed beside the states.", (), uniqueItems=True
    )
    n_probe: int = setting("Training utterances of a probe, half of them of women.", 400, minimum=4)
    bar: float = setting(
        "Share of test sentences, exact but for gender, from which a model is said to translate.",
        0.5,
        minimum=0,
        maximum=1,
    )
    n_resamples: int = setting("Bootstrap samples of speakers.", 2000, minimum=100)
