"""Input files: what the patterns name, which format each file has, and how its bytes are opened.

    pattern       a path, a glob, or a directory, on any filesystem that Beam opens; 'train=...' for separate inputs
    format        parquet, csv, jsonl, arrow or tfrecord, by the name's suffix unless the spec says it
    compression   gzip or zstd, by a last suffix .gz or .zst

Files are sorted by path and numbered in that order; a file matched twice counts once.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from schemas.errors import InputError
from schemas.splits import SPLIT_NAMES
from schemas.strict import nearest_name

SUFFIXES = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".arrows": "arrow",
    ".tfrecord": "tfrecord",
    ".tfrecords": "tfrecord",
}
COMPRESSIONS = {".gz": "gzip", ".gzip": "gzip", ".zst": "zstd", ".zstd": "zstd"}
SUFFIX_HELP = "known suffixes: .parquet, .csv, .tsv, .jsonl, .arrow, .feather, .tfrecord, also under .gz and .zst"


@dataclass(frozen=True)
class InputFile:
    """One input file, known to exist.

    Attributes:
      index: its number among the input files, by sorted path.
      size_bytes: as the filesystem reports it (compressed size for .gz and .zst).
      split: the split all its rows belong to, when each split has inputs of its own.
    """

    index: int
    path: str
    format: str
    compression: str | None
    size_bytes: int
    delimiter: str = ","
    split: str | None = None


def format_of(path: str) -> tuple[str | None, str | None]:
    """(format, compression) that the suffixes of `path` tell; None where they tell nothing."""
    stem, suffix = posixpath.splitext(path.lower())
    compression = COMPRESSIONS.get(suffix)
    if compression is not None:
        suffix = posixpath.splitext(stem)[1]
    return SUFFIXES.get(suffix), compression


def find_files(patterns: list[str], source_format: str, delimiter: str, by_split: bool) -> tuple[InputFile, ...]:
    """The input files that `patterns` name, sorted by path.

    Args:
      patterns: paths, globs or directories; each prefixed 'train=', 'validation=' or 'test=' when `by_split`.
      source_format: a format's name, or "auto" to go by suffix.
      delimiter: between the cells of CSV files; a .tsv file has tabs when this is the default comma.
      by_split: each pattern names the split of its files.

    Raises:
      InputError: a pattern that matches nothing, a file without bytes, or one of no known format.
    """
    if not patterns:
        raise InputError("received no input; give at least one file, glob or directory")
    found: dict[str, tuple[int, str | None]] = {}
    for pattern in patterns:
        split, pattern = _split_prefix(pattern) if by_split else (None, pattern)
        for path, size in _match(pattern):
            if path in found and found[path][1] != split:
                raise InputError(
                    f"{path}: named as input of both {found[path][1]} and {split}; expected one split a file"
                )
            found[path] = (size, split)
    empty = [path for path, (size, _) in sorted(found.items()) if size == 0]
    if empty:
        raise InputError(f"{', '.join(empty)}: empty (0 bytes); expected rows. Remove the file or write it again")
    files = []
    for index, (path, (size, split)) in enumerate(sorted(found.items())):
        by_suffix, compression = format_of(path)
        file_format = by_suffix if source_format == "auto" else source_format
        if file_format is None:
            raise InputError(
                f"{path}: cannot tell its format from the name ({SUFFIX_HELP}); set source.format in the spec"
            )
        tabs = delimiter == "," and ".tsv" in path.lower()
        files.append(InputFile(index, path, file_format, compression, size, "\t" if tabs else delimiter, split))
    return tuple(files)


def open_stream(file: InputFile) -> pa.NativeFile:
    """The file's decompressed bytes, readable from front to back."""
    raw = _open_raw(file.path)
    return pa.CompressedInputStream(raw, file.compression) if file.compression else raw


def open_seekable(file: InputFile) -> pa.NativeFile:
    """The file's decompressed bytes with random access; a compressed file is held in memory whole."""
    if file.compression is None:
        return _open_raw(file.path)
    with open_stream(file) as stream:
        return pa.BufferReader(stream.read())


def _open_raw(path: str) -> pa.NativeFile:
    if FileSystems.get_scheme(path) is None:
        return pa.OSFile(path, "rb")
    return pa.PythonFile(FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED), mode="r")


def _split_prefix(pattern: str) -> tuple[str, str]:
    split, equals, rest = pattern.partition("=")
    if not equals or split not in SPLIT_NAMES:
        raise InputError(
            f"received input {pattern!r}; the spec says splits: {{by: input}}, so expected 'train=...', "
            "'validation=...' or 'test=...'"
        )
    return split, rest


def _match(pattern: str) -> list[tuple[str, int]]:
    """(path, size in bytes) of the files `pattern` names; hidden ones and markers such as _SUCCESS are passed over."""
    try:
        metadata = FileSystems.match([pattern])[0].metadata_list
        if not metadata or (len(metadata) == 1 and _is_directory(metadata[0].path)):
            metadata = FileSystems.match([pattern.rstrip("/") + "/*"])[0].metadata_list
    except (OSError, ValueError) as error:
        raise InputError(f"{pattern}: cannot be listed ({error})") from error
    files = [(m.path, m.size_in_bytes) for m in metadata if not _is_directory(m.path)]
    visible = [(path, size) for path, size in files if not posixpath.basename(path).startswith((".", "_"))]
    if not visible:
        raise InputError(f"{pattern}: no such file, and nothing matches{_nearest_file(pattern)}")
    return visible


def _is_directory(path: str) -> bool:
    return FileSystems.get_scheme(path) is None and Path(path).is_dir()


def _nearest_file(pattern: str) -> str:
    try:
        folder = posixpath.dirname(pattern) or "."
        names = [posixpath.basename(m.path) for m in FileSystems.match([folder + "/*"])[0].metadata_list]
    except (OSError, ValueError):
        return ""
    near = nearest_name(posixpath.basename(pattern), names)
    return f"; did you mean {folder}/{near}?" if near else f"; {folder} holds {len(names)} files"
