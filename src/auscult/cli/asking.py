"""Questions to the user for what a command line does not give."""

import sys
from collections.abc import Sequence
from typing import Any

import typer
import yaml

from auscult.errors import ConfigError

__all__ = ["ask", "parse_options"]


def ask(value: object | None, question: str, flag: str, default: str | None = None) -> str:
    """Return a given value, or the answer to a question.

    Parameters
    ----------
    value : value of the command line; None if it was not given
    question : text of the question
    flag : option or argument that gives the value, for the error
    default : answer to an empty line

    Raises
    ------
    ConfigError
        The value was not given, and nobody can be asked because the input is not a terminal.
    """
    if value is not None:
        return str(value)
    if not _can_ask():
        raise ConfigError(
            f"expected {flag} on the command line, since the input is no terminal where one could be asked, found none"
        )
    return str(typer.prompt(question, default=default))


def parse_options(given: Sequence[str]) -> dict[str, Any]:
    """Return options given as ``KEY=VALUE``; values are read as YAML, so that ``true`` and ``[a, b]`` can be given.

    Raises
    ------
    ConfigError
        An option has no ``=``, is given twice, or its value is not YAML.
    """
    options: dict[str, Any] = {}
    for entry in given:
        key, equals, value = entry.partition("=")
        if not (key and equals) or key in options:
            raise ConfigError(
                f"expected each option once as KEY=VALUE, such as language=dutch, found {entry!r}; correct it"
            )
        try:
            options[key] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise ConfigError(
                f"expected YAML as the value of option {key}, found {value!r}; put it in quotation marks"
            ) from None
    return options


def _can_ask() -> bool:
    return sys.stdin.isatty()
