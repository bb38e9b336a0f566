"""An object store in memory, for Beam: names and bytes under store://, as S3 and Cloud Storage have them.

It has no directories and no atomic rename, shows an object when it has been closed, and takes no empty one. It refuses
to remove what is not there, and lets nobody in without CREDENTIALS among Beam's options. Beam finds it as soon as
this module is imported, in this process.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from apache_beam.io.filesystem import BeamIOError, CompressionTypes, FileMetadata, FileSystem
from apache_beam.options.pipeline_options import S3Options

OBJECTS: dict[str, bytes] = {}
CREDENTIALS = "--s3_access_key_id=somebody"


class _Upload(io.BytesIO):
    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def close(self) -> None:
        if not self.closed:
            if not self.getvalue():
                raise BeamIOError(f"{self._path}: Beam's client for S3 cannot write an empty object")
            OBJECTS[self._path] = self.getvalue()
        super().close()


class ObjectStore(FileSystem):
    """Beam's view of OBJECTS."""

    def __init__(self, pipeline_options: Any) -> None:
        super().__init__(pipeline_options)
        if pipeline_options is None or pipeline_options.view_as(S3Options).s3_access_key_id != "somebody":
            raise BeamIOError(f"the store lets nobody in without {CREDENTIALS}")

    @classmethod
    def scheme(cls) -> str:
        return "store"

    def join(self, basepath: str, *paths: str) -> str:
        return "/".join([basepath.rstrip("/"), *paths])

    def split(self, path: str) -> tuple[str, str]:
        head, _, tail = path.rpartition("/")
        return head, tail

    def mkdirs(self, path: str) -> None:
        pass

    def has_dirs(self) -> bool:
        return False

    def _list(self, dir_or_prefix: str) -> Iterator[FileMetadata]:
        for path in sorted(OBJECTS):
            if path.startswith(dir_or_prefix):
                yield FileMetadata(path, len(OBJECTS[path]), 0.0)

    def create(
        self,
        path: str,
        mime_type: str = "application/octet-stream",
        compression_type: str = CompressionTypes.AUTO,
    ) -> Any:
        return _Upload(path)

    def open(
        self,
        path: str,
        mime_type: str = "application/octet-stream",
        compression_type: str = CompressionTypes.AUTO,
    ) -> Any:
        return io.BytesIO(self._content(path))

    def _content(self, path: str) -> bytes:
        if path not in OBJECTS:
            raise BeamIOError(f"no object {path}")
        return OBJECTS[path]

    def copy(self, source_file_names: list[str], destination_file_names: list[str]) -> None:
        for source, target in zip(source_file_names, destination_file_names, strict=True):
            OBJECTS[target] = self._content(source)

    def rename(self, source_file_names: list[str], destination_file_names: list[str]) -> None:
        raise BeamIOError("an object store has no atomic rename")

    def exists(self, path: str) -> bool:
        return path in OBJECTS

    def size(self, path: str) -> int:
        return len(self._content(path))

    def last_updated(self, path: str) -> float:
        return 0.0

    def checksum(self, path: str) -> str:
        return str(hash(self._content(path)))

    def metadata(self, path: str) -> FileMetadata:
        return FileMetadata(path, self.size(path), 0.0)

    def delete(self, paths: list[str]) -> None:
        missing = [path for path in paths if OBJECTS.pop(path, None) is None]
        if missing:
            raise BeamIOError(f"no objects {', '.join(missing)}")
