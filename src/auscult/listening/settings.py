"""Settings of the listening page: which utterances of a corpus are shown, and which lanes are computed for them."""

from dataclasses import dataclass

from auscult.analyses.mixing.settings import METHODS
from auscult.settings import setting

__all__ = ["LANES", "ListenSettings"]

# Those that rank utterances come first: the first of them in a section decides which utterances are hardest.
LANES = ("probe", "tone", "spelling", "mixing", "attribution")


@dataclass(frozen=True)
class ListenSettings:
    """Settings of the utterances of one corpus."""

    models: tuple[str, ...] = setting(
        "Models that listen, each at its untrained and its last checkpoint.", minItems=1, uniqueItems=True
    )
    lanes: tuple[str, ...] = setting(
        "What is shown, for the models that have it: probe (phones at each frame), tone (of Mandarin syllables), "
        "spelling (the CTC head on every layer), mixing (words × words), attribution (scores of results/attribution).",
        items={"enum": list(LANES)},
        minItems=1,
        uniqueItems=True,
    )
    split: str = setting("Split whose utterances are shown.", "test", enum=["train", "valid", "test"])
    drawn: int = setting("Number of utterances drawn at random.", 8, minimum=1)
    hardest: int = setting("Number of utterances where the probe or the recogniser fails most.", 4, minimum=0)
    considered: int = setting(
        "Number of utterances, drawn at random, that the probe is fitted on and the hardest are chosen from.",
        200,
        minimum=2,
    )
    longest_s: float = setting("Longest utterance that is shown, in seconds.", 8, exclusiveMinimum=0)
    n_folds: int = setting(
        "Number of speaker folds of the probe; no probe is shown a voice it was fitted on.", 4, minimum=2
    )
    n_frames: int = setting("Number of frames, drawn at random, that the probes are fitted on.", 12000, minimum=100)
    penalty: float = setting("Penalty of the probe, see auscult.probes.logistic.", 0.001, exclusiveMinimum=0)
    tone_penalty: float = setting(
        "Penalty of the tone probe, whose vectors are three frames of a rime.", 0.03, exclusiveMinimum=0
    )
    methods: tuple[str, ...] = setting(
        "Measures of context mixing, see auscult.analyses.mixing.methods.",
        ("attention", "value_zeroing"),
        items={"enum": list(METHODS)},
        minItems=1,
        uniqueItems=True,
    )
    notes: tuple[str, ...] = setting("Sentences shown with every utterance, such as why a lane is missing.", ())
