"""How the input files are laid out: one row an example (the default), or one row an event.

Long (event) format, rows in no order:

    group_by | time | channel | value            channel/value pairs (`channel` and `value` set)
    group_by | time | hr | temp | ...            one column a channel (`channel` and `value` absent)
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from schemas.strict import Strict


class Windows(Strict):
    """Rolling windows over each entity's events; all windows of an entity stay in one split."""

    size: float = Field(gt=0, description="Width in units of the time column (seconds for dates).")
    stride: float = Field(gt=0, description="Distance between window starts, same unit.")


class Events(Strict):
    """How events become sequences: group by key, order by time."""

    group_by: str
    time: str
    channel: str | None = None
    value: str | None = None
    equal_times: Literal["merge", "keep"] = Field(
        "merge",
        description="merge: one step a distinct time, several values of a channel resolved by `duplicates`; "
        "keep: one step an event.",
    )
    duplicates: Literal["last", "first", "mean", "min", "max"] = Field(
        "last",
        description="Which value counts when a channel has several at one time; first and last go by size, "
        "because files have no order.",
    )
    unknown_channels: Literal["ignore", "reject"] = Field(
        "ignore", description="Events of channels that no feature names: counted and left out, or rejected."
    )
    windows: Windows | None = None

    @model_validator(mode="after")
    def _pairs_are_whole(self) -> Events:
        if (self.channel is None) != (self.value is None):
            raise ValueError("'channel' and 'value' belong together: give both, or neither for one column a channel")
        return self


class Labels(Strict):
    """A second file that holds labels (and further context columns), joined by key."""

    path: str = Field(description="File or glob; relative to the input's folder, or to the spec's.")
    key: str = Field(description="Column of that file that matches the spec's key (or events.group_by).")
    format: Literal["auto", "parquet", "csv", "jsonl", "arrow", "tfrecord"] = "auto"


class Source(Strict):
    """Format of the input files and, for long format, how to group them."""

    format: Literal["auto", "parquet", "csv", "jsonl", "arrow", "tfrecord"] = Field(
        "auto", description="auto: by file name, also under .gz and .zst."
    )
    delimiter: str = Field(",", min_length=1, max_length=1, description="CSV only.")
    events: Events | None = None
    labels: Labels | None = None
