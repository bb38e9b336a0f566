"""`python -m pipeline`: raw variable-length data in, a published dataset out."""

from __future__ import annotations

import contextlib
import logging
import os
import resource
import sys
import time
import traceback
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.arguments import Arguments, parse_arguments
from schemas.errors import LengthwiseError
from schemas.spec import DatasetSpec, load_spec

if TYPE_CHECKING:
    from apache_beam.options.pipeline_options import PipelineOptions

    from pipeline.finish import Staged
    from pipeline.ingest import Inputs

OK, FAILED, USAGE = 0, 1, 2


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the preprocessing job; returns the exit status (see --help)."""
    arguments = parse_arguments(argv)
    try:
        run(arguments)
    except LengthwiseError as error:
        print(f"error: {error}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        print("interrupted: nothing is published", file=sys.stderr)
        return 130
    return OK


def run(arguments: Arguments) -> None:
    """Preprocesses and publishes.

    Raises:
      LengthwiseError: with a text for the user; nothing is published.
    """
    started = time.monotonic()
    spec = load_spec(arguments.spec)
    if arguments.max_rejected is not None:
        spec = spec.model_copy(update={"max_rejected": arguments.max_rejected})

    _quiet_libraries()
    from pipeline import progress
    from pipeline.beam_options import beam_options
    from pipeline.ingest import discover, resolve_spec
    from pipeline.publish import check_output, publish, staging_directory

    options = beam_options(arguments.beam)
    check_output(arguments.output)
    inputs = discover(spec, list(arguments.inputs), arguments.labels)
    spec = resolve_spec(spec, inputs)

    with staging_directory(arguments.output) as staging:
        with progress.shown() if not arguments.quiet else contextlib.nullcontext():
            staged = _preprocess(spec, inputs, staging, options)
        publish(staging, arguments.output)

    if not arguments.quiet:
        from rich.console import Console

        from pipeline.summary import print_summary

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print_summary(staged.manifest, arguments.output, time.monotonic() - started, peak, Console())


def _preprocess(spec: DatasetSpec, inputs: Inputs, staging: str, options: PipelineOptions) -> Staged:
    _import_tensorflow()
    from pipeline.failure import user_message
    from pipeline.finish import finish, remove_job_directory
    from pipeline.job import run_job

    try:
        outcome = run_job(spec, inputs, staging, options)
        staged = finish(spec, inputs, staging, outcome)
    except Exception as error:
        message = user_message(error)
        if message is None:
            traceback.print_exc()
            raise SystemExit(FAILED) from error
        raise LengthwiseError(message) from error
    remove_job_directory(staging)
    return staged


def _quiet_libraries() -> None:
    """Keeps TensorFlow's and Beam's own chatter off the terminal; errors stay."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    # Preprocessing needs no GPU, and must not take one from a training run beside it.
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    for name in ("apache_beam", "tensorflow", "absl"):
        # What fails is raised as well, and shown once: as a sentence, or as a traceback where it is unexpected.
        logging.getLogger(name).setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore")


def _import_tensorflow() -> None:
    """Imports TensorFlow and starts its devices without what its C++ prints on the way; exceptions still come out."""
    sys.stderr.flush()
    kept = os.dup(2)
    silence = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(silence, 2)
        import tensorflow as tf

        tf.zeros([])
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(silence)


if __name__ == "__main__":
    sys.exit(main())
