"""What changed in the shape of a dataset: features, kinds, channels, classes, splits, options of the spec.

A breaking change (distance 1) is one that a model trained on the one dataset cannot take from the other; a change of
options (0.5) is one that it can, and that may still explain why results differ.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from schemas.statistics import FeatureStatistics, Statistics

BREAKING = 1.0
OPTION = 0.5
Change = tuple[str, float, str, str]


def schema_changes(before: Statistics, after: Statistics) -> Iterator[Change]:
    """(place, distance, before, after) of every change."""
    for feature in before.features:
        other = after.feature(feature.name)
        if other is None:
            yield feature.name, BREAKING, f"{feature.source_kind} feature", "absent"
        else:
            yield from _feature(feature, other)
    for feature in after.features:
        if before.feature(feature.name) is None:
            yield feature.name, BREAKING, "absent", f"{feature.source_kind} feature"
    yield from _label(before, after)
    for split in before.splits:
        if split not in after.splits:
            yield f"split {split}", BREAKING, f"{before.splits[split]:,} rows", "absent"
    for split in after.splits:
        if split not in before.splits:
            yield f"split {split}", OPTION, "absent", f"{after.splits[split]:,} rows"
    yield from _options(before.spec, after.spec)


def _feature(before: FeatureStatistics, after: FeatureStatistics) -> Iterator[Change]:
    if before.source_kind != after.source_kind:
        yield before.name, BREAKING, before.source_kind, after.source_kind
        return
    old, new = _channels(before), _channels(after)
    if old != new and old is not None and new is not None:
        gone = ", ".join(sorted(set(old) - set(new))) or "none"
        added = ", ".join(sorted(set(new) - set(old))) or "none"
        yield f"{before.name} channels", BREAKING, f"{len(old)}; only here: {gone}", f"{len(new)}; only here: {added}"


def _channels(feature: FeatureStatistics) -> list[str] | None:
    found = next((split.channels for split in feature.splits.values() if split.channels), None)
    return [channel.name for channel in found] if found else None


def _label(before: Statistics, after: Statistics) -> Iterator[Change]:
    old = before.label.info if before.label else None
    new = after.label.info if after.label else None
    if (old.kind if old else None) != (new.kind if new else None):
        yield "label", BREAKING, old.kind if old else "absent", new.kind if new else "absent"
    elif old and new and old.classes != new.classes:
        yield "label classes", BREAKING, _some(old.classes or []), _some(new.classes or [])


def _some(names: list[str]) -> str:
    return ", ".join(names[:8]) + (f", ... ({len(names)})" if len(names) > 8 else "")


def _options(before: dict[str, Any], after: dict[str, Any]) -> Iterator[Change]:
    """Options of features that both have, and of batching and splits; channels are told above."""
    for name in sorted(set(before["features"]) & set(after["features"])):
        old, new = before["features"][name], after["features"][name]
        if old.get("kind") == new.get("kind"):
            yield from _keys(f"features.{name}", old, new, ("channels",))
    for part in ("batching", "splits", "duplicates"):
        yield from _keys("", {part: before.get(part)}, {part: after.get(part)}, ())


def _keys(place: str, old: dict[str, Any], new: dict[str, Any], without: tuple[str, ...]) -> Iterator[Change]:
    for key in sorted(set(old) | set(new)):
        a, b = old.get(key), new.get(key)
        at = f"{place}.{key}".lstrip(".")
        if key in without or a == b:
            continue
        if isinstance(a, dict) and isinstance(b, dict) and a.get("by") == b.get("by"):
            yield from _keys(at, a, b, ())
        else:
            yield f"spec {at}", OPTION, _value(a), _value(b)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {item}" for key, item in value.items() if item not in (None, "", False))
    return "not set" if value is None else str(value)
