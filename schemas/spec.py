"""The dataset spec: one short YAML file is all that a user writes for a dataset.

name: imdb
key: id
features:
  text: {kind: text, tokenizer: words, vocabulary: {size: 20000}, max_length: {quantile: 0.99}}
label: {column: label, kind: binary}
splits: {train: 0.9, validation: 0.1}
batching: {buckets: 16, align: 8}
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from schemas.errors import SpecError
from schemas.features import AnyFeature, CategoryFeature, Label, NumberFeature, SequenceFeature, SeriesFeature
from schemas.source import Source
from schemas.splits import AnySplit, HashSplit
from schemas.strict import Strict, explain
from schemas.yaml_file import read_yaml

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
RESERVED_NAMES = ("key", "label", "split", "weight")


class Batching(Strict):
    """How lengths become buckets."""

    buckets: int = Field(16, ge=1, le=256, description="Largest number of padded shapes.")
    align: int = Field(8, ge=1, description="Padded lengths are multiples of this.")
    padding: Literal["post", "pre"] = Field("post", description="Side that is padded; post allows fused GPU kernels.")


class DatasetSpec(Strict):
    """Everything the pipeline needs to know of a dataset."""

    name: str = Field(description="Short name: letters, digits and _.")
    description: str = ""
    source: Source = Field(default_factory=Source)
    key: str | None = Field(None, description="Column that identifies a row; a hash of its content when absent.")
    features: dict[str, AnyFeature] = Field(min_length=1)
    label: Label | None = None
    splits: AnySplit = Field(default_factory=lambda: HashSplit(train=0.8, validation=0.1, test=0.1))
    duplicates: Literal["drop", "keep"] = Field(
        "drop", description="Rows with equal features and label: keep the first split's, or keep all."
    )
    max_rejected: float = Field(0.05, ge=0, le=1, description="Share of rejected rows past which the run fails.")
    batching: Batching = Field(default_factory=Batching)

    @model_validator(mode="after")
    def _names(self) -> DatasetSpec:
        for name in (self.name, *self.features):
            if not NAME.fullmatch(name):
                raise ValueError(f"received the name {name!r}, expected letters, digits and _ after a first letter")
        for name in self.features:
            if name in RESERVED_NAMES or name.endswith("_length"):
                raise ValueError(
                    f"received the feature name {name!r}, which Lengthwise uses itself; rename the feature and "
                    "name the input column with 'column:'"
                )
            if f"{name}_time" in self.features:
                raise ValueError(f"received features {name!r} and '{name}_time'; the second name is used by the first")
        return self

    @model_validator(mode="after")
    def _sequences(self) -> DatasetSpec:
        if not any(isinstance(feature, SequenceFeature) for feature in self.features.values()):
            raise ValueError(
                "features: expected at least one sequence (text, tokens, ids or series); "
                f"received only {', '.join(sorted({f.kind for f in self.features.values()}))}"
            )
        return self

    @model_validator(mode="after")
    def _events(self) -> DatasetSpec:
        events = self.source.events
        for name, feature in self.features.items():
            if isinstance(feature, NumberFeature | CategoryFeature) and feature.channel is not None:
                if events is None or events.channel is None:
                    raise ValueError(
                        f"features.{name}.channel: only an event table of channel/value pairs has channels; "
                        "use 'column'"
                    )
            if events is not None and isinstance(feature, SeriesFeature) and not isinstance(feature.channels, list):
                raise ValueError(f"features.{name}.channels: an event table needs the list of channel names")
        if events is None and self.label is not None and self.label.channel is not None:
            raise ValueError("label.channel: only an event table has channels; use 'column'")
        if events is not None and self.key not in (None, events.group_by):
            raise ValueError(
                f"key: received {self.key!r}, but events are grouped by {events.group_by!r}; leave 'key' out"
            )
        return self

    @property
    def sequence_names(self) -> tuple[str, ...]:
        """Names of the sequence features, in the spec's order."""
        return tuple(name for name, feature in self.features.items() if feature.is_sequence)

    def padding_of(self, name: str) -> str:
        """The side, "post" or "pre", on which sequence feature `name` is padded."""
        feature = self.features[name]
        side = feature.padding if isinstance(feature, SequenceFeature) else None
        return side or self.batching.padding

    def fingerprint(self) -> str:
        """SHA-256 of the spec's canonical JSON: equal specs, however written, have equal fingerprints."""
        canonical = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


def parse_spec(data: Any, origin: str = "the spec") -> DatasetSpec:
    """Checks a loaded mapping and makes a DatasetSpec of it.

    Args:
      data: what the YAML held.
      origin: how to name it in errors, usually the file's path.

    Raises:
      SpecError: with every wrong place, what was received, what was expected.
    """
    if not isinstance(data, Mapping):
        raise SpecError(f"{origin}: received {type(data).__name__}, expected a mapping with name, features and label")
    try:
        return DatasetSpec.model_validate(data)
    except ValidationError as error:
        raise SpecError(f"{origin} is not a usable dataset spec:\n{explain(error, DatasetSpec, data)}") from error


def load_spec(path: str | Path) -> DatasetSpec:
    """Reads a dataset spec from a YAML file.

    Raises:
      SpecError: no such file, not YAML, or not a usable spec.
    """
    shipped = ", ".join(sorted(p.name for p in Path(__file__).parent.glob("*.yaml")))
    data = read_yaml(path, "the spec", SpecError, f"shipped specs in schemas/: {shipped}")
    return parse_spec(data, str(path))
