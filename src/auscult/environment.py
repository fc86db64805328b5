"""The machine a command runs on: UTF-8 in every locale, and a cache that can be written to."""

import codecs
import locale
import os
import sys
import tempfile
from pathlib import Path

__all__ = ["use_utf8", "use_writable_cache"]


def use_utf8() -> None:
    """Start the running command again in Python's UTF-8 mode, if the locale has another encoding.

    In such a locale Python decodes names of files and texts differently, so folders in the study are not found, and
    messages cannot be printed. Must be called before anything else is done; the process keeps its number. Processes
    started later inherit the mode.
    """
    if os.name != "posix" or sys.flags.utf8_mode or codecs.lookup(locale.getencoding()).name == "utf-8":
        return
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, "PYTHONUTF8": "1"})


def use_writable_cache() -> None:
    """Let programs keep their caches in a temporary folder, if the user's own cannot be written to.

    Snakemake, for one, otherwise ends with a traceback where the home folder is missing or read-only, as on some
    clusters and in containers.
    """
    if os.name != "posix":
        return
    own = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    try:
        own.mkdir(parents=True, exist_ok=True)
        writable = os.access(own, os.W_OK)
    except OSError:
        writable = False
    if not writable:
        os.environ["XDG_CACHE_HOME"] = str(Path(tempfile.gettempdir(), f"auscult-cache-{os.getuid()}"))
