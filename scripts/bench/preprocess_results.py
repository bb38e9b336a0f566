"""What the preprocessing benchmark found: medians, ratios, slopes, and whether they reach the design's targets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from scripts.bench.measuring import Measurement

Runs = dict[str, dict[str, list[Measurement]]]
"""Measurements by contestant and input: "startup", "x1", "x2", "x4"."""

# Stock tf.Transform and the plain loop take at least this many times our time.
LEAST_RATIOS = {"stock": 3.0, "plain": 1.3}
# Twice the rows take at most this many times the time, start-up subtracted.
MOST_SLOPE = 2.1
NAMES = {"ours": "ours", "stock": "stock tf.Transform", "tuned": "tuned tf.Transform", "plain": "plain Python loop"}
_MIB = 2**20


@dataclass(frozen=True)
class Target:
    """A number that the design asks for.

    Attributes:
      name: what it is.
      value: as measured.
      limit: the least or the most that is asked for; None where nothing is.
      unit: "x" or "MiB".
      at_most: whether the limit is an upper one.
    """

    name: str
    value: float
    limit: float | None
    unit: str
    at_most: bool

    @property
    def reached(self) -> bool | None:
        """Whether the value keeps the limit; None without one."""
        if self.limit is None:
            return None
        return self.value <= self.limit if self.at_most else self.value >= self.limit


@dataclass(frozen=True)
class Results:
    """All that was measured.

    Attributes:
      full: name of the largest input, such as "x4".
      rows: its rows.
      input_bytes: their size in memory.
      cores: of the machine.
      load: its load average when the benchmark began; near 0 on a quiet machine.
      runs: measurements by contestant and input.
      differences: in what a contestant's result differs from ours, in words.
    """

    full: str
    rows: int
    input_bytes: int
    cores: int
    load: float
    runs: Runs
    differences: dict[str, list[str]]

    @property
    def agree(self) -> bool:
        """Whether all wrote the same."""
        return not any(self.differences.values())

    def seconds(self, contestant: str, name: str) -> float:
        """Median wall-clock time."""
        return median(run.seconds for run in self.runs[contestant][name])

    def peak_bytes(self, contestant: str) -> int:
        """Largest peak memory on the largest input."""
        return max(run.peak_bytes for run in self.runs[contestant][self.full])

    def targets(self) -> Iterator[Target]:
        """What the design asks for: ratios, slopes, memory."""
        for name in self.runs:
            if name != "ours":
                ratio = self.seconds(name, self.full) / self.seconds("ours", self.full)
                yield Target(f"{NAMES[name]} / ours", ratio, LEAST_RATIOS.get(name), "x", at_most=False)
        startup = self.seconds("ours", "startup")
        taken = {copies: self.seconds("ours", f"x{copies}") - startup for copies in self._copies()}
        for copies, seconds in taken.items():
            if 2 * copies in taken and seconds > 0:  # with few rows, noise can be larger than the time
                slope = taken[2 * copies] / seconds
                yield Target(f"ours, x{2 * copies} / x{copies}, less start-up", slope, MOST_SLOPE, "x", at_most=True)
        limit = 2**30 + 3 * self.input_bytes
        yield Target("ours, peak memory", self.peak_bytes("ours") / _MIB, limit / _MIB, "MiB", at_most=True)

    def summary(self) -> list[dict[str, Any]]:
        """The targets as plain values."""
        return [
            {"name": target.name, "value": target.value, "limit": target.limit, "reached": target.reached}
            for target in self.targets()
        ]

    def _copies(self) -> list[int]:
        return sorted(int(name[1:]) for name in self.runs["ours"] if name != "startup")

    def table(self) -> Table:
        """Time, processor time and memory of every run, as medians."""
        repeats = len(self.runs["ours"][self.full])
        title = (
            f"preprocess {self.rows:,} reviews ({self.input_bytes / _MIB:,.0f} MiB)\n"
            f"medians of {repeats} (ours); {self.cores} cores, load {self.load:.1f} at the start"
        )
        table = Table(box=box.SIMPLE, title=title, title_justify="left")
        for column in ("", "rows", "time", "processor time", "peak memory"):
            table.add_column(column, justify="right" if column not in ("", "rows") else "left")
        for contestant, by_input in self.runs.items():
            table.add_section()
            for name, runs in by_input.items():
                table.add_row(
                    NAMES[contestant],
                    name,
                    f"{median(run.seconds for run in runs):.1f} s",
                    f"{median(run.processor_seconds for run in runs):.1f} s",
                    f"{max(run.peak_bytes for run in runs) / _MIB:,.0f} MiB",
                )
        return table


def print_results(results: Results, console: Console) -> None:
    """Prints disagreements, all measurements, and the targets last."""
    for name, differences in results.differences.items():
        for difference in differences:
            console.print(f"ours and {NAMES[name]} differ: {difference}", style="red", highlight=False, markup=False)
    console.print(results.table())
    table = Table(box=box.SIMPLE, title="targets", title_justify="left")
    table.add_column("")
    table.add_column("measured", justify="right")
    table.add_column("asked for", justify="right")
    table.add_column("reached")
    for target in results.targets():
        number = ",.0f" if target.unit == "MiB" else ".2f"
        space = " " if target.unit == "MiB" else ""
        asked = "" if target.limit is None else f"{target.limit:{number}}{space}{target.unit}"
        bound = "at most" if target.at_most else "at least"
        mark = {None: "", True: "[green]yes[/green]", False: "[red]no[/red]"}[target.reached]
        measured = f"{target.value:{number}}{space}{target.unit}"
        table.add_row(target.name, measured, f"{bound} {asked}" if asked else "", mark)
    agreement = "[green]yes[/green]" if results.agree else "[red]no[/red]"
    table.add_row("same vocabularies, lengths, padding, ids", "", "", agreement)
    console.print(table)
