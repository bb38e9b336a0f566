"""One module a file format, each with the same two functions.

    peek(file) -> Peek                          columns, types and first rows
    read(file, request) -> Iterator[RawBatch]   the rows, streaming

An OSError, pyarrow error or EOFError inside either becomes an InputError that names the file.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from types import ModuleType

import pyarrow as pa

from pipeline.ingest.files import InputFile
from pipeline.ingest.raw import Peek, RawBatch, Request
from schemas.errors import InputError

READ_ERRORS = (OSError, EOFError, pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowKeyError, pa.ArrowTypeError)


def peek(file: InputFile) -> Peek:
    """Columns, types and first rows of `file`.

    Raises:
      InputError: the file cannot be opened or is not of its format.
    """
    try:
        return _module(file).peek(file)
    except READ_ERRORS as error:
        raise unreadable(file, error) from error


def read(file: InputFile, request: Request) -> Iterator[RawBatch]:
    """Streams the rows of `file`.

    Args:
      file: the file.
      request: which columns, how many rows at a time.

    Raises:
      InputError: the file breaks off or is damaged.
    """
    try:
        yield from _module(file).read(file, request)
    except READ_ERRORS as error:
        raise unreadable(file, error) from error


def unreadable(file: InputFile, error: Exception) -> InputError:
    """The error that names `file` and says what is wrong with it."""
    what = file.format + (f" under {file.compression}" if file.compression else "")
    reason = " ".join(str(error).split()) or type(error).__name__
    return InputError(
        f"{file.path}: cannot be read as {what}: {reason[:300]}. Expected a whole, readable {file.format} file; "
        "write it again, or leave it out of the input"
    )


def _module(file: InputFile) -> ModuleType:
    return importlib.import_module(f"pipeline.ingest.formats.{file.format}")
