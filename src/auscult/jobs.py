"""The frame of every workflow step around its library call: threads, log file, and errors in one line."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from threadpoolctl import threadpool_limits

from auscult.errors import AuscultError
from auscult.result_seals import check_results_of, seal_results

__all__ = ["job"]


@contextmanager
def job(log: str | Path, threads: int = 1) -> Iterator[None]:
    """Run one workflow step with a number of threads; messages go to the file ``log`` and to the terminal.

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
        sys.stdout = sys.stderr = _Tee(terminal, stream)
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
    """Stream to the terminal and the log; lines that overwrite each other (progress bars) go to the terminal only."""

    def __init__(self, terminal: TextIO, log: TextIO) -> None:
        self.terminal, self.log = terminal, log

    def write(self, text: str) -> int:
        self.terminal.write(text)
        if not text.startswith("\r"):
            self.log.write(text)
        return len(text)

    def flush(self) -> None:
        self.terminal.flush()

    def isatty(self) -> bool:
        return self.terminal.isatty()
