"""The gate: what must hold on the probes before a model is published.

  1. transformed    the exported graph, fed raw rows, gives the pipeline's transformed values, element by element
  2. predictions    the exported graph, fed raw rows, gives the trained model's predictions
  3. padding        a row's prediction is the same padded to its bucket, padded further, and with other padding content
  4. finite         every prediction is a finite number, also for a row without a single step

Each check stops at its first offender and names the probe, the place and both values.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from schemas.errors import LengthwiseError
from schemas.manifest import FeatureInfo
from trainer.serving.probes import Probe, pad_probes

# Rounding differs with the shape of a batch; a leak moves a probability by far more (MASKING.md: 0.02 to 0.9).
TOLERANCE = {"float32": 1e-5, "mixed_float16": 5e-3, "mixed_bfloat16": 2e-2}
ROWS_A_BATCH = 32
CONTENT_ROWS = 64

Predict = Callable[[Mapping[str, np.ndarray]], np.ndarray]


class GateError(LengthwiseError):
    """A model that must not be published."""


def check_transformed(exported: Any, probes: Sequence[Probe], features: Sequence[FeatureInfo]) -> int:
    """Compares transformed values, exactly.

    Args:
      exported: the `transformed` signature of the loaded SavedModel.
      probes: rows to send.
      features: the model's.

    Returns:
      Values compared.

    Raises:
      GateError: the first probe and place that differ.
    """
    compared = 0
    for start in range(0, len(probes), ROWS_A_BATCH):
        batch = probes[start : start + ROWS_A_BATCH]
        found = _call(exported, batch)
        for feature in features:
            for row, probe in enumerate(batch):
                expected = probe.values[feature.name]
                received = _real_steps(found, feature, row)
                compared += _compare(expected, received.reshape(-1, *expected.shape[1:]), feature.name, probe.key)
    return compared


def check_predictions(exported: Any, expected: np.ndarray, probes: Sequence[Probe], tolerance: float) -> float:
    """Compares predictions.

    Args:
      exported: the `serving_default` signature of the loaded SavedModel.
      expected: float32[probes, outputs], the trained model's own.
      probes: rows to send.
      tolerance: largest difference allowed.

    Returns:
      The largest difference.

    Raises:
      GateError: the first probe that differs by more.
    """
    largest = 0.0
    for start in range(0, len(probes), ROWS_A_BATCH):
        batch = probes[start : start + ROWS_A_BATCH]
        received = served_values(_call(exported, batch), expected.shape[1])
        largest = max(largest, _close("predictions", expected[start : start + len(batch)], received, batch, tolerance))
    return largest


def check_padding(
    predict: Predict,
    expected: np.ndarray,
    probes: Sequence[Probe],
    features: Sequence[FeatureInfo],
    tolerance: float,
) -> float:
    """Predicts the probes alone, padded three times as far, and with other content in the padding.

    Args:
      predict: the trained model.
      expected: float32[probes, outputs], predicted in batches.
      probes: rows to predict.
      features: the model's.
      tolerance: largest difference allowed.

    Returns:
      The largest difference.

    Raises:
      GateError: the first probe that moves by more.
    """
    largest = 0.0
    chosen = list(probes[:CONTENT_ROWS])
    for start in range(0, len(chosen), ROWS_A_BATCH):
        batch = chosen[start : start + ROWS_A_BATCH]
        rows = expected[start : start + len(batch)]
        longest = longest_of(batch, features)
        further = {name: 3 * length + 5 for name, length in longest.items()}
        for filling in (0.0, 7.0, math.nan):
            received = predict(pad_probes(batch, features, further, filling))
            largest = max(largest, _close("padding", rows, received, batch, tolerance))
    for index in range(0, len(chosen), max(1, len(chosen) // 8)):
        alone = [chosen[index]]
        received = predict(pad_probes(alone, features, longest_of(alone, features)))
        largest = max(largest, _close("alone", expected[index : index + 1], received, alone, tolerance))
    return largest


def check_finite(
    predict: Predict, expected: np.ndarray, probes: Sequence[Probe], features: Sequence[FeatureInfo]
) -> None:
    """Every prediction, and that of a row without steps, is a finite number.

    Raises:
      GateError: the first probe whose prediction is not.
    """
    for row in np.flatnonzero(~np.isfinite(expected).all(axis=1))[:1]:
        raise GateError(f"finite: probe {probes[row].key!r}: the prediction is {expected[row].tolist()}")
    if not probes:
        return
    lengthless = {f.name: probes[0].values[f.name][:0] if f.is_sequence else probes[0].values[f.name] for f in features}
    empty = Probe("(a row of length 0)", b"", lengthless)
    received = predict(pad_probes([empty], features, longest_of([empty], features)))
    if not np.isfinite(received).all():
        raise GateError(f"finite: probe {empty.key}: the prediction is {received[0].tolist()}")


def longest_of(probes: Sequence[Probe], features: Sequence[FeatureInfo]) -> dict[str, int]:
    """Padded lengths that just hold some probes, at least 1."""
    return {f.name: max([1, *(len(probe.values[f.name]) for probe in probes)]) for f in features if f.is_sequence}


def served_values(outputs: Mapping[str, np.ndarray], columns: int) -> np.ndarray:
    """The exported outputs as the trained model gives them: float32[rows, outputs].

    Args:
      outputs: of `serving_default`.
      columns: outputs of the trained model; a binary one gives the positive class alone.
    """
    if "prediction" in outputs:
        return outputs["prediction"][:, None]
    return outputs["probabilities"][:, 1:] if columns == 1 else outputs["probabilities"]


def _call(signature: Any, batch: Sequence[Probe]) -> dict[str, np.ndarray]:
    import tensorflow as tf

    return {name: value.numpy() for name, value in signature(tf.constant([probe.raw for probe in batch])).items()}


def _real_steps(found: Mapping[str, np.ndarray], feature: FeatureInfo, row: int) -> np.ndarray:
    values = found[feature.name][row]
    if not feature.is_sequence:
        return np.atleast_1d(values)
    length = int(found[f"{feature.name}_length"][row])
    return values[len(values) - length :] if feature.padding == "pre" else values[:length]


def _compare(expected: np.ndarray, received: np.ndarray, name: str, key: str) -> int:
    if len(expected) != len(received):
        raise GateError(
            f"transformed: probe {key!r}, feature {name!r}: the exported graph gives {len(received)} steps, the "
            f"pipeline {len(expected)}"
        )
    differing = np.argwhere(~((expected == received) | (np.isnan(expected) & np.isnan(received))))
    if len(differing):
        place = tuple(int(index) for index in differing[0])
        raise GateError(
            f"transformed: probe {key!r}, feature {name!r}, position {list(place)}: the exported graph gives "
            f"{received[place]!s}, the pipeline {expected[place]!s} ({len(differing)} of {expected.size} values differ)"
        )
    return int(expected.size)


def _close(check: str, expected: np.ndarray, received: np.ndarray, probes: Sequence[Probe], tolerance: float) -> float:
    scale = np.maximum(1.0, np.abs(expected))
    difference = np.abs(received.astype(np.float64) - expected) / scale
    bad = ~(difference <= tolerance)  # catches NaN too
    if bad.any():
        row = int(np.argwhere(bad)[0][0])
        words = {
            "predictions": "the exported graph gives",
            "padding": "padded further, the model gives",
            "alone": "alone in a batch, the model gives",
        }[check]
        raise GateError(
            f"{'padding' if check == 'alone' else check}: probe {probes[row].key!r}: {words} {received[row].tolist()}, "
            f"the model in its own bucket {expected[row].tolist()} (tolerance {tolerance:g})"
        )
    return float(difference.max()) if difference.size else 0.0
