"""Measures a whole command, its own children included: wall clock, processor time and peak memory."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_LOG_LINES = 30


@dataclass(frozen=True)
class Measurement:
    """What one run of a command took.

    Attributes:
      seconds: wall clock, from start to exit.
      processor_seconds: user and system time.
      peak_bytes: largest resident memory of its largest process.
    """

    seconds: float
    processor_seconds: float
    peak_bytes: int


def measure(command: Sequence[str], log: Path, directory: Path, environment: Mapping[str, str]) -> Measurement:
    """Runs a command to its end.

    The peak is of this command alone, but never below the memory that the caller holds at this moment: the kernel hands
    the high-water mark on over fork and exec. So a caller stays small until its last measurement.

    Args:
      command: program and arguments.
      log: file that takes what the command prints.
      directory: where it runs.
      environment: its whole environment.

    Raises:
      RuntimeError: it failed; with the end of what it printed.
    """
    with log.open("wb") as output:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, cwd=directory, env=environment)
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            process.wait()
            raise
        seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)  # wait4 took it, so that Popen cannot
    if process.returncode:
        tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_LINES:])
        raise RuntimeError(
            f"{' '.join(command)}\nended with status {process.returncode}; the end of its output:\n{tail}"
        )
    return Measurement(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)
