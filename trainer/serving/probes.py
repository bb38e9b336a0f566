"""The probes of a dataset: rows both raw and as the pipeline transformed them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from schemas.errors import InputError
from schemas.manifest import FeatureInfo, Manifest
from trainer.input.tf_example import read_example
from trainer.input.tfrecord import split_records


@dataclass(frozen=True)
class Probe:
    """One row.

    Attributes:
      key: its name in messages.
      raw: serialized tf.Example of raw features.
      values: feature -> int64[steps], float32[steps, channels], or a context feature's value(s), unpadded.
    """

    key: str
    raw: bytes
    values: Mapping[str, np.ndarray]


def read_probes(directory: Path, manifest: Manifest, features: Sequence[FeatureInfo]) -> list[Probe]:
    """Reads probes.tfrecord.

    Args:
      directory: of the dataset.
      manifest: of the dataset.
      features: those to read.

    Raises:
      InputError: missing or unreadable.
    """
    path = directory / manifest.probes
    probes = []
    try:
        for record in split_records(path.read_bytes(), path):
            content = read_example(record)
            values = {}
            for feature in features:
                value = content[feature.name].values().astype(feature.dtype)  # an empty list has no type of its own
                values[feature.name] = value.reshape(-1, feature.channels or 1) if feature.kind == "series" else value
            key = content["key"].parts[0].decode("utf-8", errors="replace")
            probes.append(Probe(key, content["raw"].parts[0], values))
    except (OSError, KeyError, IndexError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error}); preprocess again") from error
    return probes


def pad_probes(
    probes: Sequence[Probe], features: Sequence[FeatureInfo], lengths: Mapping[str, int], filling: float = 0.0
) -> dict[str, np.ndarray]:
    """Model inputs of some probes.

    Args:
      probes: the rows.
      features: the model's.
      lengths: padded length of every sequence feature; at least as long as its longest probe.
      filling: what stands in the padding of a series; ids are padded with 0, or with 1 where it is not 0.
    """
    inputs: dict[str, np.ndarray] = {}
    for feature in features:
        values = [probe.values[feature.name] for probe in probes]
        if not feature.is_sequence:
            shape: tuple[int, ...] = (
                (len(probes),) if feature.kind == "category" else (len(probes), feature.channels or 1)
            )
            inputs[feature.name] = np.stack(values).reshape(shape)
            continue
        steps = lengths[feature.name]
        is_ids = feature.kind == "ids"
        shape = (len(probes), steps) if is_ids else (len(probes), steps, feature.channels or 1)
        padding = int(filling != 0.0) if is_ids else filling
        padded = np.full(shape, padding, np.dtype(feature.dtype))
        for row, value in enumerate(values):
            place = slice(steps - len(value), steps) if feature.padding == "pre" else slice(0, len(value))
            padded[row, place] = value
        inputs[feature.name] = padded
        inputs[f"{feature.name}_length"] = np.array([len(value) for value in values], np.int64)
    return inputs
