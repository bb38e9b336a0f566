"""Directories on any filesystem that Beam knows: listed, copied, fetched and removed.

Object stores have no directories, only names that begin alike, and no rename. So nothing here needs either.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

_BLOCK_BYTES = 1 << 20
# Files handed to a filesystem in one request.
_FILES_AT_ONCE = 100


def is_local(path: str) -> bool:
    """Whether `path` is on the local filesystem as Beam sees it."""
    return FileSystems.get_scheme(path) is None


def files_under(directory: str) -> list[str]:
    """Paths of all files under `directory`, relative to it, sorted; none when there is no such directory."""
    root = directory.rstrip("/")
    if is_local(root):
        return sorted(path.relative_to(root).as_posix() for path in Path(root).rglob("*") if path.is_file())
    found = FileSystems.match([f"{root}/**"])[0].metadata_list
    return sorted(entry.path.removeprefix(f"{root}/") for entry in found if not entry.path.endswith("/"))


def place(directory: str, name: str) -> str:
    """The path of a file that `files_under` names."""
    return FileSystems.join(directory, *name.split("/"))


def make_directory(path: str) -> None:
    """Makes a directory where the filesystem has directories; no error when it is there."""
    try:
        FileSystems.mkdirs(path)
    except OSError:
        if not FileSystems.exists(path):
            raise


def make_parent(path: str) -> None:
    """Makes the directory that `path` stands in."""
    make_directory(FileSystems.split(path)[0])


def remove_files(directory: str, names: list[str]) -> None:
    """Removes some of the files that `files_under` named."""
    for start in range(0, len(names), _FILES_AT_ONCE):
        FileSystems.delete([place(directory, name) for name in names[start : start + _FILES_AT_ONCE]])


def remove_directory(directory: str) -> None:
    """Removes a directory and all that is in it, if it is there."""
    if is_local(directory):
        shutil.rmtree(directory, ignore_errors=True)
    else:
        remove_files(directory, files_under(directory))


def copy_files(source: str, target: str, names: list[str]) -> None:
    """Copies files between directories of one filesystem, replacing what stands there."""
    for name in names:
        make_parent(place(target, name))
    for start in range(0, len(names), _FILES_AT_ONCE):
        some = names[start : start + _FILES_AT_ONCE]
        FileSystems.copy([place(source, name) for name in some], [place(target, name) for name in some])


def transfer(source: str, target: str) -> None:
    """Copies a directory from one filesystem to another, by way of this process."""
    for name in files_under(source):
        path = place(target, name)
        make_parent(path)
        with (
            FileSystems.open(place(source, name), compression_type=CompressionTypes.UNCOMPRESSED) as reader,
            FileSystems.create(path, compression_type=CompressionTypes.UNCOMPRESSED) as writer,
        ):
            shutil.copyfileobj(reader, writer, _BLOCK_BYTES)
