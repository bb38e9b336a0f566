"""`python -m pipeline.report OUT` writes report.html of a finished dataset again, from its manifest and statistics."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.report import REPORT_NAME, make_report
from schemas.errors import LengthwiseError
from schemas.manifest import load_manifest
from schemas.statistics import load_statistics


def main(argv: Sequence[str] | None = None) -> int:
    """Writes the report; returns 0, or 2 with a message where there is no dataset."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.report", description=__doc__)
    parser.add_argument("dataset", metavar="OUT", help="output directory of the preprocessing job")
    parser.add_argument("--output", metavar="FILE", help=f"where to write (default: {REPORT_NAME} in the dataset)")
    arguments = parser.parse_args(argv)
    try:
        page = make_report(load_manifest(arguments.dataset), load_statistics(arguments.dataset))
    except LengthwiseError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    path = Path(arguments.output) if arguments.output else Path(arguments.dataset) / REPORT_NAME
    path.write_text(page, encoding="utf-8")
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
