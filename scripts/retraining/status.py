"""`status` and `history` in the terminal: the champion, the last runs, and how its score went."""

from __future__ import annotations

from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from scripts.retraining.outcomes import Outcome
from scripts.retraining.workspace import Workspace

RUNS_SHOWN = 12
_STYLES = {
    Outcome.PROMOTED: "green",
    Outcome.KEPT: "yellow",
    Outcome.REFUSED: "red",
    Outcome.GATE_FAILED: "red",
    Outcome.FAILED: "bold red",
    Outcome.ABANDONED: "dim",
    Outcome.ROLLED_BACK: "cyan",
    Outcome.REPAIRED: "bold red",
}
_BLOCKS = "▁▂▃▄▅▆▇█"


def status(workspace: Workspace) -> dict[str, Any]:
    """What `status` shows, for JSON.

    Args:
      workspace: of the retraining.
    """
    registry = workspace.registry
    number = registry.champion_number()
    problems = registry.versions.problems(number) if number is not None else []
    open_run = workspace.open_run()
    lines = workspace.ledger.lines()
    return {
        "champion": number,
        "champion_problems": problems,
        "serving": str(registry.pointer / "serving") if number is not None else None,
        "previous": registry.previous(),
        "versions": registry.versions.numbers(),
        "open_run": open_run.name if open_run is not None else None,
        "last": lines[-1] if lines else None,
        "runs": lines[-RUNS_SHOWN:],
    }


def print_status(found: dict[str, Any], console: Console) -> None:
    """Draws what `status` gives."""
    if found["champion"] is None:
        console.print("no champion yet", highlight=False)
    else:
        console.print(f"champion  version {found['champion']}", highlight=False)
        console.print(f"serving   {found['serving']}", highlight=False, soft_wrap=True)
        if found["previous"] is not None:
            console.print(f"rollback  would go to version {found['previous']}", highlight=False)
    for problem in found["champion_problems"][:3]:
        console.print(Text(f"damaged   {problem}; the next run repairs the pointer", style="bold red"))
    if found["open_run"]:
        console.print(f"open      {found['open_run']} has not ended; the next start goes on with it", highlight=False)
    promoted = [line for line in found["runs"] if line["outcome"] == Outcome.PROMOTED]
    scores = [line["challenger_score"] for line in promoted if line.get("challenger_score") is not None]
    if len(scores) > 1:
        console.print(f"promoted  {sparkline(scores)}  {scores[0]:.4f} to {scores[-1]:.4f}", highlight=False)
    print_history(found["runs"], console)


def print_history(lines: list[dict[str, Any]], console: Console) -> None:
    """Prints ledger lines as a table.

    Args:
      lines: oldest first.
      console: where.
    """
    if not lines:
        console.print("no run yet", highlight=False)
        return
    table = Table(box=box.SIMPLE)
    for title, justify in (("time", "left"), ("run", "left"), ("outcome", "left"), ("version", "right"),
                           ("champion", "right"), ("challenger", "right"), ("why", "left")):  # fmt: skip
        table.add_column(title, justify=justify, no_wrap=title in ("time", "outcome"))  # type: ignore[arg-type]
    for line in lines:
        outcome = Outcome(line["outcome"])
        cells = (
            line["time"][:16].replace("T", " "),
            line.get("run", "").removeprefix("run-").lstrip("0"),
            str(outcome),
            str(line.get("version") or ""),
            _score(line.get("champion_score")),
            _score(line.get("challenger_score")),
            line["reason"],
        )
        table.add_row(*(Text(cell) for cell in cells), style=_STYLES.get(outcome))
    console.print(table)


def sparkline(values: list[float]) -> str:
    """Values as a line of blocks, lowest to highest."""
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    return "".join(_BLOCKS[round((value - low) / span * (len(_BLOCKS) - 1))] for value in values)


def _score(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
