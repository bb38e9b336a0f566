"""`python -m pipeline.validate`: checks data against a spec without writing anything."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import traceback
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.errors import LengthwiseError
from schemas.spec import DatasetSpec, load_spec

if TYPE_CHECKING:
    from rich.console import Console

    from schemas.manifest import Counts

OK, FAILED, USAGE = 0, 1, 2
EPILOG = """\
example:
  python -m pipeline.validate --spec schemas/imdb.yaml --input 'data/*.parquet'

exit status:
  0  the data can be preprocessed with this spec
  1  an unexpected failure
  2  a usage, spec or input error, too many rejected rows, or no rows for the train split
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Validates; returns the exit status (see --help)."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.validate",
        description="Checks data against a spec, in this process, without writing anything.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--spec", required=True, metavar="FILE", help="the dataset spec (YAML)")
    parser.add_argument(
        "--input", required=True, action="append", nargs="+", metavar="FILE", help="input files or quoted globs"
    )
    parser.add_argument("--labels", metavar="FILE", help="labels file, instead of the spec's source.labels.path")
    parser.add_argument("--max-rejected", type=float, metavar="SHARE", help="instead of the spec's max_rejected")
    arguments = parser.parse_args(argv)
    try:
        spec = load_spec(arguments.spec)
        if arguments.max_rejected is not None:
            spec = spec.model_copy(update={"max_rejected": arguments.max_rejected})
        patterns = [pattern for group in arguments.input for pattern in group]
        counts, overview = validate(spec, patterns, arguments.labels)
    except LengthwiseError as error:
        print(f"error: {error}", file=sys.stderr)
        return USAGE
    except Exception as error:  # noqa: BLE001 (a runner may have wrapped an error that is meant for the user)
        return _explain(error)
    from rich.console import Console

    show(counts, overview, Console())
    problem = verdict(spec, counts, overview)
    if problem is not None:
        print(f"error: {problem}", file=sys.stderr)
        return USAGE
    return OK


def validate(spec: DatasetSpec, patterns: Sequence[str], labels: str | None = None) -> tuple[Counts, dict[str, Any]]:
    """Ingests the input and throws the rows away.

    Args:
      spec: the dataset spec.
      patterns: files and globs, as for `python -m pipeline`.
      labels: label file in place of the spec's.

    Returns:
      The counts, found to add up, and the overview of `pipeline.ingest.overview`.

    Raises:
      LengthwiseError: what the user can put right.
    """
    import apache_beam as beam

    from pipeline.beam_options import beam_options
    from pipeline.ingest import Ingest, account, add_counts, discover, resolve_spec
    from pipeline.ingest.overview import merge_overviews, overview_of_reject, overview_of_rows

    inputs = discover(spec, list(patterns), labels)
    spec = resolve_spec(spec, inputs)
    with tempfile.TemporaryDirectory() as folder:
        with beam.Pipeline(options=beam_options([])) as pipeline:
            output = pipeline | Ingest(spec, inputs)
            looks = (
                output.rows | "LookAtRows" >> beam.Map(lambda rows: overview_of_rows(spec, rows)),
                output.rejects | "LookAtRejects" >> beam.Map(overview_of_reject),
            )
            overview = looks | beam.Flatten() | "MergeLooks" >> beam.CombineGlobally(merge_overviews)
            counts = output.counts | "AddCounts" >> beam.CombineGlobally(add_counts)
            _ = overview | "KeepLooks" >> beam.Map(_keep, folder, "overview")
            _ = counts | "KeepCounts" >> beam.Map(_keep, folder, "counts")
        return account(_kept(folder, "counts")), _kept(folder, "overview")


def verdict(spec: DatasetSpec, counts: Counts, overview: dict[str, Any]) -> str | None:
    """What stands in the way of preprocessing; None when nothing does."""
    from pipeline.ingest import largest_rejected_share

    what, share = largest_rejected_share(counts)
    if share > spec.max_rejected:
        return (
            f"{share:.2%} of the {what} are rejected, more than max_rejected allows ({spec.max_rejected:.2%}); mend "
            "the data or the spec, or raise max_rejected"
        )
    if not overview["splits"].get("train"):
        return "no row is left for the train split; expected at least one. Check 'splits' in the spec"
    return None


def show(counts: Counts, overview: dict[str, Any], console: Console) -> None:
    """Prints counts, splits, labels, lengths, and examples of rejects."""
    from rich import box
    from rich.table import Table

    console.print(
        f"rows in {counts.rows_in:,} = good {counts.written:,} + rejected {counts.rejected:,} "
        f"+ duplicates {counts.duplicates:,}",
        highlight=False,
    )
    if counts.events:
        console.print(
            ", ".join(f"{name} {count:,}" for name, count in sorted(counts.events.items())),
            highlight=False,
            soft_wrap=True,
        )
    by_split = ", ".join(f"{split} {count:,}" for split, count in sorted(overview["splits"].items()))
    console.print(f"rows by split: {by_split or 'none'}", highlight=False)
    if overview["labels"]:
        splits = sorted({split for by_split in overview["labels"].values() for split in by_split})
        table = Table("label", *splits, box=box.SIMPLE)
        for label, by_split in sorted(overview["labels"].items())[:30]:
            table.add_row(label, *(f"{by_split.get(split, 0):,}" for split in splits))
        console.print(table)
    table = Table("sequence", "rows", "empty", "shortest", "mean", "longest", box=box.SIMPLE)
    for name, found in overview["lengths"].items():
        mean = f"{found['total'] / found['rows']:,.1f}"
        cells = (f"{found[column]:,}" for column in ("rows", "empty", "shortest"))
        table.add_row(name, *cells, mean, f"{found['longest']:,}")
    console.print(table)
    for reason, examples in sorted(overview["examples"].items()):
        count = counts.reject_reasons.get(reason, 0) + counts.events.get(f"rejected/{reason}", 0)
        console.print(f"rejected: {reason} {count:,}", highlight=False)
        for example in examples:
            place = f"{example['file']} row {example['position']}" if example["file"] else f"key {example['key']}"
            console.print(f"  {place}: {example['detail']}", highlight=False, markup=False, soft_wrap=True)


def _keep(value: Any, folder: str, name: str) -> None:
    (Path(folder) / f"{name}-{uuid.uuid4().hex}").write_text(json.dumps(value))


def _kept(folder: str, name: str) -> Any:
    return json.loads(next(Path(folder).glob(f"{name}-*")).read_text())


def _explain(error: Exception) -> int:
    from pipeline.failure import user_message

    message = user_message(error)
    if message is None:
        traceback.print_exc()
        return FAILED
    print(f"error: {message}", file=sys.stderr)
    return USAGE


if __name__ == "__main__":
    sys.exit(main())
