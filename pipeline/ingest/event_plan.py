"""What an event table must deliver, derived once from the spec: which channel or column feeds which feature.

slot       number of a channel, for channel/value pairs: index into `EventPlan.slots`; -1 marks a row that only says
           that its entity exists
carried    a column that travels beside the events, under a name that tells its role: "series:hr", "feature:age",
           "label", "split"
"""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.ingest.inputs import Inputs
from pipeline.ingest.needs import column_of
from pipeline.ingest.plain import split_column_name
from schemas.errors import SpecError
from schemas.features import (
    AnyFeature,
    CategoryFeature,
    IdsFeature,
    NumberFeature,
    SeriesFeature,
    TextFeature,
    TokensFeature,
)
from schemas.source import Events
from schemas.spec import DatasetSpec
from schemas.splits import InputSplit, TimeSplit

MARKER = -1
LABEL_COLUMN = "label"
SPLIT_COLUMN = "split"


@dataclass(frozen=True)
class EventPlan:
    """Where everything in an event table goes.

    Attributes:
      events: the spec's events.
      slots: channel names by slot; empty for one column a channel.
      series: series feature -> its slots, or its columns' carried names.
      picked: number or category feature (or "label") -> the slot it is picked from.
      carried: carried name -> (input column, "number" | "text" | "integer" | "time").
      items: tokens or ids feature -> its carried name; one item an event.
      contexts: number, category or text feature -> its carried name.
      from_labels: features whose column stands in the label file.
      label_from_labels: whether the label does.
      split_from_labels: whether the column that the split goes by does.
      split_by_time: the split goes by the entity's own time column.
    """

    events: Events
    slots: tuple[str, ...]
    series: dict[str, tuple[int, ...] | tuple[str, ...]]
    picked: dict[str, int]
    carried: dict[str, tuple[str, str]]
    items: dict[str, str]
    contexts: dict[str, str]
    from_labels: tuple[str, ...]
    label_from_labels: bool
    split_from_labels: bool
    split_by_time: bool

    @property
    def pairs(self) -> bool:
        """Whether events are channel/value pairs."""
        return self.events.channel is not None


def plan_events(spec: DatasetSpec, inputs: Inputs) -> EventPlan:
    """Works the plan out.

    Raises:
      SpecError: a vector feature, which no single event can hold, or a spec without events.
    """
    events = spec.source.events
    if events is None:
        raise SpecError("source.events: missing; expected an event table")
    slots = _slots(spec) if events.channel is not None else ()
    series: dict[str, tuple[int, ...] | tuple[str, ...]] = {}
    picked: dict[str, int] = {}
    carried: dict[str, tuple[str, str]] = {}
    items: dict[str, str] = {}
    contexts: dict[str, str] = {}
    from_labels = []
    for name, feature in spec.features.items():
        if isinstance(feature, SeriesFeature):
            channels = feature.channels if isinstance(feature.channels, list) else []
            if events.channel is not None:
                series[name] = tuple(slots.index(channel) for channel in channels)
            else:
                series[name] = tuple(f"series:{channel}" for channel in channels)
                carried |= {f"series:{channel}": (channel, "number") for channel in channels}
        elif isinstance(feature, NumberFeature | CategoryFeature) and feature.channel is not None:
            picked[name] = slots.index(feature.channel)
        elif column_of(name, feature) in inputs.from_labels:
            from_labels.append(name)
        else:
            carried[f"feature:{name}"] = (column_of(name, feature), _role(name, feature))
            (items if isinstance(feature, TokensFeature | IdsFeature) else contexts)[name] = f"feature:{name}"
    label = spec.label
    if label is not None and label.channel is not None:
        picked[LABEL_COLUMN] = slots.index(label.channel)
    label_from_labels = label is not None and label.column is not None and label.column in inputs.from_labels
    if label is not None and label.column is not None and not label_from_labels:
        carried[LABEL_COLUMN] = (label.column, "number" if label.kind == "regression" else "text")
    column = split_column_name(spec)
    split_by_time = isinstance(spec.splits, TimeSplit) and column == events.time
    split_from_labels = column is not None and column in inputs.from_labels
    if isinstance(spec.splits, InputSplit):
        carried[SPLIT_COLUMN] = ("", "text")
    elif column is not None and not split_by_time and not split_from_labels:
        carried[SPLIT_COLUMN] = (column, "time" if isinstance(spec.splits, TimeSplit) else "text")
    return EventPlan(
        events=events,
        slots=slots,
        series=series,
        picked=picked,
        carried=carried,
        items=items,
        contexts=contexts,
        from_labels=tuple(from_labels),
        label_from_labels=label_from_labels,
        split_from_labels=split_from_labels,
        split_by_time=split_by_time,
    )


def _slots(spec: DatasetSpec) -> tuple[str, ...]:
    names: list[str] = []
    for feature in spec.features.values():
        if isinstance(feature, SeriesFeature) and isinstance(feature.channels, list):
            names += feature.channels
        elif isinstance(feature, NumberFeature | CategoryFeature) and feature.channel is not None:
            names.append(feature.channel)
    if spec.label is not None and spec.label.channel is not None:
        names.append(spec.label.channel)
    return tuple(dict.fromkeys(names))


def _role(name: str, feature: AnyFeature) -> str:
    if isinstance(feature, NumberFeature):
        return "number"
    if isinstance(feature, IdsFeature):
        return "integer"
    if isinstance(feature, CategoryFeature | TextFeature | TokensFeature):
        return "text"
    raise SpecError(
        f"features.{name}: a vector cannot be read from an event table; put its column in the label file, or "
        "make each of its values a number feature"
    )
