"""Category features and class labels: any scalar as text, so that 1, 1.0 and "1" are one class."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.ingest.convert.numbers import flag_range
from pipeline.ingest.convert.scalars import as_text, mask_of, numbers
from pipeline.ingest.problems import Problems, received
from schemas.features import CategoryFeature, Label


def convert_category(name: str, feature: CategoryFeature, raw: pa.Array, problems: Problems) -> pa.StringArray:
    """string[rows], empty where missing.

    Args:
      name: the feature's name, for messages.
      feature: its spec.
      raw: strings, integers, booleans, or whole floats.
      problems: flagged with missing, type, not_allowed.
    """
    text, missing, bad = as_text(raw)
    problems.flag(bad, "type", f"{name}: expected a category: valid UTF-8 text, a whole number or true/false")
    if feature.required:
        problems.flag(missing, "missing", f"{name}: no category")
    if feature.allowed is not None:
        known = mask_of(pc.is_in(text, pa.array(feature.allowed, pa.string())))
        expected = received(feature.allowed, 200)
        problems.flag(
            ~known & ~missing,
            "not_allowed",
            lambda row: f"{name}: received {received(text[row].as_py())}, expected one of {expected}",
        )
    return text


def convert_label(label: Label, raw: pa.Array, problems: Problems) -> pa.Array:
    """string[rows] classes, or float64[rows] for regression.

    Args:
      label: the label's spec.
      raw: strings, integers, booleans or floats.
      problems: flagged with missing_label, type, label_domain.
    """
    name = f"label {label.column or label.channel}"
    if label.kind == "regression":
        values, null, bad = numbers(raw)
        problems.flag(bad, "type", f"{name}: expected a number")
        problems.flag(null | np.isnan(values), "missing_label", f"{name}: no value")
        problems.flag(np.isinf(values), "label_domain", f"{name}: infinite")
        label_range = Problems(len(raw))
        flag_range(name, label.minimum, label.maximum, values, label_range)
        if label_range.any:
            problems.flag(~label_range.good, "label_domain", lambda row: label_range.at(row)[1])
        return pa.array(values + 0.0)
    text, missing, bad = as_text(raw)
    problems.flag(bad, "type", f"{name}: expected a class: valid UTF-8 text, a whole number or true/false")
    problems.flag(missing, "missing_label", f"{name}: no value")
    if label.classes is not None:
        known = mask_of(pc.is_in(text, pa.array(label.classes, pa.string())))
        expected = received(label.classes, 200)
        problems.flag(
            ~known,
            "label_domain",
            lambda row: f"{name}: received {received(text[row].as_py())}, expected one of {expected}",
        )
    return text
