"""One run at a time: a lock that the kernel releases however the process ends, with the name of who holds it.

The lock is handed to the commands that a run starts, so that it stays held while one of them outlives a killed run.
"""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

NAME = ".lock"


class Locked(Exception):
    """Another process holds the lock; the text says which."""


@contextlib.contextmanager
def lock(workspace: Path, command: str) -> Iterator[int]:
    """Holds the workspace's lock.

    Args:
      workspace: its directory; made when absent.
      command: what to tell others that it is held for.

    Yields:
      The file descriptor, to hand on to child processes.

    Raises:
      Locked: another process holds it.
    """
    workspace.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(workspace / NAME, os.O_CREAT | os.O_RDWR, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Locked(f"{workspace} is locked by {holder(workspace)}") from error
        note = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "command": command,
            "since": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        }
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(note).encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)


def holder(workspace: Path) -> str:
    """Who holds the lock, or held it last, in words."""
    try:
        note = json.loads((workspace / NAME).read_text(encoding="utf-8"))
        return f"process {note['pid']} on {note['host']} ({note['command']}, since {note['since']})"
    except (OSError, ValueError, KeyError):
        return "a process that has just started"
