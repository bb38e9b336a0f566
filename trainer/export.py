"""`python -m trainer.export`: publishes a trained model for serving when it passes the gate.

Exit status: 0 published; 2 an error that the user can act on; 3 the gate failed, and nothing was published.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from schemas.errors import LengthwiseError
from schemas.manifest import load_manifest
from trainer.command_line import EXIT_ERROR
from trainer.quiet import quiet_start
from trainer.saved_model import load_record


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m trainer.export", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", required=True, metavar="DIR", help="output directory of `python -m trainer`")
    parser.add_argument("--data", metavar="DIR", help="dataset (default: the one the model was trained on)")
    parser.add_argument("--output", metavar="DIR", help="directory of the versions (default: <model>/export)")
    flags = parser.parse_args(arguments)
    try:
        model = Path(flags.model)
        data = Path(flags.data) if flags.data else load_record(model).data
        load_manifest(data)
        # A SavedModel is TensorFlow's own form; the layers run on every backend, so the model is built anew on it.
        os.environ["KERAS_BACKEND"] = "tensorflow"
        quiet_start()
        from rich.console import Console

        from trainer.serving.publish import export_and_say

        return export_and_say(Console(), model, data, Path(flags.output) if flags.output else model / "export")
    except LengthwiseError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_ERROR


if __name__ == "__main__":
    sys.exit(main())
