"""Spans: the parts that data arrives in, found by a pattern and ordered by their names.

    pattern    spans/{span}/*.parquet
    files      spans/2026-11-07/a.parquet  spans/2026-11-07/b.parquet  spans/2026-11-08/a.parquet  spans/tmp/x.parquet
    spans      2026-11-07 (two files), 2026-11-08 (one); tmp is passed over: it is neither a date nor a number

A name is digits, or groups of digits such as 2026-11-07, 2026-W45 or 2026-11-07T03; all spans have the same number of
groups. The order is that of the numbers in the names, never of clocks, so that a late span finds its place.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.retraining.outcomes import SettingError

PLACE = "{span}"
_NAME = re.compile(r"\d+([-_.:TW]+\d+)*", re.ASCII)
SELECTION_HELP = "all, last:N, days:N (by date, counted back from the newest), from:SPAN, or FIRST..LAST"


@dataclass(frozen=True)
class Span:
    """One part of the data.

    Attributes:
      name: as it stands in the paths.
      order: the numbers in its name.
      files: its files, sorted.
    """

    name: str
    order: tuple[int, ...]
    files: tuple[Path, ...]


@dataclass(frozen=True)
class FoundSpans:
    """What a pattern names.

    Attributes:
      spans: in order.
      passed_over: what stands in the place of a span and is none.
    """

    spans: tuple[Span, ...]
    passed_over: tuple[str, ...]


def check_pattern(pattern: str) -> None:
    """Refuses a pattern that cannot name spans.

    Raises:
      SettingError: no {span} in it, or a path that is not local.
    """
    if PLACE not in pattern:
        raise SettingError(f"--input: received {pattern!r}, expected {PLACE} in it, such as 'spans/{PLACE}/*.parquet'")
    if "://" in pattern:
        raise SettingError(f"--input: received {pattern!r}, expected local paths; mount the store, or copy its spans")


def find_spans(pattern: str) -> FoundSpans:
    """Finds the files that match and groups them by span. Hidden files and markers such as _SUCCESS are no data.

    Args:
      pattern: a glob with {span} in it; where it stands twice, both must agree.

    Raises:
      SettingError: names that cannot be ordered together, or two names for one span.
    """
    check_pattern(pattern)
    matcher = _matcher(pattern)
    by_name: dict[str, list[Path]] = {}
    passed_over = set()
    for path in _glob(pattern.replace(PLACE, "*")):
        match = matcher.fullmatch(str(path))
        if match is None or not path.is_file() or path.name.startswith((".", "_")):
            continue
        name = match["span"]
        if _NAME.fullmatch(name):
            by_name.setdefault(name, []).append(path)
        else:
            passed_over.add(name)
    spans = [Span(name, order_of(name), tuple(sorted(files))) for name, files in by_name.items()]
    _check_order(spans)
    return FoundSpans(tuple(sorted(spans, key=lambda span: span.order)), tuple(sorted(passed_over)))


def order_of(name: str) -> tuple[int, ...]:
    """The numbers in a span's name."""
    return tuple(int(part) for part in re.findall(r"\d+", name))


def select_spans(spans: Sequence[Span], selection: str) -> tuple[Span, ...]:
    """The spans that a model is trained on.

    Args:
      spans: in order.
      selection: all, last:N, days:N, from:SPAN or FIRST..LAST.

    Raises:
      SettingError: another selection, or days of spans that are no dates.
    """
    kind, _, value = selection.partition(":")
    if selection == "all":
        return tuple(spans)
    if kind == "last" and value.isdigit() and int(value) > 0:
        return tuple(spans[-int(value) :])
    if kind == "days" and value.isdigit() and int(value) > 0:
        dates = {span.name: date_of(span) for span in spans}
        newest = max(dates.values(), default=datetime.date.min)
        return tuple(span for span in spans if (newest - dates[span.name]).days < int(value))
    if kind == "from" and _NAME.fullmatch(value):
        return tuple(span for span in spans if span.order >= order_of(value))
    first, dots, last = selection.partition("..")
    if dots and _NAME.fullmatch(first) and _NAME.fullmatch(last):
        return tuple(span for span in spans if order_of(first) <= span.order <= order_of(last))
    raise SettingError(f"--spans: received {selection!r}, expected {SELECTION_HELP}")


def date_of(span: Span) -> datetime.date:
    """The day of a span such as 2026-11-07, 2026-11-07T03 or 20261107.

    Raises:
      SettingError: its name is no date.
    """
    digits = "".join(re.findall(r"\d+", span.name))
    try:
        return datetime.datetime.strptime(digits[:8], "%Y%m%d").date()
    except ValueError as error:
        raise SettingError(
            f"--spans days:N: received the span {span.name!r}, expected dates such as 2026-11-07; last:N counts spans"
        ) from error


def _check_order(spans: Sequence[Span]) -> None:
    by_order: dict[tuple[int, ...], str] = {}
    for span in spans:
        if span.order in by_order:
            raise SettingError(f"spans {by_order[span.order]!r} and {span.name!r}: two names for one span; rename one")
        by_order[span.order] = span.name
    groups = {len(order): name for order, name in by_order.items()}
    if len(groups) > 1:
        shown = " and ".join(repr(name) for name in list(groups.values())[:2])
        raise SettingError(f"spans {shown} cannot be ordered; expected names of one form, all dates or all numbers")


def _matcher(pattern: str) -> re.Pattern[str]:
    """The regular expression that tells the span of a path that the pattern's glob found."""
    expression = ""
    named = False
    for part in re.split(r"(\{span\}|\*\*/|\*|\?|\[[^]]+\])", pattern):
        if part == PLACE:
            expression += "(?P=span)" if named else "(?P<span>[^/]+?)"
            named = True
        elif part == "**/":
            expression += "(?:.*/)?"
        elif part in ("*", "?"):
            expression += "[^/]" + ("*" if part == "*" else "")
        elif part.startswith("["):
            expression += part.replace("[!", "[^")
        else:
            expression += re.escape(part)
    return re.compile(expression.removeprefix(re.escape("./")))


def _glob(pattern: str) -> list[Path]:
    path = Path(pattern)
    root = Path(path.anchor) if path.is_absolute() else Path()
    return sorted(root.glob(str(path.relative_to(path.anchor)) if path.is_absolute() else str(path)))
