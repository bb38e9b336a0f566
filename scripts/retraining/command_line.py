"""The command line of `python scripts/retrain.py`. Neither TensorFlow nor Beam is imported in this process."""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from schemas.errors import LengthwiseError
from scripts.retraining.halves import Halves, ProcessHalves
from scripts.retraining.lock import Locked, lock
from scripts.retraining.night import Ending, Night
from scripts.retraining.operations import collect, promote, rollback
from scripts.retraining.outcomes import LOCKED, STATUS_HELP, USAGE
from scripts.retraining.plan import make_plan
from scripts.retraining.settings import Request, read_settings
from scripts.retraining.spans import SELECTION_HELP
from scripts.retraining.status import print_history, print_status, status
from scripts.retraining.workspace import Workspace
from trainer.config import MODEL_NAMES

DESCRIPTION = "Batch retraining that a scheduler starts, and that can be left alone."
EPILOG = f"""\
example:
  python scripts/retrain.py run --spec spec.yaml --input 'spans/{{span}}/*.parquet' --workspace ws --model rnn

{STATUS_HELP}"""


def main(arguments: Sequence[str] | None = None, halves: Callable[[int], Halves] = ProcessHalves) -> int:
    """Runs a command; returns its exit status.

    Args:
      arguments: of the command line.
      halves: makes what runs the commands of the two halves, given the lock's descriptor.
    """
    flags = make_parser().parse_args(arguments)
    workspace = Workspace(Path(flags.workspace).absolute())
    console = Console(stderr=flags.json)
    try:
        return int(_COMMANDS[flags.command](flags, workspace, console, halves))
    except LengthwiseError as error:
        print(f"error: {error}", file=sys.stderr)
        return USAGE
    except Locked as error:
        print(f"locked: {error}", file=sys.stderr)
        return LOCKED
    except OSError as error:
        print(f"error: {error}; the champion is unchanged, and the next start goes on from here", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; the next start goes on from here", file=sys.stderr)
        return 130


def make_parser() -> argparse.ArgumentParser:
    """The commands and their flags."""
    parser = argparse.ArgumentParser(
        prog="scripts/retrain.py",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    run = _command(commands, "run", "retrain where there is something new, and promote what is good enough")
    run.add_argument("--spec", required=True, metavar="FILE", help="the dataset spec (YAML)")
    run.add_argument("--input", required=True, metavar="PATTERN", help="quoted glob with {span}: dates or numbers")
    run.add_argument("--config", metavar="FILE", help="the trainer's configuration (YAML)")
    run.add_argument("--policy", metavar="FILE", help="when to wait, stop and promote (YAML)")
    run.add_argument("--model", choices=MODEL_NAMES, help="replaces the configuration's model")
    run.add_argument("--spans", default="all", metavar="WHICH", help=f"{SELECTION_HELP} (default: all)")
    run.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    _command(commands, "status", "the champion and the last runs")
    _command(commands, "history", "everything that the ledger holds")
    chosen = _command(commands, "promote", "make a version champion, whatever the rule says")
    chosen.add_argument("version", type=int, metavar="VERSION", help="number of a registered version")
    _command(commands, "rollback", "make the champion before this one champion again")
    collected = _command(commands, "gc", "remove old versions, runs and unused cache entries")
    collected.add_argument("--policy", metavar="FILE", help="how much to keep (YAML)")
    return parser


def _command(commands: Any, name: str, words: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=words,
        description=words[0].upper() + words[1:] + ".",
        epilog=STATUS_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--workspace", required=True, metavar="DIR", help="where models, runs and the ledger are")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    return parser


def _run(flags: Any, workspace: Workspace, console: Console, halves: Callable[[int], Halves]) -> int:
    request = Request(
        spec=Path(flags.spec),
        pattern=flags.input,
        config=Path(flags.config) if flags.config else None,
        policy=Path(flags.policy) if flags.policy else None,
        model=flags.model,
        selection=flags.spans,
    )
    settings = read_settings(request)
    if flags.dry_run:
        return _dry_run(flags, workspace, settings, console)
    with lock(workspace.root, "run") as descriptor, _interrupted_by_sigterm():
        ending = Night(workspace, settings, halves(descriptor), console).play()
    if flags.json:
        print(json.dumps({"outcome": ending.outcome, "reason": ending.reason, "status": ending.status, **ending.line}))
    else:
        _say_ending(ending, workspace, console)
    return ending.status


def _dry_run(flags: Any, workspace: Workspace, settings: Any, console: Console) -> int:
    plan = make_plan(workspace, settings, remember=False)
    open_run = workspace.open_run()
    names = [span.name for span in plan.selected]
    found = {
        "would_run": plan.reason is not None or open_run is not None,
        "reason": plan.reason,
        "open_run": open_run.name if open_run is not None else None,
        "spans": names,
        "waiting": list(plan.waiting),
        "passed_over": list(plan.passed_over),
        "champion": workspace.registry.champion_number(),
    }
    if flags.json:
        print(json.dumps(found))
        return 0
    if found["open_run"]:
        console.print(f"would go on with {found['open_run']}, if its inputs are unchanged", highlight=False)
    console.print(
        f"would retrain: {plan.reason}" if plan.reason else "nothing is new: would do nothing", highlight=False
    )
    console.print(f"spans     {len(names)}: {names[0]} to {names[-1]}" if names else "spans     none", highlight=False)
    for word, listed in (("waiting", plan.waiting), ("no span", plan.passed_over)):
        if listed:
            console.print(f"{word:<10}{', '.join(listed)}", highlight=False)
    return 0


def _say_ending(ending: Ending, workspace: Workspace, console: Console) -> None:
    console.print(f"{ending.outcome}: {ending.reason}", highlight=False, markup=False, soft_wrap=True)
    run = ending.line.get("run")
    if run:
        directory = workspace.root / "runs" / run
        report = directory / "report.html"
        console.print(f"report    {report}" if report.exists() else f"logs      {directory / 'logs'}", soft_wrap=True)


def _status(flags: Any, workspace: Workspace, console: Console, halves: Any) -> int:
    found = status(workspace)
    if flags.json:
        print(json.dumps(found))
    else:
        print_status(found, console)
    return 0


def _history(flags: Any, workspace: Workspace, console: Console, halves: Any) -> int:
    lines = workspace.ledger.lines()
    if flags.json:
        print("".join(json.dumps(line) + "\n" for line in lines), end="")
    else:
        print_history(lines, console)
    return 0


def _promote(flags: Any, workspace: Workspace, console: Console, halves: Any) -> int:
    with lock(workspace.root, "promote"):
        return _told(flags, console, promote(workspace, flags.version))


def _rollback(flags: Any, workspace: Workspace, console: Console, halves: Any) -> int:
    with lock(workspace.root, "rollback"):
        return _told(flags, console, rollback(workspace))


def _collect(flags: Any, workspace: Workspace, console: Console, halves: Any) -> int:
    with lock(workspace.root, "gc"):
        return _told(flags, console, collect(workspace, flags.policy))


def _told(flags: Any, console: Console, found: dict[str, Any]) -> int:
    if flags.json:
        print(json.dumps(found))
    else:
        console.print(found["reason"], highlight=False, markup=False, soft_wrap=True)
    return 0


@contextlib.contextmanager
def _interrupted_by_sigterm() -> Iterator[None]:
    """SIGTERM ends a run as Ctrl-C does: its command is ended too, and the next start goes on."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


_COMMANDS: dict[str, Callable[[Any, Workspace, Console, Any], int]] = {
    "run": _run,
    "status": _status,
    "history": _history,
    "promote": _promote,
    "rollback": _rollback,
    "gc": _collect,
}
