"""Measures how preprocessing grows: in rows, vocabulary size, features and workers, and what its shuffles carry.

    python scripts/bench/scale.py [--data ../shared/data/imdb_train.parquet] [--rows N] [--no-workers]

One whole command each, after one that is not counted; processor time and peak memory of the largest process:

    rows        IMDB's reviews once, twice and four times (words, 20,000 in the vocabulary, one text feature)
    vocabulary  5,000, 20,000 and 80,000 words
    features    the text once, twice and four times, as features of their own
    workers     one and two worker processes (Beam's direct runner in mode multi_processing), wall clock

To each a straight line is fitted, and "off" is how far the worst point lies from it. Of four times the reviews also
every GroupByKey is shown: bytes, bytes a row, keys, and the largest key. docs/scale.md projects from these. Takes about
four minutes on two free cores; prints its tables last.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[2]
if __package__ in (None, ""):  # run as a file: find the project instead of this directory
    sys.path[0] = str(ROOT)

from scripts.bench.baselines.reviews import write_reviews  # noqa: E402
from scripts.bench.measuring import Measurement, measure  # noqa: E402

_MIB = 2**20
_HEAD = (
    "name: reviews\nkey: id\nlabel: {column: label, kind: binary}\nsplits: {train: 0.9, validation: 0.1}\nfeatures:\n"
)
_FEATURE = "  text{number}: {{kind: text, column: text, vocabulary: {{size: {size}}}}}\n"


@dataclass(frozen=True)
class Line:
    """A straight line through measurements.

    Attributes:
      start: at 0.
      slope: a unit.
      off: largest distance of a point, as a share of its value.
    """

    start: float
    slope: float
    off: float


def fit(at: Sequence[float], values: Sequence[float]) -> Line:
    """Least squares; expects at least two different places."""
    slope, start = np.polyfit(at, values, 1)
    found = start + slope * np.asarray(at, float)
    return Line(float(start), float(slope), float(np.max(np.abs(found - values) / np.abs(values))))


class Scale:
    """The command, its inputs and outputs in one directory.

    Args:
      directory: an empty directory.
      data: Parquet file with id, text and label.
      rows: reviews taken of it; None takes all.
    """

    def __init__(self, directory: Path, data: Path, rows: int | None) -> None:
        self._directory = directory
        self._environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", "CUDA_VISIBLE_DEVICES": "-1"}
        self.sizes = {copies: write_reviews(data, self._input(copies), copies, rows) for copies in (1, 2, 4)}
        self.shuffles: dict[str, dict[str, int]] = {}

    def run(
        self, copies: int = 1, vocabulary: int = 20_000, features: int = 1, workers: int | None = None
    ) -> Measurement:
        """Runs the command once, and says so; `shuffles` then holds what went through each GroupByKey."""
        spec, output, report = (self._directory / name for name in ("spec.yaml", "output", "shuffles.json"))
        lines = [_FEATURE.format(number=number, size=vocabulary) for number in range(features)]
        spec.write_text(_HEAD + "".join(lines), encoding="utf-8")
        shutil.rmtree(output, ignore_errors=True)
        arguments = ["--spec", str(spec), "--input", str(self._input(copies)), "--output", str(output)]
        command = [sys.executable, "-m", "scripts.bench.recorded_run", str(report), *arguments]
        if workers is not None:
            mode = ["--direct_running_mode=multi_processing", f"--direct_num_workers={workers}"]
            command = [sys.executable, "-m", "pipeline", *arguments, *mode]
        result = measure(command, self._directory / "log", ROOT, self._environment)
        if workers is None:
            self.shuffles = json.loads(report.read_text(encoding="utf-8"))
        print(
            f"copies {copies}, vocabulary {vocabulary:,}, features {features}, workers {workers or 'in process'}: "
            f"{result.seconds:.1f} s, processor {result.processor_seconds:.1f} s, {result.peak_bytes / _MIB:,.0f} MiB",
            flush=True,
        )
        return result

    def _input(self, copies: int) -> Path:
        return self._directory / f"x{copies}.parquet"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the benchmark; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = ROOT.parent / "shared" / "data" / "imdb_train.parquet"
    parser.add_argument("--data", type=Path, default=data, metavar="FILE", help="Parquet with id, text and label")
    parser.add_argument("--rows", type=int, metavar="N", help="reviews taken of it, for a quick trial (default: all)")
    parser.add_argument("--no-workers", action="store_true", help="leave out the runs with worker processes")
    arguments = parser.parse_args(argv)
    if not arguments.data.is_file():
        parser.error(f"--data: received {arguments.data}, which is no file; expected Parquet with id, text and label")
    with tempfile.TemporaryDirectory(prefix="scale-") as directory:
        scale = Scale(Path(directory), arguments.data, arguments.rows)
        scale.run()
        once = scale.run()
        vocabulary = {5_000: scale.run(vocabulary=5_000), 20_000: once, 80_000: scale.run(vocabulary=80_000)}
        features = {1: once, 2: scale.run(features=2), 4: scale.run(features=4)}
        workers = {} if arguments.no_workers else {number: scale.run(workers=number) for number in (1, 2)}
        rows = {scale.sizes[1][0]: once}
        rows |= {scale.sizes[copies][0]: scale.run(copies=copies) for copies in (2, 4)}
        show(Console(), {"rows": rows, "vocabulary": vocabulary, "features": features}, workers)
        show_shuffles(Console(), scale.shuffles, *scale.sizes[4])
    return 0


def show(console: Console, runs: dict[str, dict[int, Measurement]], workers: dict[int, Measurement]) -> None:
    """Prints processor time and memory, with the lines through them."""
    table = Table("in", "processor time, s", "line", "off", "peak memory, MiB", "line", "off", title="how it grows")
    for name, by_size in runs.items():
        sizes = list(by_size)
        cells = [f"{name} {', '.join(f'{size:,}' for size in sizes)}"]
        for values, unit in (
            ([run.processor_seconds for run in by_size.values()], "s"),
            ([run.peak_bytes / _MIB for run in by_size.values()], "MiB"),
        ):
            line = fit(sizes, values)
            step = 1000 if name != "features" else 1
            shown = f"{line.start:,.1f} + {line.slope * step:,.3f} {unit} {'a thousand' if step > 1 else 'each'}"
            cells += [" ".join(f"{value:,.1f}" for value in values), shown, f"{line.off:.0%}"]
        table.add_row(*cells)
    console.print(table)
    for number, run in workers.items():
        console.print(f"{number} worker processes: {run.seconds:.1f} s; largest {run.peak_bytes / _MIB:,.0f} MiB")


def show_shuffles(console: Console, shuffles: dict[str, dict[str, int]], rows: int, input_bytes: int) -> None:
    """Prints what each GroupByKey carries, the sum last."""
    table = Table("GroupByKey", "KiB", "bytes a row", "keys", "largest key, KiB", title=f"shuffles of {rows:,} rows")
    total = 0
    for name, shuffle in sorted(shuffles.items(), key=lambda item: -item[1]["bytes"]):
        total += shuffle["bytes"]
        size = f"{shuffle['bytes'] / 1024:,.1f}"
        largest = f"{shuffle['largest'] / 1024:,.1f}"
        table.add_row(name, size, f"{shuffle['bytes'] / rows:,.2f}", f"{shuffle['keys']:,}", largest)
    console.print(table)
    console.print(
        f"{total / _MIB:,.1f} MiB in all, {total / input_bytes:.0%} of the {input_bytes / _MIB:,.0f} MiB of input",
        highlight=False,
    )


if __name__ == "__main__":
    sys.exit(main())
