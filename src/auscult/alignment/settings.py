"""Settings of an alignment."""

from dataclasses import dataclass

from auscult.errors import ConfigError

__all__ = ["UNKNOWN", "AlignmentSettings"]

UNKNOWN = ("refuse", "leave-out")


@dataclass(frozen=True)
class AlignmentSettings:
    """How recordings are aligned with their texts.

    Parameters
    ----------
    unknown : whether a text with a letter or digit that has no token is refused (``refuse``), or aligned without it
        (``leave-out``)
    window_s, overlap_s : length of the windows in which longer recordings are run, and what two of them share, see
        :class:`auscult.models.windows.Windows`
    pause_s : longest stretch between two words that is divided between them, see :mod:`auscult.alignment.boundaries`.
        Of 0 to 1 s, on the validation utterances of the default study's recogniser, 0.1 s loses least: words begin and
        end within 50 ms of the true boundary in .97, and 2 % of words that follow each other get a pause between them
    """

    unknown: str = "refuse"
    window_s: float = 30.0
    overlap_s: float = 5.0
    pause_s: float = 0.1

    def __post_init__(self) -> None:
        """Refuse values that do not exist; windows refuse theirs."""
        if self.unknown not in UNKNOWN:
            raise ConfigError(f"expected unknown to be {' or '.join(UNKNOWN)}, found {self.unknown!r}; correct it")
        if not self.pause_s >= 0:
            raise ConfigError(f"expected a pause of at least 0 s, found {self.pause_s:g} s; correct pause_s")
