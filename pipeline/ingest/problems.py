"""What is wrong with which row of a batch: the first problem found is the row's reject reason.

    problems = Problems(rows=4)
    problems.flag(bool[4] mask, "too_long", "text: 12 bytes, expected at most 10")
    problems.good          # bool[4], True where nothing was found

Reasons are few and fixed, so that they can be counted; the detail says what was received and what was expected.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

REASONS = {
    "malformed": "not a row at all: broken JSON, a CSV line with too few or too many cells",
    "missing": "no value for a required feature",
    "missing_key": "no key, so the row cannot be told from others",
    "missing_label": "no label, or none for this key in the label file",
    "missing_group": "no value in the column that the split goes by",
    "type": "a value of another type than the feature's",
    "encoding": "text that is not valid UTF-8",
    "not_finite": "NaN or infinity among the numbers",
    "range": "a number outside the spec's minimum and maximum",
    "not_allowed": "a category that the spec does not list",
    "size": "a vector, or a step of a series, with another number of values than the spec's",
    "time": "times that are missing, unreadable, or not in order",
    "too_short": "fewer steps than min_steps",
    "too_long": "more steps than max_steps",
    "label_domain": "a label outside the spec's classes or range",
    "label_conflict": "one key with two different labels",
    "group_conflict": "one key with two different values in the column that the split goes by",
    "unknown_split": "a value in the split column that the spec gives to no split",
    "unknown_channel": "an event of a channel that no feature names",
    "duplicate_key": "another row has the same key and other content",
}


class Problems:
    """Collects the first problem of every row of a batch."""

    def __init__(self, rows: int) -> None:
        self._code = np.zeros(rows, dtype=np.int16)
        self._found: list[tuple[str, str | Callable[[int], str]]] = []

    @property
    def good(self) -> np.ndarray:
        """bool[rows], True where no problem was found."""
        return self._code == 0

    @property
    def any(self) -> bool:
        """Whether any row has a problem."""
        return bool(self._found) and bool(self._code.any())

    def flag(self, rows: np.ndarray, reason: str, detail: str | Callable[[int], str]) -> None:
        """Marks the rows that had no problem so far.

        Args:
          rows: bool[rows], True where the problem is.
          reason: a key of REASONS.
          detail: what was received and expected, or a function of the row index that says so.

        Raises:
          ValueError: an unknown reason.
        """
        if reason not in REASONS:
            raise ValueError(f"received reason {reason!r}, expected one of {', '.join(REASONS)}")
        new = rows & (self._code == 0)
        if new.any():
            self._found.append((reason, detail))
            self._code[new] = len(self._found)

    def inherit(self, other: Problems, index: np.ndarray) -> None:
        """Takes over the problems of other things that these rows are made of.

        Args:
          other: their problems.
          index: int64[rows], which of them each row is made of; -1 for none.
        """
        theirs = np.append(other._code, 0)[index]
        new = (self._code == 0) & (theirs > 0)
        if new.any():
            self._code[new] = theirs[new] + len(self._found)
            self._found += [(reason, _redirected(detail, index)) for reason, detail in other._found]

    def at(self, row: int) -> tuple[str, str]:
        """(reason, detail) of a row that has a problem."""
        reason, detail = self._found[self._code[row] - 1]
        return reason, detail if isinstance(detail, str) else detail(row)


def _redirected(detail: str | Callable[[int], str], index: np.ndarray) -> str | Callable[[int], str]:
    return detail if isinstance(detail, str) else lambda row: detail(int(index[row]))


def received(value: object, limit: int = 60) -> str:
    """`value` as an error message quotes it, shortened."""
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."
