"""`python -m trainer.compare`: two exported models on the same raw held-out rows, paired.

The rows come from a dataset written by `python -m pipeline --raw-held-out`. Each model is asked through its serving
signature, so they may differ in vocabulary, buckets, classes and architecture.

Exit status: 0 compared; 2 an error that the user can act on.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.errors import LengthwiseError
from schemas.manifest import load_manifest
from trainer.command_line import EXIT_ERROR
from trainer.quiet import quiet_start

if TYPE_CHECKING:
    from rich.console import Console

    from trainer.registry.comparison import Question


def compare(data: Path, challenger: Path, champion: Path | None, question: Question) -> dict[str, Any]:
    """Compares two exported models, or measures one.

    Args:
      data: a dataset with raw held-out rows.
      challenger: directory of an exported model.
      champion: directory of another; None when there is none.
      question: what to compare by.

    Returns:
      As trainer.registry.comparison.compare_answers, with the split's name.

    Raises:
      LengthwiseError: no rows, no model, or models that cannot be compared.
    """
    from trainer.registry.comparison import compare_answers
    from trainer.registry.held_out import ask, read_held_out

    rows = read_held_out(data)
    new = ask(challenger, rows, with_lengths=True)
    old = ask(champion, rows) if champion is not None else None
    return {
        "split": rows.split,
        "digest": load_manifest(data).digest,
        **compare_answers(rows.labels, old, new, question),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m trainer.compare", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True, metavar="DIR", help="dataset written with --raw-held-out")
    parser.add_argument(
        "--challenger", required=True, metavar="DIR", help="an exported version, such as models/x/export/1"
    )
    parser.add_argument("--champion", metavar="DIR", help="the version to compare with (default: none)")
    parser.add_argument("--metric", metavar="NAME", help="the deciding metric (default: accuracy or mae)")
    parser.add_argument("--confidence", type=float, default=0.95, metavar="SHARE", help="of intervals (default: 0.95)")
    parser.add_argument("--slices", type=int, default=4, metavar="N", help="slices of length a feature (default: 4)")
    parser.add_argument("--output", metavar="FILE", help="where the comparison goes as JSON")
    flags = parser.parse_args(arguments)
    if not 0 < flags.confidence < 1 or flags.slices < 1:
        parser.error("expected --confidence between 0 and 1, and at least 1 for --slices")
    try:
        load_manifest(flags.data)
        quiet_start()
        from rich.console import Console

        from trainer.output_directory import write_json
        from trainer.registry.comparison import Question

        champion = Path(flags.champion) if flags.champion else None
        question = Question(flags.metric, flags.confidence, flags.slices)
        found = compare(Path(flags.data), Path(flags.challenger), champion, question)
        if flags.output:
            write_json(Path(flags.output), found)
    except LengthwiseError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_ERROR
    print_comparison(found, Console())
    return 0


def print_comparison(found: Mapping[str, Any], console: Console) -> None:
    """Prints a comparison as a table.

    Args:
      found: what `compare` returned.
      console: where.
    """
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE, title=f"{found['rows']:,} {found['split']} rows", title_justify="left")
    for title in ("", "rows", "champion", "challenger", "gain", "interval"):
        table.add_column(title, justify="right" if title else "left")
    old = found["champion"] or {}
    for name, value in found["challenger"].items():
        gain = found.get("gain") if name == found["metric"] else None
        shown = [f"{gain['value']:+.4f}", f"{gain['low']:+.4f} .. {gain['high']:+.4f}"] if gain else ["", ""]
        table.add_row(name, "", f"{old[name]:.4f}" if old else "-", f"{value:.4f}", *shown)
    for part in found.get("slices", []):
        table.add_row(
            f"{part['feature']} {part['shortest']:,} to {part['longest']:,}",
            f"{part['rows']:,}",
            f"{part['champion']:.4f}",
            f"{part['challenger']:.4f}",
            f"{part['value']:+.4f}",
            f"{part['low']:+.4f} .. {part['high']:+.4f}",
        )
    console.print(table)
    if found.get("mcnemar"):
        test = found["mcnemar"]
        console.print(
            f"McNemar: only the champion is right {test['only_champion']:,} times, only the challenger "
            f"{test['only_challenger']:,} times, p {test['p_value']:.3g}",
            highlight=False,
        )


if __name__ == "__main__":
    sys.exit(main())
