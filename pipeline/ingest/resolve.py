"""The spec with what only the data can tell filled in, so that the transform graph can be built before reading."""

from __future__ import annotations

from pipeline.ingest.inputs import Inputs
from pipeline.ingest.splitting import time_boundaries
from schemas.errors import InputError, SpecError
from schemas.features import SeriesFeature
from schemas.spec import DatasetSpec
from schemas.splits import HashSplit, TimeSplit


def resolve_spec(spec: DatasetSpec, inputs: Inputs) -> DatasetSpec:
    """Fills in the channels of series that do not name them, and checks what needs both spec and data.

    Args:
      spec: the dataset spec as written.
      inputs: what `discover` found for it.

    Returns:
      A spec in which every series feature has `channels`.

    Raises:
      SpecError: a time_delta without times, or split boundaries that are no times.
      InputError: split boundaries of another kind than the split column.
    """
    features = dict(spec.features)
    for name, feature in spec.features.items():
        if not isinstance(feature, SeriesFeature):
            continue
        if feature.channels is None:
            features[name] = feature.model_copy(update={"channels": inputs.channels[name]})
        if spec.source.events is None and feature.time_delta and feature.time is None:
            raise SpecError(
                f"features.{name}.time_delta: needs the times of the steps; name their list column with 'time:', or "
                "remove time_delta"
            )
        if spec.source.events is None and feature.resample is not None and feature.time is None:
            raise SpecError(f"features.{name}.resample: needs the times of the steps; name their column with 'time:'")
    if isinstance(spec.splits, HashSplit) and spec.splits.stratify:
        if spec.label is None or spec.label.kind == "regression":
            kind = "no label" if spec.label is None else "a regression label"
            raise SpecError(f"splits.stratify: needs the classes of a label, received {kind}; remove stratify")
    if isinstance(spec.splits, TimeSplit):
        _check_boundaries(spec.splits, inputs)
    return spec.model_copy(update={"features": features})


def _check_boundaries(splits: TimeSplit, inputs: Inputs) -> None:
    moments = splits.column in inputs.moments
    if any(is_moment != moments for _, is_moment in time_boundaries(splits).values()):
        column, boundary = ("dates", "numbers") if moments else ("numbers", "dates")
        raise InputError(
            f"splits: column {splits.column!r} holds {column}, but the boundaries are {boundary}; expected one kind"
        )
