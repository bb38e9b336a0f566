"""Which feature a column makes in a drafted spec, going by its profile."""

from __future__ import annotations

from collections import Counter
from typing import Any

from pipeline.ingest.profile import Column


def feature_of(column: Column) -> dict[str, Any] | None:
    """The feature a column makes; None when it makes none."""
    optional = {} if column.missing == 0 else {"required": False}
    nan = {"nan": "missing"} if column.has_nan else {}
    if column.shape == "vectors":
        return {"kind": "series"} | ({"channels": column.sizes[0]} if len(column.sizes) == 1 else {}) | nan | optional
    if column.shape == "list":
        if column.items == "text":
            return {"kind": "tokens", "max_length": {"quantile": 0.99}} | optional
        if column.items == "whole number" and column.low >= 0 and column.high > 1:
            return {"kind": "ids", "max_length": {"quantile": 0.99}} | optional
        if len(column.sizes) == 1 and column.sizes[0] > 0 and not column.missing and column.rows > 20:
            return {"kind": "vector", "size": column.sizes[0]}
        return {"kind": "series", "max_length": {"quantile": 0.99}} | nan | optional
    if column.shape == "text" and (column.words >= 4 or column.letters > 30):
        return {
            "kind": "text",
            "tokenizer": "words",
            "vocabulary": {"size": 20000},
            "max_length": {"quantile": 0.99},
        } | (optional)
    if column.shape == "truth" or (column.shape == "text" and column.distinct <= max(20, column.rows // 5)):
        return {"kind": "category"} | optional
    if column.shape == "number":
        if column.whole and column.distinct <= 10 and column.rows > 100:
            return {"kind": "category"} | optional
        return {"kind": "number"} | ({"required": False} if column.missing or column.has_nan else {})
    return None


def why_not(column: Column) -> str:
    """Why a column makes no feature, for a remark in the draft."""
    if column.shape == "moment":
        return "dates"
    if column.shape == "empty":
        return "no values, or of no known shape"
    return f"{column.distinct:,} different short texts in {column.rows:,} rows"


def divide_channels(group: Column, channel: Column) -> tuple[list[str], list[str]]:
    """(channels with several events for some key, channels with at most one for every key)."""
    counts = Counter(zip(group.values, channel.values, strict=True))
    several = {name for (_, name), count in counts.items() if count > 1 and name}
    once = {name for _, name in counts if name} - several
    enough = group.distinct >= 5 and several  # with few keys, a rare channel would pass for a static one
    often = {name for name in once if sum((key, name) in counts for key in set(group.values)) > group.distinct / 2}
    picked = often if enough else set()
    return sorted((several | once) - picked), sorted(picked)
