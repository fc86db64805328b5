"""Settings of translation."""

from dataclasses import dataclass

from auscult.settings import setting

__all__ = ["TranslationSection", "TranslationSettings"]


@dataclass(frozen=True)
class TranslationSettings:
    """Settings of :func:`~auscult.analyses.translation.analysis.score_translator` and of the baselines."""

    n_probe: int = setting(
        "Maximum number of training utterances per probe, half of them spoken by women.", 400, minimum=4
    )
    n_resamples: int = setting("Bootstrap samples of speakers, or of pairs of speakers.", 2000, minimum=100)


@dataclass(frozen=True)
class TranslationSection(TranslationSettings):
    """The section ``translation`` of a study."""

    baselines: tuple[str, ...] = setting(
        "Acoustic models whose frames are probed for comparison.", (), uniqueItems=True
    )
    n_exchanged: int = setting(
        "Sentences per pair of test voices spoken with exchanged pitch or vocal tract, in synthetic corpora.",
        3,
        minimum=1,
    )
    bar: float = setting(
        "Minimum share of test sentences translated exactly, gender aside; weaker models are named in the figure.",
        0.5,
        minimum=0,
        maximum=1,
    )
