"""Errors of several files, collected and raised together, so that one run names everything that has to be mended."""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TypeVar

from auscult.errors import AuscultError, CorpusError, StorageError

__all__ = ["Faults"]

_log = logging.getLogger(__name__)
_MAX_NAMED = 10
_Item = TypeVar("_Item")
_Value = TypeVar("_Value")


class Faults:
    """Errors that are raised together: one error as it is, several as one error with their number.

    The first ten are in the message; if there are more, all of them are in the log.
    """

    def __init__(self, what: str) -> None:
        """``what`` names the things that can be at fault, such as ``recordings``."""
        self.what = what
        self.n_checked = 0
        self.errors: list[AuscultError] = []
        self._lock = Lock()

    @contextmanager
    def check(self) -> Iterator[None]:
        """Keep an error of the block for later; errors of the disk are raised at once."""
        with self._lock:
            self.n_checked += 1
        try:
            yield
        except StorageError:
            raise
        except AuscultError as error:
            self.errors.append(error)

    def each(self, function: Callable[[_Item], _Value], items: Iterable[_Item]) -> list[_Value]:
        """Return the values of a function for all items; raise the errors of all items together.

        Raises
        ------
        AuscultError
            The function raised an error for one item or more.
        """
        values = []
        for item in items:
            with self.check():
                values.append(function(item))
        self.complain()
        return values

    def complain(self) -> None:
        """Raise what was kept, if anything; several errors of different classes become a :class:`CorpusError`."""
        if not self.errors:
            return
        self.errors.sort(key=str)  # threads finish in any order
        if len(self.errors) == 1:
            raise self.errors[0]
        if len(self.errors) > _MAX_NAMED:
            for error in self.errors:
                _log.error("%s", error)
        kinds = {type(error) for error in self.errors}
        kind = kinds.pop() if len(kinds) == 1 else CorpusError
        raise kind(self._message()) from None

    def _message(self) -> str:
        halves = [str(error).rpartition("; ") for error in self.errors]
        named = [head or advice for head, _, advice in halves[:_MAX_NAMED]]
        advice = dict.fromkeys(advice for head, _, advice in halves if head)
        n_more = len(self.errors) - _MAX_NAMED
        return (
            f"found faults in {len(self.errors)} of {self.n_checked} {self.what}: "
            + "; ".join(f"({number}) {text}" for number, text in enumerate(named, 1))
            + (f" and {n_more} more, all listed in the log" if n_more > 0 else "")
            + (f"; {'; or: '.join(advice)}" if advice else "")
        )
