"""`python -m pipeline.compare A B`: what changed from dataset A to dataset B, and whether it is too much.

exit status:
  0  nothing is past its fail threshold
  2  a usage error, or no dataset there
  3  at least one signal is past its fail threshold

`compare_statistics` is the same comparison as a function; the scheduled retraining calls it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.drift import (
    DEFAULT_THRESHOLDS,
    Comparison,
    Level,
    Measurement,
    Threshold,
    compare_statistics,
)
from schemas.errors import LengthwiseError, SpecError
from schemas.statistics import load_statistics
from schemas.strict import nearest_name

__all__ = [
    "DEFAULT_THRESHOLDS",
    "Comparison",
    "Measurement",
    "Threshold",
    "compare_statistics",
    "parse_thresholds",
]

OK, USAGE, PAST_THRESHOLDS = 0, 2, 3
_STYLES: dict[Level, str] = {"fail": "bold red", "warn": "yellow", "ok": "dim"}


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the comparison; returns the exit status above."""
    arguments = _parser().parse_args(argv)
    try:
        thresholds = parse_thresholds(arguments.threshold)
        comparison = compare_statistics(load_statistics(arguments.a), load_statistics(arguments.b), thresholds)
    except LengthwiseError as error:
        print(f"error: {error}", file=sys.stderr)
        return USAGE
    if arguments.json:
        print(json.dumps({"level": comparison.level} | comparison.model_dump(mode="json"), ensure_ascii=False))
    else:
        print_comparison(comparison, Console(), arguments.all)
    return PAST_THRESHOLDS if comparison.level == "fail" else OK


def _parser() -> argparse.ArgumentParser:
    listed = "\n".join(f"  {name:<11} {_shown(t.warn):>5} : {_shown(t.fail)}" for name, t in DEFAULT_THRESHOLDS.items())
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.compare",
        description=__doc__,
        epilog=f"signals and default thresholds (warn : fail), explained in pipeline/drift/comparison.py:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("a", metavar="A", help="the dataset before: its directory or its statistics.json")
    parser.add_argument("b", metavar="B", help="the dataset after")
    parser.add_argument(
        "--threshold",
        action="append",
        default=[],
        metavar="SIGNAL=FAIL",
        help="fail from this distance on; SIGNAL=WARN:FAIL sets both, SIGNAL=off none; repeatable",
    )
    parser.add_argument("--json", action="store_true", help="print everything measured as JSON")
    parser.add_argument("--all", action="store_true", help="also list what is within its thresholds")
    return parser


def _shown(value: float | None) -> str:
    return "never" if value is None else f"{value:g}"


def parse_thresholds(texts: Sequence[str]) -> dict[str, Threshold]:
    """Reads thresholds as the command line gives them.

    Args:
      texts: "lengths=0.1" (fails at 0.1, warns at the default or there), "lengths=0.05:0.1", "lengths=off".

    Raises:
      SpecError: an unknown signal or a value that is no distance.
    """
    found = {}
    for text in texts:
        signal, separator, value = text.partition("=")
        if signal not in DEFAULT_THRESHOLDS:
            near = nearest_name(signal, DEFAULT_THRESHOLDS)
            hint = f"did you mean {near!r}? " if near else ""
            raise SpecError(
                f"--threshold: received the signal {signal!r}; {hint}Known signals: {', '.join(DEFAULT_THRESHOLDS)}"
            )
        if value == "off":
            found[signal] = Threshold(warn=None, fail=None)
            continue
        warn, colon, fail = value.rpartition(":")
        try:
            limit = float(fail)
            default = DEFAULT_THRESHOLDS[signal].warn
            lower = float(warn) if colon else limit if default is None else min(default, limit)
        except ValueError as error:
            raise SpecError(_unusable(text)) from error
        if not separator or not 0 <= lower <= limit:
            raise SpecError(_unusable(text))
        found[signal] = Threshold(warn=lower, fail=limit)
    return found


def _unusable(text: str) -> str:
    return (
        f"--threshold: received {text!r}, expected SIGNAL=FAIL, SIGNAL=WARN:FAIL with 0 <= WARN <= FAIL, or SIGNAL=off"
    )


def print_comparison(comparison: Comparison, console: Console, everything: bool) -> None:
    """Prints what is past a threshold, or everything that was measured.

    Args:
      comparison: to print.
      console: where.
      everything: also what is within its thresholds.
    """
    if comparison.before == comparison.after:
        console.print("the same dataset: equal digests", highlight=False)
    levels: tuple[Level, ...] = ("fail", "warn", "ok") if everything else ("fail", "warn")
    shown = [measurement for level in levels for measurement in comparison.at(level)]
    if shown:
        console.print(_table(shown))
    numbers = {level: len(comparison.at(level)) for level in _STYLES}
    console.print(
        f"{len(comparison.measurements)} measured: {numbers['fail']} past the fail threshold, {numbers['warn']} past "
        f"the warn threshold, {numbers['ok']} within",
        highlight=False,
    )


def _table(measurements: list[Measurement]) -> Table:
    table = Table(box=box.SIMPLE)
    for column in ("", "signal", "where"):
        table.add_column(column)
    table.add_column("distance", justify="right")
    table.add_column("before")
    table.add_column("after")
    for m in measurements:
        distance = "" if m.signal == "schema" else f"{m.distance:.3f}"
        row = (m.level, m.signal, m.place, distance, m.before, m.after)
        table.add_row(*(Text(cell) for cell in row), style=_STYLES[m.level])
    return table


if __name__ == "__main__":
    sys.exit(main())
