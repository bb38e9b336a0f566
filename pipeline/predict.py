"""`python -m pipeline.predict`: one prediction for every raw row, with an exported model and Beam RunInference."""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from schemas.errors import DataError, LengthwiseError

if TYPE_CHECKING:
    from rich.console import Console

EPILOG = """\
example:
  python -m pipeline.predict --model models/imdb/export/1 --input 'new/*.parquet' --output predictions/

The input needs the columns that the model's features need; a label is not needed. Other options go to Apache Beam.

exit status:
  0  the predictions are published
  2  a usage, model, input or output error, or too many rejected rows; nothing is published
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the prediction job; returns the exit status (see --help)."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.predict",
        description="Predicts every row of raw input files with an exported model.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--model", required=True, metavar="DIR", help="an exported version, or the directory of versions"
    )
    parser.add_argument(
        "--input", required=True, action="append", nargs="+", metavar="FILE", help="files or quoted globs"
    )
    parser.add_argument("--output", required=True, metavar="DIR", help="where the predictions go")
    parser.add_argument("--files", type=int, default=1, metavar="N", help="number of Parquet files (default: 1)")
    parser.add_argument(
        "--max-rejected", type=float, metavar="SHARE", help="fail past this share (default: the spec's)"
    )
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    arguments, beam = parser.parse_known_args(argv)
    if arguments.files < 1:
        parser.error(f"--files: received {arguments.files}, expected at least 1")
    try:
        predict(arguments, beam)
    except LengthwiseError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def predict(arguments: argparse.Namespace, beam: Sequence[str]) -> None:
    """Predicts and publishes.

    Raises:
      LengthwiseError: with a text for the user; nothing is published.
    """
    started = time.monotonic()
    from pipeline.prediction.exported_model import open_exported_model

    model = open_exported_model(arguments.model)
    from pipeline import progress
    from pipeline.beam_options import beam_options
    from pipeline.failure import told_to_user
    from pipeline.ingest import discover
    from pipeline.lean_imports import import_tensorflow
    from pipeline.publish import check_output, publish, staging_directory
    from pipeline.quiet import quiet_libraries

    quiet_libraries()
    options = beam_options(beam)
    marker = "predictions.json"
    check_output(arguments.output, marker)
    patterns = [pattern for group in arguments.input for pattern in group]
    inputs = discover(model.spec, patterns, None, labelled=False)
    with staging_directory(arguments.output) as staging:
        with progress.shown() if not arguments.quiet else contextlib.nullcontext(), told_to_user():
            import_tensorflow()
            from pipeline.prediction.job import run_prediction

            content = run_prediction(model, inputs, staging, arguments.files, options)
            _check(content, arguments.max_rejected if arguments.max_rejected is not None else model.spec.max_rejected)
        publish(staging, arguments.output, marker)
    if not arguments.quiet:
        from rich.console import Console

        _summary(content, arguments.output, time.monotonic() - started, Console())


def _check(content: dict[str, Any], most: float) -> None:
    rejected = sum(content["rejected"].values())
    if not content["rows_in"]:
        raise DataError("the input holds no rows; expected at least one; check --input")
    if content["predicted"] + rejected != content["rows_in"]:
        raise DataError(
            f"accounts do not add up: {content['rows_in']:,} rows in, {content['predicted']:,} predicted, {rejected:,} "
            "rejected; nothing is published; please report this with the command you ran"
        )
    if rejected / content["rows_in"] > most:
        shown = "".join(f"\n  {example}" for example in content["reject_examples"])
        raise DataError(
            f"{rejected:,} of {content['rows_in']:,} rows were rejected, more than the {most:.1%} allowed. Nothing is "
            f"published. Correct the input, or allow more with --max-rejected. For example:{shown}"
        )


def _summary(content: dict[str, Any], output: str, seconds: float, console: Console) -> None:
    rejected = sum(content["rejected"].values())
    console.print(
        f"rows in {content['rows_in']:,} = predicted {content['predicted']:,} + rejected {rejected:,}", highlight=False
    )
    for name, count in content["classes"].items():
        console.print(f"  class {name}: {count:,}", highlight=False)
    console.print(f"time {seconds:.1f} s", highlight=False)
    console.print(
        f"predictions  {output}/{content['files'][0]['path']}" if content["files"] else output, highlight=False
    )


if __name__ == "__main__":
    sys.exit(main())
