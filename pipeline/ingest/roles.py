"""Guesses what each column of a sample is for: key, label, features; and whether rows are events.

A guess goes by name first and by values second. It is a draft for a person to read, and it must run as it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from pipeline.ingest.profile import Column

KEY_NAME = re.compile(r"^(id|key|uuid|guid|.*[_ ]?(id|key|uuid))$", re.IGNORECASE)
LABEL_NAMES = (
    "label", "target", "y", "class", "outcome", "sentiment", "category", "package", "speaker", "up", "death", "died",
    "survived", "churn", "fraud", "is_", "score", "rating",
)  # fmt: skip
TIME_NAME = re.compile(
    r"^(t|ts|time|timestamp|date|datetime|day|hour|minute|second|frame|step|tick|offset|index)s?$|_(time|at|ts|date)$",
    re.IGNORECASE,
)
CHANNEL_NAME = re.compile(
    r"^(channel|parameter|param|variable|var|measure|measurement|metric|sensor|signal|feature|item|code|event|type|name)s?$",
    re.IGNORECASE,
)
VALUE_NAME = re.compile(r"^(value|val|reading|result|amount|level|measurement|number)s?$", re.IGNORECASE)
MOST_CLASSES = 100


@dataclass(frozen=True)
class EventRoles:
    """The columns of an event table: group, time, and channel and value where events are pairs."""

    group: str
    time: str
    channel: str | None = None
    value: str | None = None


@dataclass(frozen=True)
class Roles:
    """What each column is for.

    Attributes:
      key: the column that identifies a row.
      label: the label's column.
      label_kind: binary, multiclass or regression.
      left_out: column -> why it is no feature.
    """

    key: str | None
    label: str | None
    label_kind: str
    left_out: dict[str, str] = field(default_factory=dict)


def find_key(columns: Sequence[Column]) -> str | None:
    """The column named like a key whose values are all there and all different; None without one."""
    for column in columns:
        unique = column.is_scalar and column.missing == 0 and column.distinct == column.rows
        if unique and KEY_NAME.match(column.name) and (column.shape == "text" or column.whole):
            return column.name
    return None


def find_label(columns: Sequence[Column]) -> tuple[str | None, str]:
    """(the likeliest label column, its kind): by name, else the last column with few values."""
    ranked = []
    for place, column in enumerate(columns):
        kind = label_kind(column)
        if kind is not None:
            name = column.name.lower().replace("-", "_")
            by_name = next((rank for rank, known in enumerate(LABEL_NAMES) if _named(name, known)), len(LABEL_NAMES))
            if kind == "regression" and by_name == len(LABEL_NAMES):
                continue
            ranked.append((by_name, kind != "binary", -place, column.name, kind))
    return min(ranked)[3:] if ranked else (None, "binary")


def label_kind(column: Column) -> str | None:
    """What kind of label a column could be; None when it could be none."""
    if not column.is_scalar or column.shape == "moment" or column.distinct < 2:
        return None
    if column.distinct == 2:
        return "binary"
    few = column.distinct <= min(MOST_CLASSES, max(10, column.rows // 5))
    if few and (column.shape == "text" and column.words <= 4 or column.whole):
        return "multiclass"
    return "regression" if column.shape == "number" else None


def gives_away(column: Column, label: Column) -> bool:
    """Whether a column with few values settles the label in every row, as a rating does for a sentiment."""
    if not column.values or not label.values or column.distinct > 20 or column.distinct < 2 or column.rows < 50:
        return False
    seen: dict[str, str] = {}
    return all(
        seen.setdefault(value, answer) == answer for value, answer in zip(column.values, label.values, strict=True)
    )


def find_events(columns: Sequence[Column]) -> EventRoles | None:
    """The roles of an event table; None when rows look like examples.

    An event table has scalars only, a column like a key whose values repeat, and a time that differs within it.
    """
    if any(column.shape in ("list", "vectors") or column.words > 8 for column in columns):
        return None
    times = [c for c in columns if (TIME_NAME.search(c.name) or c.shape == "moment") and c.distinct > 1]
    groups = [c for c in columns if c.is_scalar and 0 < c.distinct <= c.rows / 2 and c.missing == 0]
    named = [c for c in groups if KEY_NAME.match(c.name)]
    for time in (c for c in times if c.shape in ("number", "moment")):
        candidates = [c for c in (named or groups[:1]) if c is not time and _orders(c, time)]
        if not candidates:
            continue
        group = candidates[0]
        rest = [c for c in columns if c is not group and c is not time]
        value = next((c for c in rest if VALUE_NAME.match(c.name) and c.shape == "number"), None)
        channel = next((c for c in rest if CHANNEL_NAME.match(c.name) and c.shape == "text"), None)
        if value is not None and channel is not None:
            return EventRoles(group.name, time.name, channel.name, value.name)
        if any(c.shape == "number" and not is_constant(c, group) for c in rest):
            return EventRoles(group.name, time.name)
    return None


def is_constant(column: Column, group: Column) -> bool:
    """Whether a column has one value for each value of `group`."""
    seen: dict[str, str] = {}
    return all(seen.setdefault(key, value) == value for key, value in zip(group.values, column.values, strict=True))


def _orders(group: Column, time: Column) -> bool:
    """Whether there are mostly different times within a group, or at least several."""
    pairs = len(set(zip(group.values, time.values, strict=True)))
    return pairs >= min(2 * group.distinct, group.rows)


def _named(name: str, known: str) -> bool:
    if known.endswith("_"):
        return name.startswith(known)
    return name == known or name.endswith(f"_{known}") or (len(known) > 4 and known in name)


def quantity(column: Column) -> str:
    """A few words on a column's values, for a comment in the draft."""
    parts = []
    if column.shape == "text":
        parts.append(f"{column.words:.0f} words on average, at most {column.longest:,}")
    if np.isfinite(column.low):
        parts.append(f"{column.low:g} to {column.high:g}")
    if column.shape in ("list", "vectors"):
        parts.append(f"at most {column.longest:,} steps")
    if column.is_scalar and column.shape != "text" or column.distinct <= 20:
        parts.append(f"{column.distinct:,} distinct" if column.distinct else "")
    if column.missing:
        parts.append(f"{column.missing / column.rows:.1%} missing")
    return ", ".join(part for part in parts if part)
