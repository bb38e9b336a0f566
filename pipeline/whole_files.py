"""A file appears whole or not at all, also when several attempts at the same work write it.

A runner starts a bundle again when a worker is lost, and the lost worker may still be writing. Both write the same
bytes, but on a disk the later one would first empty the file that the earlier one has finished, and could die before
it is full again. So each writes a file of its own and renames it. An object store shows an object when it is closed.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from typing import BinaryIO

from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from pipeline.directories import is_local, make_parent

UNFINISHED = ".unfinished"


@contextlib.contextmanager
def created_whole(path: str) -> Iterator[BinaryIO]:
    """A file to write, on any filesystem that Beam knows; it stands at `path` once the block has ended without error.

    Args:
      path: its directory is made when absent; a file there is replaced.
    """
    make_parent(path)
    aside = f"{path}.{uuid.uuid4().hex[:8]}{UNFINISHED}" if is_local(path) else path
    with FileSystems.create(aside, compression_type=CompressionTypes.UNCOMPRESSED) as file:
        yield file
    if aside != path:
        FileSystems.rename([aside], [path])


def write_whole(path: str, content: bytes) -> None:
    """Writes a file in one piece; see `created_whole`."""
    with created_whole(path) as file:
        file.write(content)
