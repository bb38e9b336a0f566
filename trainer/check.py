"""`python -m trainer.check`: proves that padding changes nothing in a model, or names the layer where it does.

    python -m trainer.check --model models/imdb                     a trained model, on its dataset's probes
    python -m trainer.check --model models/imdb --data out/imdb     on another dataset's
    python -m trainer.check --model anything.keras                  any Keras model, on random rows

Rows are predicted alone, beside the longest, padded further, in another bucket, with other padding content and without
a single step; see `trainer.invariance`. Exit status: 0 passed; 2 an error that the user can act on; 3 a check failed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.errors import InputError, LengthwiseError
from schemas.manifest import load_manifest
from trainer.command_line import EXIT_ERROR, quiet_start

if TYPE_CHECKING:
    from trainer.invariance import InvarianceReport, Rows

EXIT_FAILED = 3
ROWS = 8


def make_parser() -> argparse.ArgumentParser:
    """The flags of `python -m trainer.check`."""
    parser = argparse.ArgumentParser(
        prog="python -m trainer.check", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--model", required=True, metavar="PATH", help="output directory of `python -m trainer`, or a .keras file"
    )
    parser.add_argument("--data", metavar="DIR", help="dataset whose probes are sent (default: the model's own)")
    parser.add_argument("--rows", type=int, default=ROWS, metavar="N", help=f"rows to send (default: {ROWS})")
    parser.add_argument("--side", choices=("post", "pre"), default="post", help="padded side of random rows")
    parser.add_argument("--tolerance", type=float, metavar="X", help="largest change (default: by precision)")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit status."""
    flags = make_parser().parse_args(arguments)
    try:
        path = Path(flags.model)
        if not path.exists():
            raise InputError(f"{path}: no such file or directory; expected a trained model or a .keras file")
        if flags.rows < 2:
            raise InputError(f"--rows: received {flags.rows}, expected at least 2, so that rows have neighbours")
        if flags.data:
            load_manifest(flags.data)
        quiet_start()
        from trainer.invariance.checks import check_rows

        model, rows = _model_and_rows(path, Path(flags.data) if flags.data else None, flags)
        report = check_rows(model, rows, flags.tolerance)
    except LengthwiseError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_ERROR
    print(describe(report, rows, str(path)))
    return 0 if report.passed else EXIT_FAILED


def _model_and_rows(path: Path, data: Path | None, flags: argparse.Namespace) -> tuple[Any, Rows]:
    """The model, and rows for it: a dataset's probes, or random ones."""
    from trainer.saved_model import load_model, load_record

    names = None
    if path.is_dir():
        record = load_record(path)
        model, data, names = load_model(path), data or record.data, record.config.features
    else:
        model = _load_file(path)
    if data is not None:
        return model, probe_rows(data, names, flags.rows)
    from trainer.invariance.synthetic import synthetic_rows

    return model, synthetic_rows(model, flags.rows, flags.side)


def _load_file(path: Path) -> Any:
    import keras

    import trainer.models  # noqa: F401 (imported for its registrations)

    try:
        return keras.models.load_model(path, compile=False)
    except (ValueError, TypeError, OSError, KeyError) as error:
        raise InputError(
            f"{path}: cannot be read as a Keras model ({str(error).splitlines()[0]}); a model with layers of your own "
            "is checked from Python: trainer.invariance.check_padding_invariance(model, batch, lengths)"
        ) from error


def probe_rows(data: Path, names: Sequence[str] | None, count: int) -> Rows:
    """Probes of a dataset, from the shortest to the longest.

    Args:
      data: the dataset's directory.
      names: features of the model; all when None.
      count: rows.

    Raises:
      InputError: no probes, or features that the dataset does not have.
    """
    import numpy as np

    from trainer.input.decode import select_features
    from trainer.invariance.rows import unpad
    from trainer.serving.gate import longest_of
    from trainer.serving.probes import pad_probes, read_probes

    manifest = load_manifest(data)
    features = select_features(manifest, names)
    probes = read_probes(data, manifest, features)
    if not probes:
        raise InputError(f"{data}: holds no probes; preprocess again")
    sequences = [feature.name for feature in features if feature.is_sequence]
    ordered = sorted(probes, key=lambda probe: sum(len(probe.values[name]) for name in sequences))
    chosen = [ordered[index] for index in np.unique(np.linspace(0, len(ordered) - 1, count).round().astype(int))]
    sides = {feature.padding for feature in features if feature.is_sequence}
    if len(sides) > 1:
        raise InputError(f"{data}: pads some sequences before and some after their steps; check them one at a time")
    return unpad(pad_probes(chosen, features, longest_of(chosen, features)), side=sides.pop() or "post")


def describe(report: InvarianceReport, rows: Rows, name: str) -> str:
    """The report as text.

    Args:
      report: of the checks.
      rows: that were sent.
      name: of the model.
    """
    counts = [len(row) for values in rows.sequences.values() for row in values]
    lines = [f"{name}: {rows.count} rows of {min(counts)} to {max(counts)} steps", ""]
    lines.append(f"  {'check':<18}{'largest change':>15}")
    for result in report.results:
        mark = "" if result.passed else "   FAILED"
        remark = f"  {result.remark}" if result.remark else ""
        lines.append(f"  {result.name:<18}{result.deviation:>15.2e}{mark}{remark}")
    lines.append("")
    if report.passed:
        lines.append(f"passed: no prediction moves by more than {report.tolerance:g}; largest {report.largest:.2e}")
    else:
        lines.append(f"FAILED: {_worst(report)}")
        if report.leak is not None:
            leak = report.leak
            amount = "" if leak.change == float("inf") else f" (by {leak.change:.2e})"
            lines.append(f"first layer that leaks: {leak.layer} ({leak.kind}): {leak.reason}{amount}")
        else:
            lines.append("no single layer can be named: the change first shows in the prediction")
    return "\n".join(lines)


def _worst(report: InvarianceReport) -> str:
    finite = [result.deviation for result in report.results if result.deviation != float("inf")]
    moves = f"a prediction moves by {max(finite):.2e}, allowed is {report.tolerance:g}" if finite else ""
    if len(finite) == len(report.results):
        return moves
    refused = "a shape is refused or a prediction is no finite number"
    return f"{refused}; {moves}" if finite and max(finite) > report.tolerance else refused


if __name__ == "__main__":
    sys.exit(main())
