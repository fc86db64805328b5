"""Plugin of Snakemake, used as ``--logger auscult``: the progress of a build in one line (:mod:`auscult.cli.progress`).

Snakemake finds it by the name of this package.
"""

import logging
import os
import sys
from typing import Any

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

__all__ = ["LogHandler"]

# Messages of Snakemake that only repeat what the report of a failed job says.
_REPEATED = ("RuleException", "CalledProcessError", "Exiting because a job execution failed", "At least one job did")


class LogHandler(LogHandlerBase):
    """Handler that passes events of Snakemake on to the progress line."""

    def __post_init__(self) -> None:
        from auscult.cli.progress import Progress, listen
        from auscult.jobs import LOG_ONLY

        os.environ[LOG_ONLY] = "1"  # for the jobs, whose messages would break the line
        self.progress = Progress(sys.stderr)
        listen(self.progress)

    def emit(self, record: logging.LogRecord) -> None:
        """Pass a record on; all other records of level WARNING and above are printed."""
        try:
            self._pass_on(record)
        except Exception:
            self.handleError(record)

    def _pass_on(self, record: logging.LogRecord) -> None:
        said: dict[str, Any] = record.__dict__
        match said.get("event"):
            case LogEvent.RUN_INFO:
                self.progress.start(int(said["stats"]["total"]))
            case LogEvent.RESOURCES_INFO if said.get("cores") or said.get("nodes"):
                self.progress.n_cores = int(said.get("cores") or said["nodes"])
            case LogEvent.JOB_INFO:
                self.progress.begin(said["jobid"], said["rule_name"], said["wildcards"] or {})
            case LogEvent.JOB_FINISHED:
                self.progress.finish(said["job_id"])
            case LogEvent.JOB_ERROR:
                self.progress.fail(said["jobid"], said["rule_name"], said["log"])
            case LogEvent.PROGRESS:
                self.progress.count(int(said["done"]), int(said["total"]))
            case _:
                self._other(record)

    def _other(self, record: logging.LogRecord) -> None:
        text = str(record.msg or "").strip()
        wanted = record.levelno >= logging.WARNING or text.startswith("Nothing to be done")
        if text and wanted and not any(repeated in text for repeated in _REPEATED):
            self.progress.say(text)

    def close(self) -> None:
        """End the line with a summary."""
        self.progress.stop()
        super().close()

    @property
    def writes_to_stream(self) -> bool:
        """Whether it takes the place of Snakemake's own messages."""
        return True

    @property
    def writes_to_file(self) -> bool:
        """Whether it writes a file."""
        return False

    @property
    def has_filter(self) -> bool:
        """Whether it chooses records itself, whatever ``--quiet`` says."""
        return True

    @property
    def has_formatter(self) -> bool:
        """Whether it formats records itself."""
        return True

    @property
    def needs_rulegraph(self) -> bool:
        """Whether it needs the graph of rules."""
        return False
