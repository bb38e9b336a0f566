"""The two halves as commands: `python -m pipeline`, `python -m trainer`, each in a process of its own.

Importing tf.Transform switches Keras to its legacy version, so both can never be in one process. A command that its
run leaves behind is killed by the kernel (Linux), and holds the run's lock until it is gone (everywhere).
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

ROOT = Path(__file__).resolve().parents[2]
_SET_PARENT_DEATH_SIGNAL = 1
_TERMINATION_SECONDS = 10.0
_TAIL_BYTES = 4000


class Halves(Protocol):
    """How commands of the two halves are run."""

    def run(self, module: str, arguments: Sequence[str], log: Path) -> int:
        """Runs `python -m MODULE ARGUMENTS`, its output appended to `log`; returns the exit status."""


class ProcessHalves:
    """Every command in a process of its own.

    Args:
      lock: descriptor of the run's lock, handed on to every command.
    """

    def __init__(self, lock: int | None = None) -> None:
        self._lock = lock

    def run(self, module: str, arguments: Sequence[str], log: Path) -> int:
        """Runs a command to its end; when the run is interrupted, the command is ended too."""
        command = [sys.executable, "-m", module, *arguments]
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            output.write(f"$ python -m {module} {' '.join(arguments)}\n".encode())
            output.flush()
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
                pass_fds=[] if self._lock is None else [self._lock],
                preexec_fn=_die_with_parent(),
            )
            try:
                return process.wait()
            except BaseException:
                _end(process)
                raise


def last_words(log: Path) -> str:
    """The error that a command ended with, for people: from its last "error:" on, or the last line of its log."""
    try:
        content = log.read_bytes()[-_TAIL_BYTES:].decode("utf-8", errors="replace")
    except OSError:
        return f"no log {log}"
    lines = content.rstrip().splitlines()
    starts = [index for index, line in enumerate(lines) if line.startswith(("error: ", "gate failed"))]
    if starts:
        return " ".join(line.strip() for line in lines[starts[-1] :]).removeprefix("error: ")
    return lines[-1] if lines else "it printed nothing"


def is_out_of_space(words: str) -> bool:
    """Whether a command's error is that a disk is full: no fault of the data, whatever the exit status."""
    return any(os.strerror(code) in words for code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG))


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        process.wait(_TERMINATION_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _die_with_parent() -> Callable[[], object] | None:
    """For the child, between fork and exec: ask the kernel for SIGKILL when this process dies. None elsewhere."""
    try:
        prctl = ctypes.CDLL(None, use_errno=True).prctl
    except (OSError, AttributeError):
        return None
    return lambda: prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
