"""`python -m pipeline.infer`: drafts a dataset spec from data, one that runs as it is."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from schemas.errors import LengthwiseError

OK, USAGE = 0, 2
EPILOG = """\
example:
  python -m pipeline.infer --input data/reviews.parquet --output reviews.yaml
  python -m pipeline.validate --spec reviews.yaml --input data/reviews.parquet

exit status:
  0  the spec is drafted and the input fits it
  2  a usage or input error, or nothing that a spec could be made of
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Drafts a spec; returns the exit status (see --help)."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.infer",
        description="Drafts a spec from data: types, ranges, likely key and label, lists, event tables.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--input", required=True, action="append", nargs="+", metavar="FILE", help="input files or quoted globs"
    )
    parser.add_argument("--labels", metavar="FILE", help="a file with labels, to be joined by key")
    parser.add_argument("--name", help="the data set's name; from the file's name when absent")
    parser.add_argument("--output", metavar="FILE", help="where the spec goes; printed when absent")
    arguments = parser.parse_args(argv)
    patterns = [pattern for group in arguments.input for pattern in group]
    try:
        text = infer(patterns, arguments.labels, arguments.name)
        if arguments.output is not None:
            _write_new(Path(arguments.output), text)
    except LengthwiseError as error:
        print(f"error: {error}", file=sys.stderr)
        return USAGE
    if arguments.output is None:
        print(text, end="")
    else:
        print(f"drafted {arguments.output}; read it, then: python -m pipeline.validate --spec {arguments.output} ...")
    return OK


def infer(patterns: Sequence[str], labels: str | None = None, name: str | None = None) -> str:
    """A spec as YAML text, checked against the spec's own rules and against the columns of all files.

    Args:
      patterns: files, globs or directories.
      labels: a label file to be joined by key.
      name: the data set's name; made from the file's name when None.

    Raises:
      LengthwiseError: no spec can be made of the input.
    """
    import yaml

    from pipeline.ingest import discover, resolve_spec
    from pipeline.ingest.draft import draft_spec
    from schemas.spec import parse_spec

    text = draft_spec(patterns, labels, name)
    spec = parse_spec(yaml.safe_load(text), "the drafted spec")
    resolve_spec(spec, discover(spec, list(patterns), labels))
    return text


def _write_new(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise LengthwiseError(f"{path}: exists already; name another file, or remove it first") from error
    except OSError as error:
        raise LengthwiseError(f"{path}: cannot be written ({error.strerror})") from error


if __name__ == "__main__":
    sys.exit(main())
