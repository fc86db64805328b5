"""Errors a user can cause, each told in one line: what was expected, what was found, where, what to do next."""

__all__ = [
    "AuscultError",
    "ConfigError",
    "CorpusError",
    "AudioError",
    "LabelError",
    "DownloadError",
    "ArchiveError",
    "CheckpointError",
    "HubError",
    "ManifestError",
    "AnalysisError",
    "StorageError",
]


class AuscultError(Exception):
    """Root of every error whose cause lies in the input, the configuration or the machine, not in Auscult."""

    def __str__(self) -> str:
        """Return the message on a single line, whatever text it quotes."""
        return " ".join(super().__str__().split())


class ConfigError(AuscultError):
    """The configuration asks for something that does not exist or cannot be combined."""


class CorpusError(AuscultError):
    """A corpus lacks a file, a column or a speaker that it must have."""


class AudioError(AuscultError):
    """A recording is empty, silent, not finite, undecodable or of the wrong kind."""


class LabelError(AuscultError):
    """Labels do not fit their recording: past its end, overlapping, in the wrong unit."""


class DownloadError(AuscultError):
    """A file could not be fetched, or what arrived is not what was pinned."""


class ArchiveError(AuscultError):
    """An archive holds a member that must not be unpacked."""


class CheckpointError(AuscultError):
    """A checkpoint folder is incomplete, unsafe or does not fit its architecture."""


class HubError(AuscultError):
    """A model hub cannot be reached or does not hold what was asked for."""


class ManifestError(AuscultError):
    """A folder has no manifest, or holds bytes that its manifest does not vouch for."""


class AnalysisError(AuscultError):
    """An analysis cannot be carried out on the items it was given."""


class StorageError(AuscultError):
    """The disk is full or cannot be written to."""
