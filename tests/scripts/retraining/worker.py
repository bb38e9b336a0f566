"""A long-lived process of one half that plays commands in forked children, so that a night need not import TensorFlow
four times. A child is as good as a fresh process: it ends with its command, and with the run that asked for it.

    python worker.py pipeline SOCKET

`WorkerHalves` is to the retraining what `ProcessHalves` is; two workers stand behind it.
"""

from __future__ import annotations

import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
# What a command imports on its way; nothing here starts TensorFlow, which must not be forked once it runs.
IMPORTED = {
    "pipeline": (
        "pipeline.__main__",
        "pipeline.progress",
        "pipeline.beam_options",
        "pipeline.ingest",
        "pipeline.publish",
        "pipeline.job",
        "pipeline.finish",
        "pipeline.summary",
    ),
    "trainer": (
        "trainer.command_line",
        "trainer.training",
        "trainer.warm_start",
        "trainer.serving.publish",
        "trainer.serving.module",
        "trainer.compare",
        "trainer.registry.held_out",
        "trainer.registry.comparison",
    ),
}
MAIN = {"pipeline": "pipeline.__main__", "trainer": "trainer.command_line", "trainer.compare": "trainer.compare"}


class WorkerHalves:
    """Runs commands in the workers' children."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def run(self, module: str, arguments: Sequence[str], log: Path) -> int:
        log.parent.mkdir(parents=True, exist_ok=True)
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self._directory / module.split(".")[0]))
            request = {"module": module, "arguments": list(arguments), "log": str(log)}
            connection.sendall(json.dumps(request).encode() + b"\n")
            answer = connection.makefile().readline()
        return int(answer)


class Workers:
    """Both workers, for the time of a `with` block.

    Args:
      directory: for their sockets; its path must be short.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> WorkerHalves:
        settings = {name: value for name, value in os.environ.items() if name != "TF_USE_LEGACY_KERAS"}
        for half in IMPORTED:
            command = [sys.executable, str(Path(__file__)), half, str(self._directory / half)]
            self._processes.append(subprocess.Popen(command, cwd=ROOT, env={**settings, "PYTHONPATH": str(ROOT)}))
        deadline = time.monotonic() + 300
        while not all((self._directory / half).exists() for half in IMPORTED):
            assert all(process.poll() is None for process in self._processes), "a worker ended"
            assert time.monotonic() < deadline, "the workers never started"
            time.sleep(0.1)
        return WorkerHalves(self._directory)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None):
        for process in self._processes:
            process.terminate()
            process.wait()


def serve(half: str, path: str) -> None:
    """Imports the half, and plays one command after the other."""
    from pipeline.quiet import quiet_libraries

    if half == "pipeline":
        quiet_libraries()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for name in IMPORTED[half]:
        importlib.import_module(name)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(f"{path}.new")
    listening.listen()
    os.rename(f"{path}.new", path)
    while True:
        connection, _ = listening.accept()
        with connection:
            play(connection)


def play(connection: socket.socket) -> None:
    """Runs one command in a child, and ends it when its run goes away."""
    request = json.loads(connection.makefile().readline())
    child = os.fork()
    if child == 0:
        os._exit(run_here(request))
    finished = os.pidfd_open(child)
    ready, _, _ = select.select([finished, connection.fileno()], [], [])
    if finished not in ready:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    os.close(finished)
    try:
        connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    except BrokenPipeError:
        pass


def run_here(request: dict[str, Any]) -> int:
    log = os.open(request["log"], os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    try:
        main = importlib.import_module(MAIN[request["module"]]).main
        status = int(main(request["arguments"]))
    except SystemExit as stop:
        status = stop.code if isinstance(stop.code, int) else 1
    except BaseException:  # noqa: BLE001 (as a process would: a traceback, and status 1)
        import traceback

        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return status


if __name__ == "__main__":
    serve(*sys.argv[1:])
