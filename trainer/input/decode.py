"""What a record of a shard holds.

The records are padded by the pipeline, so that every feature of a bucket has one static shape and a batch of
records is parsed in one call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from schemas.errors import InputError
from schemas.manifest import FeatureInfo, Manifest
from trainer.input.parse import Field

KEY = "key"
LABEL = "label"


def select_features(manifest: Manifest, names: Sequence[str] | None) -> list[FeatureInfo]:
    """The features that the model reads, in the dataset's order.

    Args:
      manifest: of the dataset.
      names: as the user gave them; all features when None.

    Raises:
      InputError: a name that the dataset does not have, or no sequence among them.
    """
    known = [feature.name for feature in manifest.features]
    unknown = [name for name in names or () if name not in known]
    if unknown:
        raise InputError(
            f"features: received {', '.join(unknown)}; the dataset {manifest.name!r} has {', '.join(known)}"
        )
    chosen = [feature for feature in manifest.features if names is None or feature.name in names]
    if not any(feature.is_sequence for feature in chosen):
        sequences = ", ".join(feature.name for feature in manifest.sequence_features)
        raise InputError(
            f"features: received {', '.join(names or ())}, expected at least one sequence; the dataset has {sequences}"
        )
    return chosen


def row_shape(feature: FeatureInfo, lengths: Mapping[str, int]) -> tuple[int, ...]:
    """Shape of one row of a feature in a batch: (steps,), (steps, channels), (channels,) or () for a category."""
    if feature.is_sequence:
        steps = lengths[feature.name]
        return (steps,) if feature.kind == "ids" else (steps, feature.channels or 1)
    return () if feature.kind == "category" else (feature.channels or 1,)


def record_fields(manifest: Manifest, features: Sequence[FeatureInfo], lengths: Mapping[str, int]) -> dict[str, Field]:
    """What every record of one shape holds, by name."""
    fields = {KEY: Field("bytes", ())}
    for feature in features:
        fields[feature.name] = Field(feature.dtype, row_shape(feature, lengths))
        if feature.is_sequence:
            fields[f"{feature.name}_length"] = Field("int64", ())
    if manifest.label is not None:
        fields[LABEL] = Field("float32" if manifest.label.kind == "regression" else "int64", ())
    return fields


def empty_rows(
    manifest: Manifest, features: Sequence[FeatureInfo], lengths: Mapping[str, int]
) -> dict[str, np.ndarray]:
    """Arrays of no rows in the shapes and types that parsing gives, for a shape that a split has no row of."""
    dtypes = {"int64": np.int64, "float32": np.float32, "bytes": object}
    return {
        name: np.zeros((0, *field.shape), dtypes[field.dtype])
        for name, field in record_fields(manifest, features, lengths).items()
    }
