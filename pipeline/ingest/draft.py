"""Drafts a dataset spec from a sample of the data, as YAML with a comment on every guess."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import yaml

from pipeline.ingest import formats
from pipeline.ingest.draft_features import divide_channels, feature_of, why_not
from pipeline.ingest.files import InputFile, find_files
from pipeline.ingest.needs import SHAPES
from pipeline.ingest.profile import Column, profile
from pipeline.ingest.raw import Request
from pipeline.ingest.roles import (
    EventRoles,
    find_events,
    find_key,
    find_label,
    gives_away,
    is_constant,
    quantity,
)
from schemas.errors import InputError
from schemas.spec import RESERVED_NAMES

SAMPLE_ROWS = 20_000
Line = tuple[str, Any, str]  # key, value, comment


def draft_spec(patterns: Sequence[str], labels: str | None = None, name: str | None = None) -> str:
    """A spec that runs as it is, as YAML text.

    Args:
      patterns: files, globs or directories; a sample is taken from the first file.
      labels: a label file to be joined by key.
      name: the data set's name; made from the file's name when None.

    Raises:
      InputError: files that cannot be read, or in which no sequence is found.
    """
    files = find_files(list(patterns), "auto", ",", by_split=False)
    columns = sample_columns(files[0])
    events = find_events(columns)
    label_columns = sample_columns(find_files([labels], "auto", ",", by_split=False)[0]) if labels else []
    lines: list[str] = [
        f"# Drafted from {files[0].path}: {columns[0].rows:,} rows looked at, every guess open to correction.",
        f"name: {name or _spec_name(files[0].path)}",
    ]
    if events is not None:
        lines += _draft_events(columns, events, labels, label_columns)
    else:
        lines += _draft_plain(columns, labels, label_columns)
    return "\n".join([*lines, ""])


def sample_columns(file: InputFile) -> list[Column]:
    """The facts about the first rows of a file, column by column."""
    head = formats.peek(file)
    if not head.has_rows:
        raise InputError(f"{file.path}: a header but no rows; expected rows to draft a spec from")
    shapes = {field.name: _reading_shape(field.type) for field in head.schema}
    parts, rows = [], 0
    for batch in formats.read(file, Request(shapes, SAMPLE_ROWS)):
        table = pa.table(dict(batch.columns))
        parts.append(table)
        rows += table.num_rows
        if rows >= SAMPLE_ROWS:
            break
    sample = pa.concat_tables(parts, promote_options="permissive").slice(0, SAMPLE_ROWS).combine_chunks()
    return [profile(field.name, _one(sample.column(field.name))) for field in sample.schema]


def _reading_shape(dtype: pa.DataType) -> str:
    """The shape to read a column with when nothing is known but its type."""
    if pa.types.is_list(dtype):
        leaf = dtype.value_type
        if pa.types.is_string(leaf):
            return SHAPES["tokens"]
        return SHAPES["ids"] if pa.types.is_integer(leaf) else SHAPES["series"]
    return "number" if pa.types.is_floating(dtype) or pa.types.is_integer(dtype) else "scalar"


def _one(column: pa.ChunkedArray) -> pa.Array:
    whole = column.combine_chunks()
    return whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole


def _draft_plain(columns: list[Column], labels: str | None, label_columns: list[Column]) -> list[str]:
    by_name = {column.name: column for column in columns}
    key = find_key(columns)
    lines = []
    if key is not None:
        lines.append(_line("key", key, "all different in the sample"))
    else:
        lines.append("# key: none found; the content of a row is its key")
    candidates = [column for column in columns if column.name != key]
    label, kind, label_lines = _label_of(candidates, labels, label_columns, by_name.get(key or ""))
    features, remarks = [], []
    for column in candidates:
        if column.name == label and not labels:
            continue
        answer = by_name.get(label or "")
        if answer is not None and gives_away(column, answer):
            remarks.append(
                f"# left out: {column.name}, which settles the label in every row looked at ({quantity(column)})"
            )
            continue
        feature = feature_of(column)
        if feature is None:
            remarks.append(f"# left out: {column.name} ({why_not(column)})")
        else:
            features.append((column.name, feature, quantity(column)))
    _need_a_sequence(features, columns)
    lines += [*_source_lines(None, label_lines), *_feature_lines(features), *remarks, *_label_lines(label, kind)]
    return [*lines, "splits: {train: 0.8, validation: 0.1, test: 0.1}", *_time_split_hint(columns)]


def _draft_events(
    columns: list[Column], events: EventRoles, labels: str | None, label_columns: list[Column]
) -> list[str]:
    by_name = {column.name: column for column in columns}
    group = by_name[events.group]
    rest = [
        column for column in columns if column.name not in (events.group, events.time, events.channel, events.value)
    ]
    constant = [column for column in rest if is_constant(column, group)]
    label, kind, label_lines = _label_of(constant, labels, label_columns, group)
    features: list[tuple[str, dict[str, Any], str]] = []
    remarks: list[str] = []
    if events.channel is not None:
        channels, picked = divide_channels(group, by_name[events.channel])
        series: dict[str, Any] = {"kind": "series", "channels": channels, "missing": "forward_fill"}
        features.append(("series", series | {"indicators": True, "time_delta": True}, f"{len(channels)} channels"))
        features += [
            (name, {"kind": "number", "channel": name, "required": False}, "at most once for each " + events.group)
            for name in picked
        ]
    else:
        numeric = [column for column in rest if column.shape == "number" and column not in constant]
        series = {"kind": "series", "channels": [column.name for column in numeric]}
        features.append(("series", series, f"{len(numeric)} channels"))
    for column in constant:
        if column.name == label:
            continue
        feature = feature_of(column)
        if feature is None or feature["kind"] not in ("number", "category"):
            remarks.append(f"# left out: {column.name} ({why_not(column)})")
        else:
            features.append((column.name, feature, quantity(column)))
    used = {name for name, _, _ in features} | {label} | set(series["channels"])
    remarks += [
        f"# left out: {column.name} (differs between the events of one {events.group}, and is no number)"
        for column in rest
        if column.name not in used and column not in constant
    ]
    lines = [*_source_lines(events, label_lines), *_feature_lines(features), *remarks, *_label_lines(label, kind)]
    return [*lines, "splits: {train: 0.8, validation: 0.1, test: 0.1}"]


def _label_of(
    candidates: list[Column], labels: str | None, label_columns: list[Column], key: Column | None
) -> tuple[str | None, str, dict[str, str]]:
    """(label column, its kind, the keys of source.labels)."""
    if labels is None:
        return *find_label(candidates), {}
    if key is None:
        raise InputError(
            f"{labels}: cannot be joined, since no key was found in the input; name one with 'key' in a spec"
        )
    plain = key.name.lower().replace("_", "")
    join = next((c for c in label_columns if c.name.lower().replace("_", "") == plain), None)
    known = set(key.values)
    join = join or next((c for c in label_columns if known & set(c.values)), None)
    if join is None:
        found = ", ".join(column.name for column in label_columns)
        raise InputError(f"{labels}: no column holds the values of {key.name!r}; columns found: {found}")
    label, kind = find_label([column for column in label_columns if column is not join])
    return label, kind, {"path": labels, "key": join.name}


def _need_a_sequence(features: list[tuple[str, dict[str, Any], str]], columns: list[Column]) -> None:
    """Raises an error where no feature is a sequence and none can be made one."""
    if any(feature["kind"] in ("text", "tokens", "ids", "series") for _, feature, _ in features):
        return
    lists = [place for place, (_, feature, _) in enumerate(features) if feature["kind"] == "vector"]
    for place in lists:  # lists of one length are sequences where there are no others
        features[place] = (features[place][0], {"kind": "series"}, features[place][2])
    if not lists:
        found = ", ".join(f"{column.name} ({column.shape})" for column in columns)
        raise InputError(
            f"no sequence found: expected a text, a list, or events of a key over time; columns found: {found}. Write "
            "the spec by hand if one of them is a sequence all the same"
        )


def _source_lines(events: EventRoles | None, labels: dict[str, str]) -> list[str]:
    lines = []
    if events is not None:
        roles = {"group_by": events.group, "time": events.time, "channel": events.channel, "value": events.value}
        lines.append("  events: " + _flow({name: value for name, value in roles.items() if value is not None}))
    if labels:
        lines.append("  labels: " + _flow(labels))
    return ["source:", *lines] if lines else []


def _feature_lines(features: list[tuple[str, dict[str, Any], str]]) -> list[str]:
    lines, taken = ["features:"], set(RESERVED_NAMES)
    for column, feature, comment in features:
        name = re.sub(r"\W+", "_", column, flags=re.ASCII).strip("_") or "feature"
        name = name if name[0].isalpha() else f"feature_{name}"
        name = f"{name}_value" if name in taken or name.endswith(("_length", "_time")) else name
        while name in taken:
            name += "_"
        taken.add(name)
        own = name == column or "channel" in feature or (column == "series" and "channels" in feature)
        named = feature if own else {"column": column} | feature
        lines.append("  " + _line(name, {"kind": named["kind"]} | named, comment))
    return lines


def _label_lines(label: str | None, kind: str) -> list[str]:
    if label is None:
        return ["# label: none found; name it here before training"]
    return [_line("label", {"column": label, "kind": kind}, "a guess by name and by values")]


def _time_split_hint(columns: list[Column]) -> list[str]:
    dates = next((column for column in columns if column.shape == "moment"), None)
    if dates is None:
        return []
    late = sorted(value for value in dates.values if value)
    moment = late[int(len(late) * 0.8)]
    return [f"# or by time: splits: {{by: time, column: {dates.name}, validation: {moment}}}"]


def _line(key: str, value: Any, comment: str) -> str:
    text = f"{key}: {_flow(value)}"
    return f"{text}  # {comment}" if comment else text


def _flow(value: Any) -> str:
    return yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10_000).removesuffix("\n...\n").strip()


def _spec_name(path: str) -> str:
    stem = re.split(r"[/\\]", path)[-1].split(".")[0]
    name = re.sub(r"\W+", "_", stem, flags=re.ASCII).strip("_")
    return name if name[:1].isalpha() else f"data_{name}".rstrip("_")
