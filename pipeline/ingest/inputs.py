"""What is known of the input before any worker starts: files, columns, and the few facts that need a look inside.

    inputs = discover(spec, ["data/*.parquet"], labels=None)

Every file is opened and its head is read here, so that a missing column, an empty or unreadable file or a column of a
wrong type is refused in a second, by name, and not in the middle of a job.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pyarrow as pa
from apache_beam.io.filesystems import FileSystems

from pipeline.ingest import formats
from pipeline.ingest.convert.moments import holds_moments
from pipeline.ingest.files import InputFile, find_files
from pipeline.ingest.fitness import channels_in, check_types
from pipeline.ingest.needs import Need, needed
from pipeline.ingest.raw import Peek
from schemas.errors import InputError
from schemas.features import SeriesFeature
from schemas.spec import DatasetSpec
from schemas.splits import HashSplit, InputSplit, TimeSplit
from schemas.strict import nearest_name

PEEK_THREADS = 8


@dataclass(frozen=True)
class Inputs:
    """The input, found and looked into; small, and sent to every worker.

    Attributes:
      files: the files with rows or events, by sorted path; `files[i].index == i`.
      pieces: for each file, the row counts of its independently readable parts; empty for one part.
      label_files: the files of source.labels; empty without.
      label_pieces: the same for them.
      from_labels: the needed columns that stand in the label files.
      moments: the time columns that hold dates or timestamps, not plain numbers.
      channels: values a step found in the data, for series features of plain tables that do not say.
      patterns: what the user gave.
    """

    files: tuple[InputFile, ...]
    pieces: tuple[tuple[int, ...], ...]
    label_files: tuple[InputFile, ...] = ()
    label_pieces: tuple[tuple[int, ...], ...] = ()
    from_labels: frozenset[str] = frozenset()
    moments: frozenset[str] = frozenset()
    channels: dict[str, int] = field(default_factory=dict)
    patterns: tuple[str, ...] = ()

    @property
    def size_bytes(self) -> int:
        """Bytes of all files with rows, as stored."""
        return sum(file.size_bytes for file in self.files)

    def describe(self) -> dict[str, object]:
        """Patterns and files with sizes, as the manifest records them."""
        return {
            "patterns": list(self.patterns),
            "files": [{"path": file.path, "bytes": file.size_bytes} for file in (*self.files, *self.label_files)],
        }


def without_label(spec: DatasetSpec) -> DatasetSpec:
    """The spec for rows that are only predicted: no label, no split, no search for duplicates."""
    update = {"label": None, "splits": HashSplit(train=1.0), "duplicates": "keep"}
    return spec.model_copy(update=update)


def discover(spec: DatasetSpec, patterns: Sequence[str], labels: str | None = None, labelled: bool = True) -> Inputs:
    """Finds the input files, opens each, and checks its columns against the spec.

    Args:
      spec: the dataset spec.
      patterns: paths, globs or directories; 'train=...' and so on when the spec splits by input.
      labels: the label file (or glob), in place of the one that spec.source.labels names.
      labelled: False looks for no label and no split; the label file is read only when it holds features.

    Raises:
      InputError: nothing matches, a file is empty or unreadable, a column is missing or of a wrong type, or no file has
        a row.
      SpecError: the spec asks for what no input can give.
    """
    spec = spec if labelled else without_label(spec)
    source = spec.source
    files = find_files(list(patterns), source.format, source.delimiter, isinstance(spec.splits, InputSplit))
    peeks = _peek_all(files)
    label_files: tuple[InputFile, ...] = ()
    label_peeks: list[Peek] = []
    present = {name for peek in peeks for name in peek.schema.names}
    if source.labels is not None and (labelled or not {need.column for need in needed(spec)} <= present):
        path = labels or _label_pattern(source.labels.path, files)
        label_files = find_files([path], source.labels.format, source.delimiter, by_split=False)
        label_peeks = _peek_all(label_files)
        _check_columns(label_files, label_peeks, [Need(source.labels.key, "source.labels.key", True, "scalar")])
    elif labels is not None and source.labels is None:
        raise InputError(
            f"received the label file {labels}, but the spec has no source.labels; name its key column there"
        )
    needs = needed(spec)
    from_labels = _found_in_labels(needs, peeks, label_files, label_peeks)
    own = [need for need in needs if need.column not in from_labels]
    _check_columns(files, peeks, own)
    _check_columns(label_files, label_peeks, [need for need in needs if need.column in from_labels])
    if not any(peek.has_rows for peek in peeks):
        raise InputError(
            f"{', '.join(file.path for file in files[:5])}: a header but no rows; expected at least one row"
        )
    check_types(spec, own, files, peeks)
    return Inputs(
        files=files,
        pieces=tuple(peek.pieces for peek in peeks),
        label_files=label_files,
        label_pieces=tuple(peek.pieces for peek in label_peeks),
        from_labels=from_labels,
        moments=frozenset(_moment_columns(spec, [*peeks, *label_peeks])),
        channels=_channels_found(spec, [*peeks, *label_peeks]),
        patterns=tuple(patterns),
    )


def _peek_all(files: Sequence[InputFile]) -> list[Peek]:
    if not files:
        return []
    with ThreadPoolExecutor(min(PEEK_THREADS, len(files))) as pool:
        futures = [pool.submit(formats.peek, file) for file in files]
        peeks, errors = [], []
        for future in futures:
            try:
                peeks.append(future.result())
            except InputError as error:
                errors.append(error)
    if errors:
        raise InputError("\n".join(str(error) for error in errors)) from errors[0]
    return peeks


def _label_pattern(path: str, files: Sequence[InputFile]) -> str:
    """`path` as it is, or beside the first input file."""
    if FileSystems.get_scheme(path) is not None or posixpath.isabs(path):
        return path
    beside = posixpath.join(posixpath.dirname(files[0].path), path)
    return beside if FileSystems.match([beside])[0].metadata_list else path


def _found_in_labels(
    needs: Sequence[Need], peeks: Sequence[Peek], files: Sequence[InputFile], label_peeks: Sequence[Peek]
) -> frozenset[str]:
    if not files:
        return frozenset()
    present = {name for peek in peeks for name in peek.schema.names}
    in_labels = {name for peek in label_peeks for name in peek.schema.names}
    return frozenset(need.column for need in needs if need.column not in present and need.column in in_labels)


def _check_columns(files: Sequence[InputFile], peeks: Sequence[Peek], needs: Sequence[Need]) -> None:
    """Every file with rows has the required columns, and the others stand in one of them at least."""
    problems = []
    for need in needs:
        lacking = [
            (file, peek)
            for file, peek in zip(files, peeks, strict=True)
            if need.column not in peek.schema.names and (peek.has_rows or peek.schema.names)
        ]
        if not lacking or (not need.required and len(lacking) < len(files)):
            continue
        file, peek = lacking[0]
        near = nearest_name(need.column, peek.schema.names)
        hint = f"; did you mean {near!r}?" if near else ";"
        more = f" (and {len(lacking) - 1} more files)" if len(lacking) > 1 else ""
        problems.append(
            f"{file.path}{more}: no column {need.column!r}, which {need.use} needs{hint} "
            f"Columns found: {', '.join(peek.schema.names) or 'none'}"
        )
    if problems:
        raise InputError("\n".join(problems))


def _moment_columns(spec: DatasetSpec, peeks: Sequence[Peek]) -> list[str]:
    columns = [f.time for f in spec.features.values() if isinstance(f, SeriesFeature) and f.time is not None]
    if spec.source.events is not None:
        columns.append(spec.source.events.time)
    if isinstance(spec.splits, TimeSplit):
        columns.append(spec.splits.column)
    samples = [(c, p.sample.column(c)) for c in columns for p in peeks if c in p.sample.column_names]
    return [c for c, sample in samples if len(sample) and holds_moments(_one(sample))]


def _channels_found(spec: DatasetSpec, peeks: Sequence[Peek]) -> dict[str, int]:
    found = {}
    for name, feature in spec.features.items():
        if isinstance(feature, SeriesFeature) and feature.channels is None:
            column = feature.column or name
            sizes = [channels_in(_one(p.sample.column(column))) for p in peeks if column in p.sample.column_names]
            found[name] = next((size for size in sizes if size is not None), 1)
    return found


def _one(column: pa.ChunkedArray) -> pa.Array:
    whole = column.combine_chunks()
    return whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole
