"""The frame of every workflow step around its library call: threads, log file, and errors in one line."""

import logging
import os
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from threadpoolctl import threadpool_limits

from auscult.errors import AuscultError
from auscult.result_seals import check_results_of, seal_results

__all__ = ["LOG_ONLY", "job"]

# Variable of the environment: set by the progress line of a build, which messages of its jobs would break.
LOG_ONLY = "AUSCULT_LOG_ONLY"
_BAR_EVERY_S = 10.0


@contextmanager
def job(log: str | Path, threads: int = 1) -> Iterator[None]:
    """Run one workflow step with a number of threads; messages go to the file ``log`` and to the terminal.

    Progress bars go to the log only, as one line every ten seconds: those of parallel jobs would overwrite each other.
    With the variable ``AUSCULT_LOG_ONLY`` in the environment, nothing goes to the terminal.

    All numerical libraries are limited to ``threads``, since two steps that both use all cores run many times slower.
    Libraries that are imported later, such as numba by UMAP, read the limit from the environment.
    Files that the step reads are compared with their seals first, and files that it wrote are sealed
    (:mod:`auscult.result_seals`). An :class:`~auscult.errors.AuscultError` ends the process with its one-line message
    and exit status 1. Any other exception is a fault in Auscult and keeps its traceback.
    """
    Path(log).parent.mkdir(parents=True, exist_ok=True)
    with open(log, "w", buffering=1) as stream, threadpool_limits(limits=threads):
        _limit_threads(threads)
        terminal = sys.stderr
        sys.stdout = sys.stderr = _Tee(None if os.environ.get(LOG_ONLY) else terminal, stream)
        messages = logging.StreamHandler(sys.stderr)
        messages.setFormatter(logging.Formatter("auscult: %(message)s"))
        logger = logging.getLogger("auscult")
        logger.setLevel(logging.INFO)
        logger.addHandler(messages)
        step = getattr(sys.modules["__main__"], "snakemake", None)
        try:
            if step is not None:
                check_results_of(step.input)
            yield
            if step is not None:
                seal_results(step.output)
        except AuscultError as error:
            print(f"auscult: {error}", file=sys.stderr)
            sys.exit(1)
        except Exception:
            traceback.print_exc(file=stream)
            raise
        finally:
            logger.removeHandler(messages)
            sys.stdout, sys.stderr = sys.__stdout__, terminal


def _limit_threads(threads: int) -> None:
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)
    if "numba" in sys.modules:
        numba = sys.modules["numba"]
        numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
    else:
        os.environ["NUMBA_NUM_THREADS"] = str(threads)


class _Tee:
    """Stream to the terminal, if there is one, and the log; progress bars go to the log as lines of their own."""

    def __init__(self, terminal: TextIO | None, log: TextIO) -> None:
        self.terminal, self.log = terminal, log
        self._bar, self._barred_s = "", 0.0

    def write(self, text: str) -> int:
        if text.startswith("\r"):
            self._write_bar(text)
        elif self._bar and text == "\n":  # the end of a bar
            self._write_bar(self._bar, is_last=True)
        else:
            if self.terminal:
                self.terminal.write(text)
            self.log.write(text)
        return len(text)

    def flush(self) -> None:
        if self.terminal:
            self.terminal.flush()

    def isatty(self) -> bool:
        return True  # otherwise tqdm draws no bars

    def _write_bar(self, text: str, is_last: bool = False) -> None:
        self._bar = "" if is_last else text
        if text.strip() and (is_last or time.monotonic() - self._barred_s >= _BAR_EVERY_S):
            self._barred_s = time.monotonic()
            self.log.write(f"{text.strip()}\n")
