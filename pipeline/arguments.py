"""The command line of `python -m pipeline`. Nothing heavy is imported here, so --help answers at once."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

DESCRIPTION = "Turns raw variable-length data into length-bucketed TFRecords: one spec, one command."
EPILOG = """\
example:
  python -m pipeline --spec schemas/imdb.yaml --input 'data/*.parquet' --output out/imdb

Any other option is passed to Apache Beam, for instance --runner=FlinkRunner --flink_master=localhost:8081.
On one machine the job runs in this process; --direct_running_mode=multi_processing --direct_num_workers=N uses more.

exit status:
  0  the dataset is published
  1  an unexpected failure; nothing is published
  2  a usage, spec, input or output error, or too many rejected rows; nothing is published
"""


@dataclass(frozen=True)
class Arguments:
    """What the user asked for.

    Attributes:
      spec: path of the dataset spec.
      inputs: file names and globs, possibly SPLIT=pattern.
      output: the dataset's directory.
      labels: labels file that replaces the spec's; None keeps it.
      cache: directory of accumulators of earlier runs; None without a cache.
      max_rejected: share of rejected rows that replaces the spec's; None keeps it.
      raw_held_out: also write the held-out rows raw.
      quiet: no progress, no summary.
      beam: options for Beam.
    """

    spec: str
    inputs: tuple[str, ...]
    output: str
    labels: str | None
    cache: str | None
    max_rejected: float | None
    raw_held_out: bool
    quiet: bool
    beam: tuple[str, ...]

    def texts(self) -> list[str]:
        """Everything that may name a place or a runner."""
        named = [self.spec, *self.inputs, self.output, self.labels, self.cache, *self.beam]
        return [text for text in named if text is not None]


def parse_arguments(argv: Sequence[str] | None = None) -> Arguments:
    """Parses the command line; exits with status 2 and a message on a usage error."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--spec", required=True, metavar="FILE", help="the dataset spec (YAML); see schemas/*.yaml")
    parser.add_argument(
        "--input",
        required=True,
        action="append",
        nargs="+",
        metavar="FILE",
        help="input files or quoted globs, repeatable; SPLIT=FILE where the spec says splits: {by: input}",
    )
    parser.add_argument(
        "--output", required=True, metavar="DIR", help="where the dataset goes; replaced if one is there"
    )
    parser.add_argument("--labels", metavar="FILE", help="labels file, instead of the spec's source.labels.path")
    parser.add_argument(
        "--max-rejected",
        type=_share,
        metavar="SHARE",
        help="fail past this share of rejected rows (default: the spec's)",
    )
    parser.add_argument(
        "--cache", metavar="DIR", help="keep what analysis counts here, so that the next run counts only new rows"
    )
    parser.add_argument(
        "--raw-held-out",
        action="store_true",
        help="also write the held-out rows raw (held_out/), which `python -m trainer.compare` scores models on",
    )
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    known, beam = parser.parse_known_args(argv)
    if beam and not beam[0].startswith("--"):
        parser.error(f"unexpected argument {beam[0]!r}; quote globs or repeat --input")
    return Arguments(
        spec=known.spec,
        inputs=tuple(pattern for group in known.input for pattern in group),
        output=known.output,
        labels=known.labels,
        cache=known.cache,
        max_rejected=known.max_rejected,
        raw_held_out=known.raw_held_out,
        quiet=known.quiet,
        beam=tuple(beam),
    )


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"received {text}, expected a share between 0 and 1, such as 0.01")
    return value
