"""The last page of the demonstration: three models beside each other, and whether two modalities beat one.

    python scripts/demo_summary.py demo/dataset demo/models/rnn demo/models/cnn demo/models/multimodal

Reads each model's evaluation.json and training.json. The last model is the one that reads everything that the others
read; it "beats" another one when its accuracy on the test split is higher, and the page says whether the 95 percent
intervals of the two are apart, for on a few hundred rows a small lead may be luck.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """A metric with its 95 percent interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.2f}-{self.high:.2f})"


@dataclass(frozen=True)
class Result:
    """One trained model.

    Attributes:
      name: of the model, such as rnn.
      features: that it reads.
      validation: accuracy on the validation split.
      test: accuracy on the test split.
      test_loss: mean loss on the test split.
      test_rows: rows of the test split.
      majority: accuracy on the test split of always saying the most frequent class.
    """

    name: str
    features: tuple[str, ...]
    validation: Figure
    test: Figure
    test_loss: float
    test_rows: int
    majority: float


def read_result(directory: Path) -> Result:
    """Reads what the trainer left in a model's directory.

    Raises:
      ValueError: a file is missing, or does not hold what the trainer writes.
    """
    try:
        evaluation = _read(directory / "evaluation.json")
        training = _read(directory / "training.json")
        test = evaluation["splits"]["test"]
        return Result(
            name=evaluation["model"],
            features=tuple(training["dataset"]["features"]),
            validation=_figure(evaluation["splits"]["validation"]["metrics"]["accuracy"]),
            test=_figure(test["metrics"]["accuracy"]),
            test_loss=float(test["metrics"]["loss"]["value"]),
            test_rows=int(test["rows"]),
            majority=float(evaluation["baselines"]["test"]["majority"]["accuracy"]),
        )
    except (OSError, json.JSONDecodeError, KeyError, TypeError) as error:
        raise ValueError(
            f"received {directory}, expected the output of `python -m trainer` with validation and test rows "
            f"({type(error).__name__}: {error}); train the model first"
        ) from error


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def _figure(content: dict[str, Any]) -> Figure:
    return Figure(float(content["value"]), float(content["low"]), float(content["high"]))


def verdict(joint: Result, alone: Sequence[Result]) -> list[str]:
    """Whether the model on all features beats each of the others, a sentence each, and the sum of it first."""
    sentences = []
    for other in alone:
        lead = joint.test.value - other.test.value
        if lead <= 0:
            sentences.append(f"{joint.name} does not beat {other.name}: {lead:+.3f} test accuracy")
            continue
        apart = joint.test.low > other.test.high
        remark = "the intervals are apart" if apart else "the intervals overlap, so this may be luck"
        sentences.append(f"{joint.name} beats {other.name} by {lead:+.3f} test accuracy; {remark}")
    wins = all(joint.test.value > other.test.value for other in alone)
    together = " and ".join(joint.features)
    head = f"{together} together beat either alone" if wins else f"{together} together do not beat either alone"
    return [f"{head} ({joint.test_rows:,} test rows)", *sentences]


def print_page(console: Console, dataset: Path, directories: Sequence[Path], results: Sequence[Result]) -> None:
    """Prints the table, the verdict and where everything is."""
    # Within 80 columns, so that it reads the same in a terminal and in a log.
    table = Table(
        title="which package is a function from? (accuracy)", title_justify="left", box=None, padding=(0, 2, 0, 0)
    )
    for title in ("model", "reads", "validation", "test", "loss", "majority"):
        table.add_column(title, justify="left" if title in ("model", "reads") else "right", no_wrap=True)
    for result in results:
        figures = (f"{result.validation.value:.3f}", str(result.test), f"{result.test_loss:.2f}")
        table.add_row(result.name, ", ".join(result.features), *figures, f"{result.majority:.3f}")
    console.print(table)
    for sentence in verdict(results[-1], results[:-1]):
        console.print(sentence, highlight=False, soft_wrap=True)
    below = [result.name for result in results if result.test.low <= result.majority]
    if below:
        console.print(f"not clearly better than the majority class: {', '.join(below)}", highlight=False)
    console.print(f"\ndataset  {dataset}\nreport   {dataset / 'report.html'}", highlight=False, soft_wrap=True)
    for result, directory in zip(results, directories, strict=True):
        console.print(
            f"{result.name:<11}model {directory / 'model.keras'}   report {directory / 'report.html'}",
            highlight=False,
            soft_wrap=True,
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the page; returns the exit status, 2 when a model is not there."""
    parser = argparse.ArgumentParser(description="Compares trained models; the last one reads all features.")
    parser.add_argument("dataset", type=Path, help="output of `python -m pipeline`")
    parser.add_argument("models", type=Path, nargs="+", help="outputs of `python -m trainer`")
    flags = parser.parse_args(arguments)
    try:
        results = [read_result(directory) for directory in flags.models]
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print_page(Console(), flags.dataset, flags.models, results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
