"""Publishing: a dataset appears whole or not at all.

    1. everything is written to a staging directory beside the output: OUT.staging-ab12cd34
    2. the manifest is written last
    3. the staging directory takes the output's place in one rename; what stood there is removed afterwards

On a local disk the exchange is one system call (renameat2 with RENAME_EXCHANGE on Linux), so that at every moment
there is a whole dataset under the output's name. Elsewhere directories may have no rename; see publish_by_copy.py.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import glob
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from pipeline.directories import is_local, remove_directory
from pipeline.publish_by_copy import check_remote_output, publish_by_copy
from schemas.errors import OutputError
from schemas.manifest import MANIFEST_NAME

_STAGING = ".staging-"
# Held by a run as long as it lives: the kernel releases it however the process ends.
_LOCK = ".lock"
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def check_output(output: str, marker: str = MANIFEST_NAME) -> None:
    """Refuses an output that holds something other than a dataset.

    Args:
      output: the directory that will be replaced.
      marker: the file that says a directory is ours to replace.

    Raises:
      OutputError: `output` is a file, a directory with other contents, or cannot be made.
    """
    if not is_local(output):
        check_remote_output(output, marker)
        return
    path = Path(output)
    if path.is_file():
        raise OutputError(f"{output}: is a file, expected a directory for the dataset; choose another --output")
    if path.is_dir() and not (path / marker).exists():
        found = sorted(entry.name for entry in path.iterdir())
        if found:
            shown = ", ".join(found[:5]) + (" ..." if len(found) > 5 else "")
            raise OutputError(
                f"{output}: holds {shown} and no {marker}, so it is "
                "not a dataset that may be replaced; choose another --output, or empty it yourself"
            )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{output}: cannot make its parent directory ({error.strerror}); choose another --output"
        ) from error
    if not os.access(path.parent, os.W_OK):
        raise OutputError(f"{output}: {path.parent} is not writable; choose another --output")


@contextlib.contextmanager
def staging_directory(output: str) -> Iterator[str]:
    """A directory to build the dataset in; removed again unless `publish` moved it.

    Yields:
      Its path, on the same filesystem as `output`.
    """
    output = output.rstrip("/")
    staging = f"{output}{_STAGING}{uuid.uuid4().hex[:8]}"
    if is_local(output):
        _remove_abandoned(Path(output))
        Path(staging).mkdir(parents=True)
        lock = os.open(Path(staging, _LOCK), os.O_CREAT | os.O_RDWR)
        fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield staging
    finally:
        remove_directory(staging)
        if is_local(output):
            os.close(lock)


def _remove_abandoned(output: Path) -> None:
    """Removes staging directories of runs that were killed: those whose lock nobody holds."""
    for left in output.parent.glob(f"{glob.escape(output.name)}{_STAGING}*"):
        with contextlib.suppress(OSError):
            lock = os.open(left / _LOCK, os.O_RDWR)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left, ignore_errors=True)
            finally:
                os.close(lock)


def publish(staging: str, output: str, marker: str = MANIFEST_NAME) -> None:
    """Puts a finished staging directory in the output's place.

    Args:
      staging: a directory that holds its marker.
      output: the dataset's directory; a dataset there is replaced.
      marker: the file that says a directory is ours to replace.

    Raises:
      OutputError: the output changed into something else while the job ran, or cannot be replaced.
    """
    check_output(output, marker)
    if not is_local(output):
        publish_by_copy(staging, output, marker)
        return
    target = Path(output)
    Path(staging, _LOCK).unlink(missing_ok=True)
    try:
        if target.is_dir():
            _exchange(Path(staging), target)
            shutil.rmtree(staging, ignore_errors=True)
        else:
            os.rename(staging, target)
    except OSError as error:
        raise OutputError(
            f"{output}: cannot put the finished dataset there ({error}); what stood there is untouched"
        ) from error


def _exchange(staging: Path, target: Path) -> None:
    """Swaps two directories; atomically where the kernel can."""
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        renameat2 = None
    if renameat2 is not None:
        done = renameat2(_AT_FDCWD, os.fsencode(staging), _AT_FDCWD, os.fsencode(target), _RENAME_EXCHANGE)
        if done == 0:
            return
    aside = target.with_name(f"{target.name}{_STAGING}old-{uuid.uuid4().hex[:8]}")
    os.rename(target, aside)
    try:
        os.rename(staging, target)
    except OSError:
        os.rename(aside, target)
        raise
    shutil.rmtree(aside, ignore_errors=True)
