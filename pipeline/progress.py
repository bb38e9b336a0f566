"""Progress of a running job, on a terminal or in a log.

Workers in this process count rows by stage; a display on the driver shows the counts every so often:

    00:07  read 24,000 rows · transformed 16,000 rows · 0 of 34 shards written

Workers on other machines count into their own processes, and the display then shows the time alone: their runner has
a page of its own.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import TextIO

# Terminals are redrawn this often; a log gets a line every LOG_SECONDS, if anything changed.
TERMINAL_SECONDS = 0.5
LOG_SECONDS = 10.0

_counts: Counter[str] = Counter()
_lock = threading.Lock()


def count(stage: str, amount: int) -> None:
    """Adds to a stage's count, from any thread of this process."""
    with _lock:
        _counts[stage] += amount


def reset() -> None:
    """Forgets all counts, before a job."""
    with _lock:
        _counts.clear()


def describe() -> str:
    """The counts in one line."""
    with _lock:
        counts = dict(_counts)
    parts = []
    if "read" in counts:
        parts.append(f"read {counts['read']:,} rows")
    if "transformed" in counts:
        parts.append(f"transformed {counts['transformed']:,} rows")
    if "shards" in counts:
        parts.append(f"{counts.get('shards written', 0):,} of {counts['shards']:,} shards written")
    return " · ".join(parts) or "starting"


@contextlib.contextmanager
def shown(stream: TextIO = sys.stderr) -> Iterator[None]:
    """Shows progress on `stream` while the block runs."""
    reset()
    stop = threading.Event()
    thread = threading.Thread(target=_show, args=(stream, stop), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _show(stream: TextIO, stop: threading.Event) -> None:
    started = time.monotonic()
    terminal = stream.isatty()
    shown_before = ""
    while not stop.wait(TERMINAL_SECONDS if terminal else LOG_SECONDS):
        seconds = int(time.monotonic() - started)
        text = describe()
        if terminal:
            stream.write(f"\r\x1b[2K{seconds // 60:02d}:{seconds % 60:02d}  {text}")
        elif text != shown_before:
            stream.write(f"{seconds // 60:02d}:{seconds % 60:02d}  {text}\n")
        shown_before = text
        stream.flush()
    if terminal:
        stream.write("\r\x1b[2K")
        stream.flush()
