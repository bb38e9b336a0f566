"""The ledger: one JSON line for everything that happened, on the disk before the run goes on.

A line that was cut off by a crash or a full disk is no line: readers pass it over, and the next writer removes it.
"""

from __future__ import annotations

import datetime
import json
import os
from pathlib import Path
from typing import Any

from scripts.retraining.outcomes import FINAL


class Ledger:
    """The ledger of a workspace.

    Args:
      path: of the file; made with its first line.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def lines(self) -> list[dict[str, Any]]:
        """Every whole line, oldest first; what is no JSON object was not written here, and is passed over."""
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return []
        found = []
        for line in content[: content.rfind(b"\n") + 1].split(b"\n"):
            try:
                parsed = json.loads(line)
            except ValueError:
                continue
            if isinstance(parsed, dict) and "outcome" in parsed:
                found.append(parsed)
        return found

    def append(self, line: dict[str, Any]) -> None:
        """Adds a line with the time, and waits until it is on the disk.

        Raises:
          OSError: it cannot be written; then it is not in the ledger.
        """
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        data = (json.dumps({"time": now, **line}, ensure_ascii=False) + "\n").encode()
        descriptor = os.open(self._path, os.O_CREAT | os.O_RDWR, 0o644)
        try:
            end = _end_of_last_line(descriptor)
            os.ftruncate(descriptor, end)
            try:
                written = 0
                while written < len(data):
                    written += os.pwrite(descriptor, data[written:], end + written)
                os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, end)
                raise
        finally:
            os.close(descriptor)

    def final(self, run: str) -> dict[str, Any] | None:
        """The line that ended a run; None when it has not ended."""
        return next((line for line in reversed(self.lines()) if line.get("run") == run and _is_final(line)), None)

    def last_final(self) -> dict[str, Any] | None:
        """The line that ended the last run that was not abandoned; None without one."""
        ended = (line for line in reversed(self.lines()) if _is_final(line) and line["outcome"] != "abandoned")
        return next(ended, None)


def _is_final(line: dict[str, Any]) -> bool:
    return "run" in line and line.get("outcome") in FINAL


def _end_of_last_line(descriptor: int) -> int:
    size = os.fstat(descriptor).st_size
    block = 1 << 16
    while size:
        start = max(0, size - block)
        found = os.pread(descriptor, size - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        size = start
    return 0
