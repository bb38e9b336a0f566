"""How good the models are with their default configuration: every seed and the mean, on a fifth that nothing has seen.

    python scripts/bench/quality.py --work DIR [--data ../shared/data] [--only icu imdb:rnn] [--seeds 0 1 2] [--salt S]

For each data set the shipped spec is used with other splits: 72% train, 8% validation (the best epoch is chosen on it),
20% test, by hash of the key; duplicates across splits are dropped by the pipeline. Then each model is trained with each
seed, with no setting but these. A test split of n rows tells the truth to some sqrt(p (1 - p) / n): 0.02 for vowels and
icu. `--salt` gives another fifth, to see how much of a figure is the split's.

What DIR already holds is not done again, and a killed run goes on where it was: so the command can be stopped at any
time, and data sets added. It ends with the table, also written to DIR/quality.json. On two free cores vowels takes 5
minutes, icu 15, imdb an hour and a half. Exits with status 1 when a command fails, 3 when a figure is missed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[2]
SPLITS = {"train": 0.72, "validation": 0.08, "test": 0.2}
EXIT_MISSED = 3


@dataclass(frozen=True)
class Goal:
    """A model on a data set, and what it should reach.

    Attributes:
      dataset: name of the shipped spec.
      file: under the data folder.
      model: of the trainer.
      metric: of the test split.
      wanted: least mean over the seeds.
    """

    dataset: str
    file: str
    model: str
    metric: str
    wanted: float


GOALS = (
    Goal("vowels", "vowels_train.csv", "rnn", "accuracy", 0.97),
    Goal("vowels", "vowels_train.csv", "cnn", "accuracy", 0.97),
    Goal("icu", "icu_events_train.parquet", "rnn", "auc", 0.83),
    Goal("imdb", "imdb_train.parquet", "rnn", "accuracy", 0.87),
    Goal("imdb", "imdb_train.parquet", "cnn", "accuracy", 0.88),
)


@dataclass(frozen=True)
class Figure:
    """What one goal came to.

    Attributes:
      goal: what was asked.
      rows: of the test split.
      values: seed -> value of the metric on them.
      epochs: seed -> the epoch whose weights were kept.
    """

    goal: Goal
    rows: int
    values: Mapping[int, float]
    epochs: Mapping[int, int]

    @property
    def reached(self) -> bool:
        """Whether the mean is at least what is wanted, to three digits."""
        return round(mean(self.values.values()), 3) >= self.goal.wanted


def chosen_goals(only: Sequence[str]) -> list[Goal]:
    """The goals named by DATASET or DATASET:MODEL; all where none is named.

    Raises:
      ValueError: a name that no goal has.
    """
    names = {goal: {goal.dataset, f"{goal.dataset}:{goal.model}"} for goal in GOALS}
    unknown = set(only) - set().union(*names.values())
    if unknown:
        known = ", ".join(f"{goal.dataset}:{goal.model}" for goal in GOALS)
        raise ValueError(f"--only: received {', '.join(sorted(unknown))}; expected some of {known}")
    return [goal for goal in GOALS if not only or names[goal] & set(only)]


def held_out_spec(shipped: Mapping[str, Any], salt: str) -> dict[str, Any]:
    """A shipped spec with a fifth of the rows as test split.

    Args:
      shipped: as loaded from its YAML file; its splits go by the hash of the key.
      salt: gives another fifth.
    """
    return {**shipped, "splits": {**shipped["splits"], **SPLITS, "salt": salt}}


def preprocess(goal: Goal, data: Path, place: Path, salt: str) -> Path:
    """Writes the data set of a goal to `place`, unless it is there; returns its directory."""
    shipped = yaml.safe_load((ROOT / "schemas" / f"{goal.dataset}.yaml").read_text(encoding="utf-8"))
    text = yaml.safe_dump(held_out_spec(shipped, salt), sort_keys=False)
    spec, output = place / "spec.yaml", place / "data"
    if not (output / "manifest.json").is_file() or not spec.is_file() or spec.read_text(encoding="utf-8") != text:
        place.mkdir(parents=True, exist_ok=True)
        spec.write_text(text, encoding="utf-8")
        _run("pipeline", "--spec", spec, "--input", data / goal.file, "--output", output)
    return output


def train(goal: Goal, dataset: Path, output: Path, seed: int) -> None:
    """Trains one model with the default configuration, unless it is there and of this data set."""
    digest = json.loads((dataset / "manifest.json").read_text(encoding="utf-8"))["digest"]
    record = output / "training.json"
    if (output / "evaluation.json").is_file():
        if json.loads(record.read_text(encoding="utf-8"))["dataset"]["digest"] == digest:
            return
        raise ValueError(f"{output}: was trained on another dataset than {dataset} holds now; remove it")
    arguments = ["--data", dataset, "--output", output, "--model", goal.model, "--seed", seed]
    _run("trainer", *arguments, "--no-export", "--resume")


def read_figure(goal: Goal, outputs: Mapping[int, Path]) -> Figure:
    """The figure of trained models.

    Args:
      goal: what was asked.
      outputs: seed -> output directory of the trainer.
    """
    tests = {
        seed: json.loads((output / "evaluation.json").read_text(encoding="utf-8"))["splits"]["test"]
        for seed, output in outputs.items()
    }
    records = {
        seed: json.loads((output / "training.json").read_text(encoding="utf-8")) for seed, output in outputs.items()
    }
    return Figure(
        goal=goal,
        rows=next(iter(tests.values()))["rows"],
        values={seed: test["metrics"][goal.metric]["value"] for seed, test in tests.items()},
        epochs={seed: record["best_epoch"] for seed, record in records.items()},
    )


def table(figures: Sequence[Figure]) -> Table:
    """All figures as a table of the terminal."""
    result = Table(title="Test split, default configuration")
    for column in ("data set", "rows", "model", "metric", "seeds", "mean", "wanted", ""):
        result.add_column(column, justify="left" if column in ("data set", "model", "metric", "") else "right")
    for figure in figures:
        goal = figure.goal
        result.add_row(
            goal.dataset,
            f"{figure.rows:,}",
            goal.model,
            goal.metric,
            " ".join(f"{seed}: {value:.3f}" for seed, value in figure.values.items()),
            f"{mean(figure.values.values()):.3f}",
            f"{goal.wanted:.2f}",
            "" if figure.reached else "missed",
        )
    return result


def _run(module: str, *arguments: Any) -> None:
    command = [sys.executable, "-m", module, *map(str, arguments)]
    print(f"\n$ {' '.join(['python', *command[1:]])}", flush=True)
    subprocess.run(command, cwd=ROOT, check=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", required=True, type=Path, metavar="DIR", help="data sets and models go here")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", metavar="DIR")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="DATASET or DATASET:MODEL (default: all)")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], metavar="N", help="default: 0 1 2")
    parser.add_argument("--salt", default="", help="another text gives another held-out fifth")
    flags = parser.parse_args(arguments)
    work, figures = flags.work.absolute(), []
    try:
        for goal in chosen_goals(flags.only):
            place = work / f"{goal.dataset}{'-' if flags.salt else ''}{flags.salt}"
            if not (flags.data / goal.file).is_file():
                raise ValueError(f"{flags.data / goal.file}: no such file; name its folder with --data")
            dataset = preprocess(goal, flags.data.absolute(), place, flags.salt)
            outputs = {seed: place / f"{goal.model}-{seed}" for seed in flags.seeds}
            for seed, output in outputs.items():
                train(goal, dataset, output, seed)
            figures.append(read_figure(goal, outputs))
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except subprocess.CalledProcessError as error:
        print(f"error: the command above ended with status {error.returncode}", file=sys.stderr)
        return 1
    (work / "quality.json").write_text(json.dumps([asdict(figure) for figure in figures], indent=2), encoding="utf-8")
    Console().print(table(figures))
    return 0 if all(figure.reached for figure in figures) else EXIT_MISSED


if __name__ == "__main__":
    sys.exit(main())
