"""Which input columns a spec needs, what for, and whether a file may lack them.

Plain tables only need what features, label, key and splits name. In an event table, `group_by`, `time`, and `channel`
and `value` (or one column a channel) take the place of the series' own columns; a label or context column that the
event table lacks is looked for in the label file.
"""

from __future__ import annotations

from dataclasses import dataclass

from schemas.features import (
    CategoryFeature,
    Feature,
    IdsFeature,
    NumberFeature,
    SeriesFeature,
    TextFeature,
    TokensFeature,
    VectorFeature,
)
from schemas.spec import DatasetSpec
from schemas.splits import ColumnSplit, HashSplit, TimeSplit


@dataclass(frozen=True)
class Need:
    """One column of the input.

    Attributes:
      column: its name.
      use: what needs it, as messages say it ("features.text", "label", "key").
      required: whether every file must have it.
      shape: what its cells are to be, one of `raw.SHAPES`.
      kind: the feature kind that reads it; None for keys, labels, groups and times.
    """

    column: str
    use: str
    required: bool
    shape: str
    kind: str | None = None


SHAPES = {
    "text": "text",
    "category": "scalar",
    "tokens": "strings",
    "ids": "integers",
    "series": "series",
    "vector": "series",
    "number": "number",
}


def column_of(name: str, feature: Feature) -> str:
    """The input column of feature `name`."""
    return feature.column or name


def needed(spec: DatasetSpec) -> list[Need]:
    """Every column that `spec` reads, each once, those of the features first."""
    needs = _event_needs(spec) if spec.source.events is not None else _plain_needs(spec)
    needs += _common_needs(spec)
    first: dict[str, Need] = {}
    for need in needs:
        known = first.get(need.column)
        if known is None or (need.required and not known.required):
            first[need.column] = need
    return list(first.values())


def _plain_needs(spec: DatasetSpec) -> list[Need]:
    needs = []
    for name, feature in spec.features.items():
        use = f"features.{name}"
        needs.append(Need(column_of(name, feature), use, feature.required, SHAPES[feature.kind], feature.kind))
        if isinstance(feature, SeriesFeature) and feature.time is not None:
            needs.append(Need(feature.time, f"{use}.time", True, "scalars"))
    if spec.key is not None:
        needs.append(Need(spec.key, "key", True, "scalar"))
    return needs


def _event_needs(spec: DatasetSpec) -> list[Need]:
    events = spec.source.events
    if events is None:
        return []
    needs = [
        Need(events.group_by, "source.events.group_by", True, "scalar"),
        Need(events.time, "source.events.time", True, "scalar"),
    ]
    if events.channel is not None and events.value is not None:
        needs.append(Need(events.channel, "source.events.channel", True, "scalar"))
        needs.append(Need(events.value, "source.events.value", True, "scalar"))
    for name, feature in spec.features.items():
        use = f"features.{name}"
        if isinstance(feature, SeriesFeature):
            if events.channel is None and isinstance(feature.channels, list):
                needs += [Need(c, f"{use}.channels", True, "number", "number") for c in feature.channels]
        elif isinstance(feature, NumberFeature | CategoryFeature):
            if feature.channel is None:
                needs.append(Need(column_of(name, feature), use, feature.required, SHAPES[feature.kind], feature.kind))
        elif isinstance(feature, TokensFeature | IdsFeature):
            needs.append(Need(column_of(name, feature), use, True, "scalar"))
        elif isinstance(feature, TextFeature | VectorFeature):
            needs.append(Need(column_of(name, feature), use, feature.required, SHAPES[feature.kind], feature.kind))
    return needs


def _common_needs(spec: DatasetSpec) -> list[Need]:
    needs = []
    if spec.label is not None and spec.label.column is not None:
        shape = "number" if spec.label.kind == "regression" else "scalar"
        needs.append(Need(spec.label.column, "label", True, shape))
    splits = spec.splits
    if isinstance(splits, HashSplit) and splits.group is not None:
        needs.append(Need(splits.group, "splits.group", True, "scalar"))
    if isinstance(splits, TimeSplit | ColumnSplit):
        needs.append(Need(splits.column, "splits.column", True, "scalar"))
    return needs
