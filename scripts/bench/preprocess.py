"""Times the preprocessing job beside stock tf.Transform and a plain Python loop, as whole commands.

    python scripts/bench/preprocess.py [--rows-factor 4] [--data ../shared/data/imdb_train.parquet] [--rows N]
                                       [--repeats N] [--baseline-repeats N] [--tuned] [--output-json FILE]

The task is the same for all (scripts/bench/baselines/reviews.py): IMDB's 25,000 reviews four times over, words, an
exact vocabulary of 20,000, at most 16 buckets, TFRecords of padded tf.Examples.

    ours    python -m pipeline, default options; also checks rows, counts statistics, writes probes and a manifest
    stock   tf.Transform with columnar input and exact vocabulary: scripts/bench/baselines/stock_transform.py
    tuned   the same with the faster way of counting that few know (--weights); only with --tuned, and without a target
    plain   one loop with re, Counter, dict and TFRecordWriter: scripts/bench/baselines/plain_loop.py

First each runs on 8 rows, which is not counted: it compiles modules and fills the file cache. Then come rounds: ours
on 8 rows, which is its start-up, and on once, twice and four times the reviews, in turn, so that a machine that gets
slower does so for all; and the baselines on four times the reviews, in the first rounds only. Medians count. Last,
vocabularies and ids are compared. It ends with two tables: time, processor time and peak memory; and what the design
asks for: ratios, memory (1 GiB + 3 times the rows' size in memory), and time over rows with the start-up subtracted.

Takes about 4 minutes with one round and 7 with --repeats 3, on two free cores; a minute and a half with --rows 500.
Exits with status 1 when a command fails or results differ; a missed target is shown, and exits with 0.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from rich.console import Console

ROOT = Path(__file__).resolve().parents[2]
if __package__ in (None, ""):  # run as a file: find the project instead of this directory
    sys.path[0] = str(ROOT)

from scripts.bench.baselines.agreement import (  # noqa: E402
    SAMPLED_EVERY,
    count_words,
    disagreements,
    read_written,
)
from scripts.bench.baselines.reviews import VOCABULARY_SIZE, spec_text, write_reviews  # noqa: E402
from scripts.bench.measuring import Measurement, measure  # noqa: E402
from scripts.bench.preprocess_results import Results, Runs, print_results  # noqa: E402

STARTUP_ROWS = 8
VERSIONS = ("tensorflow", "tensorflow-transform", "apache-beam", "pyarrow", "numpy")
VOCABULARIES = {
    "ours": "vocabularies/text.txt",
    "stock": "transform_fn/assets/words",
    "tuned": "transform_fn/assets/words",
    "plain": "vocabulary.txt",
}


class Contest:
    """The commands, their inputs and what they wrote, in one directory.

    Args:
      directory: an empty directory.
      data: Parquet file of reviews.
      rows: reviews taken of it; None takes all.
      vocabulary_size: words that get an id.
    """

    def __init__(
        self, directory: Path, data: Path, rows: int | None = None, vocabulary_size: int = VOCABULARY_SIZE
    ) -> None:
        self._directory = directory
        self._data = data
        self._rows = rows
        self._spec = directory / "reviews.yaml"
        self._vocabulary_size = vocabulary_size
        self._spec.write_text(spec_text(vocabulary_size), encoding="utf-8")
        self._environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", "CUDA_VISIBLE_DEVICES": "-1"}

    def add_input(self, name: str, copies: int, rows: int | None = None) -> tuple[int, int]:
        """Writes an input file; returns its rows and their size in memory in bytes."""
        return write_reviews(self._data, self.input_path(name), copies, rows or self._rows)

    def input_path(self, name: str) -> Path:
        """The file of an input."""
        return self._directory / f"{name}.parquet"

    def run(self, contestant: str, name: str) -> Measurement:
        """Runs a contestant on an input, and says so.

        Raises:
          RuntimeError: it failed.
        """
        output = self._directory / contestant
        shutil.rmtree(output, ignore_errors=True)
        files = ["--input", str(self.input_path(name)), "--output", str(output)]
        size = ["--vocabulary-size", str(self._vocabulary_size)]
        commands = {
            "ours": ["pipeline", "--spec", str(self._spec)],
            "stock": ["scripts.bench.baselines.stock_transform", *size],
            "tuned": ["scripts.bench.baselines.stock_transform", *size, "--weights"],
            "plain": ["scripts.bench.baselines.plain_loop", *size],
        }
        command = [sys.executable, "-m", *commands[contestant], *files]
        result = measure(command, self._directory / f"{contestant}.log", ROOT, self._environment)
        print(f"{contestant:6} {name:8} {result.seconds:7.1f} s", flush=True)
        return result

    def differences(self, contestants: Sequence[str], name: str, every: int = SAMPLED_EVERY) -> dict[str, list[str]]:
        """In what the last results of the others differ from ours, by contestant, in words.

        Args:
          contestants: "ours", and the others.
          name: the input that all ran on last.
          every: of this many rows one is compared word by word.
        """
        written = {}
        for contestant in contestants:
            output = self._directory / contestant
            shards = output.glob("train/*/*.tfrecord" if contestant == "ours" else "*.tfrecord")
            written[contestant] = read_written(output / VOCABULARIES[contestant], sorted(shards), every)
        counts = count_words(self.input_path(name))
        return {other: disagreements(written["ours"], written[other], counts) for other in contestants[1:]}


def run_rounds(contest: Contest, contestants: Sequence[str], factor: int, repeats: int, baseline_repeats: int) -> Runs:
    """All measurements; the last run of each contestant is on the largest input.

    Args:
      contest: the commands.
      contestants: "ours", and the others.
      factor: copies of the reviews in the largest input.
      repeats: rounds.
      baseline_repeats: rounds that the others take part in.
    """
    found: Runs = {contestant: {} for contestant in contestants}
    for contestant in contestants:
        contest.run(contestant, "startup")
    for number in range(repeats):
        for contestant in contestants if number < baseline_repeats else ["ours"]:
            sizes = ["startup", *(f"x{copies}" for copies in sorted({1, 2} - {factor}))] if contestant == "ours" else []
            for name in [*sizes, f"x{factor}"]:
                found[contestant].setdefault(name, []).append(contest.run(contestant, name))
    return found


def run(arguments: argparse.Namespace) -> int:
    """Runs the benchmark; returns the exit status."""
    factor = arguments.rows_factor
    contestants = ["ours", "stock", *(["tuned"] if arguments.tuned else []), "plain"]
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="preprocess-") as directory:
        contest = Contest(Path(directory), arguments.data, arguments.rows)
        contest.add_input("startup", 1, STARTUP_ROWS)
        sizes = {f"x{copies}": contest.add_input(f"x{copies}", copies) for copies in sorted({1, 2, factor})}
        try:
            runs = run_rounds(contest, contestants, factor, arguments.repeats, arguments.baseline_repeats)
        except RuntimeError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
        differences = contest.differences(contestants, f"x{factor}")
    rows, input_bytes = sizes[f"x{factor}"]
    results = Results(f"x{factor}", rows, input_bytes, os.cpu_count() or 1, load, runs, differences)
    if arguments.output_json is not None:
        content = asdict(results) | {"summary": results.summary(), "versions": versions()}
        arguments.output_json.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    print_results(results, Console())
    return 1 if any(differences.values()) else 0


def versions() -> dict[str, str]:
    """What the times depend on."""
    return {"python": platform.python_version(), **{name: version(name) for name in VERSIONS}}


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parses the command line; exits with status 2 and a message on a usage error."""
    parser = argparse.ArgumentParser(
        prog="python scripts/bench/preprocess.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    data = ROOT.parent / "shared" / "data" / "imdb_train.parquet"
    parser.add_argument("--data", type=Path, default=data, metavar="FILE", help="Parquet with id, text and label")
    parser.add_argument("--rows", type=int, metavar="N", help="reviews taken of it, for a quick trial (default: all)")
    parser.add_argument("--rows-factor", type=int, default=4, metavar="N", help="copies of each review (default: 4)")
    parser.add_argument("--repeats", type=int, default=1, metavar="N", help="rounds; medians count (default: 1)")
    parser.add_argument(
        "--baseline-repeats", type=int, default=1, metavar="N", help="rounds with the baselines (default: 1)"
    )
    parser.add_argument("--tuned", action="store_true", help="also tf.Transform counting by weights, which is faster")
    parser.add_argument("--output-json", type=Path, metavar="FILE", help="all measurements")
    arguments = parser.parse_args(argv)
    for name in ("rows", "rows_factor", "repeats", "baseline_repeats"):
        value = getattr(arguments, name)
        if value is not None and value < 1:
            parser.error(f"--{name.replace('_', '-')}: received {value}, expected at least 1")
    if not arguments.data.is_file():
        parser.error(f"--data: received {arguments.data}, which is no file; expected Parquet with id, text and label")
    return arguments


if __name__ == "__main__":
    sys.exit(run(parse_arguments()))
