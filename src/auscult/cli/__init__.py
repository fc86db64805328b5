"""The command line ``auscult``: write, check, estimate, fetch, run and inspect a study. Snakemake does the work."""

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line."""
    from auscult.cli.app import app

    for stream in (sys.stdout, sys.stderr):
        # A terminal that is not UTF-8 shows escapes instead of ending the command.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    app(prog_name="auscult")
