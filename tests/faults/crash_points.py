"""Plays one night again and again, and lets it die at every single thing that it does to the file system.

    python crash_points.py FOLDER TEMPLATES kill|full|watch

FOLDER holds a retraining whose next night promotes a new champion and removes an old version. Every play is a forked
child on a copy of it. An audit hook, and wrappers of the calls that raise no audit event, count what the child does:
open for writing, write, fsync, rename, mkdir, remove, symlink.

    kill     at step n the child kills itself with SIGKILL; the next start must end as if nothing had happened
    full     from step n on nothing can be written (OSError ENOSPC): so must the next start, when there is room again
    watch    nobody dies; at every step the pointer must name a version that is whole

Prints JSON: how many steps there are, and what was wrong at which.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts.retraining.command_line import main
from scripts.retraining.workspace import Workspace
from tests.scripts.retraining.standin_halves import StandInHalves

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
CHANGES = frozenset({"os.rename", "os.mkdir", "os.rmdir", "os.remove", "os.symlink", "os.truncate"})
FREES = frozenset({"os.rename", "os.rmdir", "os.remove", "os.fsync"})


class Steps:
    """Counts what this process does to the file system, and calls `at` before each."""

    def __init__(self, at: Callable[[int, str], None]) -> None:
        self._at, self._busy, self.count = at, False, 0
        sys.addaudithook(self._event)
        os.pwrite = self._counted("pwrite", os.pwrite)
        # A process that dies loses nothing that the kernel has: only the step counts here, not the disk's time.
        os.fsync = self._counted("fsync", lambda descriptor: None)

    def _event(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in CHANGES or (event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITES):
            self._step(event)

    def _counted(self, name: str, call: Any) -> Any:
        def counted(*arguments: Any) -> Any:
            self._step(f"os.{name}")
            return call(*arguments)

        return counted

    def _step(self, event: str) -> None:
        if self._busy:
            return
        self._busy = True
        try:
            self.count += 1
            self._at(self.count, event)
        finally:
            self._busy = False


def play(folder: Path, templates: Path, at: Callable[[int, str], None] | None = None) -> int:
    """Plays one start in a child; returns its wait status."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    silent = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(silent, descriptor)
    if at is not None:
        Steps(at)
    status = main(command(folder), halves=lambda lock: StandInHalves(templates))
    os._exit(status)


def command(folder: Path) -> list[str]:
    return [
        "run", "--spec", str(folder / "spec.yaml"), "--input", str(folder / "spans/{span}/*.jsonl"),
        "--workspace", str(folder / "ws"), "--policy", str(folder / "policy.yaml"),
    ]  # fmt: skip


def pointer_problem(folder: Path) -> str | None:
    """What is wrong with what the pointer names; None when it is a whole version."""
    registry = Workspace(folder / "ws").registry
    number = registry.champion_number()
    if number is None:
        return "there is no pointer"
    return next(iter(registry.versions.problems(number)), None)


def end_state(folder: Path) -> dict[str, Any]:
    """What a night must leave, however often it was started."""
    workspace = Workspace(folder / "ws")
    numbers = workspace.registry.versions.numbers()
    lines = [line for line in workspace.ledger.lines() if line["outcome"] != "failed"]
    last = lines[-1]
    return {
        "champion": workspace.registry.champion_number(),
        "previous": workspace.registry.previous(),
        "versions": numbers,
        "problems": [problem for number in numbers for problem in workspace.registry.versions.problems(number)],
        "ledger": [[line["run"], line["outcome"], line["reason"], line["champion"]] for line in lines],
        "last": {
            name: last[name] for name in ("champion_before", "version", "spans", "challenger_score", "warm_start")
        },
        "open": workspace.open_run() is not None,
        "left": sorted(
            path.relative_to(workspace.root).as_posix()
            for path in workspace.root.rglob("*")
            if any(word in path.name for word in (".incoming", ".removed-", ".partial", "staging"))
        ),
        "report": (workspace.root / "runs" / last["run"] / "report.html").read_text().splitlines()[0],
    }


def copy_of(folder: Path) -> Path:
    """A fresh copy beside the folder, under the same name for every play."""
    target = folder.with_name("play")
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(folder, target, symlinks=True)
    return target


def count_steps(folder: Path, templates: Path) -> tuple[int, list[str]]:
    """How many steps a night has, and what is wrong with the pointer at any of them."""
    target = copy_of(folder)
    report = folder.with_name("steps")
    report.write_text("")

    def watch(step: int, event: str) -> None:
        problem = pointer_problem(target)
        with report.open("a") as file:
            file.write(f"{step} {event} {problem or ''}\n")

    status = play(target, templates, watch)
    lines = report.read_text().splitlines()
    wrong = [line for line in lines if len(line.split(" ", 2)) > 2 and line.split(" ", 2)[2]]
    return len(lines), wrong + ([f"status {status}"] if status else [])


def kill_at(step: int) -> Callable[[int, str], None]:
    def at(now: int, event: str) -> None:
        if now == step:
            os.kill(os.getpid(), signal.SIGKILL)

    return at


def full_from(step: int) -> Callable[[int, str], None]:
    def at(now: int, event: str) -> None:
        if now >= step and event not in FREES:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return at


def faults(folder: Path, templates: Path, fault: Callable[[int], Callable[[int, str], None]]) -> list[str]:
    """What is wrong after a fault at each step, and after the next start."""
    reference = copy_of(folder)
    assert play(reference, templates) == 0
    expected = end_state(reference)
    steps, _ = count_steps(folder, templates)
    wrong = []
    for step in range(1, steps + 1):
        target = copy_of(folder)
        status = play(target, templates, fault(step))
        if (problem := pointer_problem(target)) is not None:
            wrong.append(f"step {step}: pointer: {problem}")
        if not os.WIFSIGNALED(status) and os.waitstatus_to_exitcode(status) not in (0, 1, 2):
            wrong.append(f"step {step}: ended with {os.waitstatus_to_exitcode(status)}")
        status = play(target, templates)
        if status:
            wrong.append(f"step {step}: the next start ended with {os.waitstatus_to_exitcode(status)}")
            continue
        found = end_state(target)
        wrong += [f"step {step}: {name}: {found[name]}, expected {expected[name]}" for name in expected
                  if found[name] != expected[name]]  # fmt: skip
    return wrong


if __name__ == "__main__":
    where, templates, mode = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    if mode == "watch":
        steps, wrong = count_steps(where, templates)
    else:
        steps = count_steps(where, templates)[0]
        wrong = faults(where, templates, kill_at if mode == "kill" else full_from)
    print(json.dumps({"steps": steps, "wrong": wrong}))
