"""`python -m trainer.evaluate`: what a trained model is worth on a dataset's held-out rows."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from schemas.errors import LengthwiseError
from schemas.manifest import load_manifest
from trainer.command_line import EXIT_ERROR
from trainer.quiet import quiet_start
from trainer.saved_model import check_dataset, load_record


def evaluate(model: Path, data: Path | None = None, output: Path | None = None) -> dict[str, Any]:
    """Evaluates a trained model and writes evaluation.json and report.html.

    Args:
      model: directory of the trained model.
      data: directory of a dataset; the one that it was trained on when None.
      output: directory to write into; the model's own when None.

    Returns:
      The content of evaluation.json.

    Raises:
      LengthwiseError: no trained model, no dataset, or a dataset that does not fit the model.
    """
    record = load_record(model)
    directory = data or record.data
    load_manifest(directory)
    quiet_start()
    import keras

    from trainer.evaluation.run import evaluate_model
    from trainer.fit.compilation import Compilation
    from trainer.fit.steps import make_steps
    from trainer.saved_model import load_model
    from trainer.session import open_dataset

    dataset = open_dataset(directory, record.config)
    steps = make_steps(load_model(model), keras.optimizers.SGD(), dataset.label.kind, 1.0, Compilation())
    target = output or model
    target.mkdir(parents=True, exist_ok=True)
    return evaluate_model(steps, dataset, record.config, target)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m trainer.evaluate", description=__doc__)
    parser.add_argument("--model", required=True, metavar="DIR", help="output directory of `python -m trainer`")
    parser.add_argument("--data", metavar="DIR", help="dataset (default: the one the model was trained on)")
    parser.add_argument("--output", metavar="DIR", help="where evaluation.json and report.html go (default: --model)")
    flags = parser.parse_args(arguments)
    try:
        model, data = Path(flags.model), Path(flags.data) if flags.data else None
        record = load_record(model)
        remark = check_dataset(record, data or record.data)
        if remark:
            print(f"note: {remark}", file=sys.stderr)
        evaluation = evaluate(model, data, Path(flags.output) if flags.output else None)
    except LengthwiseError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_ERROR
    from rich.console import Console

    from trainer.evaluation.summary import print_metrics

    print_metrics(Console(), evaluation)
    print(f"report   {Path(flags.output or flags.model) / 'report.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
