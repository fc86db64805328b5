"""Errors that users can cause; messages are one line: what was expected, what was found, where, what to do next."""

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
    """Base class of errors caused by the input, the configuration or the machine, not by a fault in Auscult."""

    def __str__(self) -> str:
        """Return the message on a single line, even if it quotes text with line breaks."""
        return " ".join(super().__str__().split())


class ConfigError(AuscultError):
    """The configuration has a value that does not exist, or values that cannot be combined."""


class CorpusError(AuscultError):
    """A corpus lacks a required file, column or speaker."""


class AudioError(AuscultError):
    """A recording is empty, silent, not finite, undecodable, or has the wrong format."""


class LabelError(AuscultError):
    """Labels do not fit their recording: they exceed it, overlap, or have the wrong unit."""


class DownloadError(AuscultError):
    """A file cannot be downloaded, or differs from the expected one."""


class ArchiveError(AuscultError):
    """An archive has a member that must not be unpacked."""


class CheckpointError(AuscultError):
    """A checkpoint folder is incomplete or unsafe, or does not fit its architecture."""


class HubError(AuscultError):
    """A model hub cannot be reached, or lacks the requested model or file."""


class ManifestError(AuscultError):
    """A folder has no manifest, or its files differ from its manifest."""


class AnalysisError(AuscultError):
    """An analysis cannot be carried out on the given items or settings."""


class StorageError(AuscultError):
    """The disk is full or cannot be written to."""
