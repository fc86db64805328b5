"""``python -m auscult.cli``, for an environment without the command ``auscult``."""

from auscult.cli import main

main()
