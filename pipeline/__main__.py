"""`python -m pipeline`: raw variable-length data in, a published dataset out."""

from __future__ import annotations

import contextlib
import resource
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.arguments import Arguments, parse_arguments
from pipeline.failure import told_to_user
from pipeline.lean_imports import import_beam, import_tensorflow, stays_local
from pipeline.quiet import quiet_libraries
from schemas.errors import LengthwiseError
from schemas.spec import DatasetSpec, load_spec

if TYPE_CHECKING:
    from apache_beam.options.pipeline_options import PipelineOptions

    from pipeline.finish import Staged
    from pipeline.ingest import Inputs
    from pipeline.transform.analysis_cache import AnalysisCache

OK, USAGE = 0, 2


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

    quiet_libraries()
    import_beam(stays_local([*arguments.texts(), spec.model_dump_json()]))
    from pipeline import progress
    from pipeline.beam_options import beam_options
    from pipeline.ingest import discover, resolve_spec
    from pipeline.publish import check_output, publish, staging_directory
    from pipeline.transform.analysis_cache import open_cache

    options = beam_options(arguments.beam)
    check_output(arguments.output)
    cache = open_cache(arguments.cache)
    inputs = discover(spec, list(arguments.inputs), arguments.labels)
    spec = resolve_spec(spec, inputs)

    with staging_directory(arguments.output) as staging:
        with progress.shown() if not arguments.quiet else contextlib.nullcontext():
            staged = _preprocess(spec, inputs, staging, options, cache, arguments.raw_held_out)
        publish(staging, arguments.output)

    if not arguments.quiet:
        from rich.console import Console

        from pipeline.ingest.reading import INPUT_BYTES
        from pipeline.summary import RunCost, describe_batches, print_summary

        cost = RunCost(
            seconds=time.monotonic() - started,
            peak_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            input_bytes=staged.outcome.counts.get(INPUT_BYTES, 0),
        )
        console = Console()
        print_summary(staged.manifest, arguments.output, cost, console)
        if cache is not None:
            console.print(describe_batches("analysis", staged.outcome.analysed_batches), highlight=False)
            console.print(describe_batches("statistics", staged.outcome.counted_batches), highlight=False)


def _preprocess(
    spec: DatasetSpec,
    inputs: Inputs,
    staging: str,
    options: PipelineOptions,
    cache: AnalysisCache | None,
    raw_held_out: bool,
) -> Staged:
    import_tensorflow()
    from pipeline.finish import finish, remove_job_directory
    from pipeline.job import run_job

    with told_to_user():
        outcome = run_job(spec, inputs, staging, options, cache, raw_held_out)
        staged = finish(spec, inputs, staging, outcome)
    remove_job_directory(staging)
    return staged


if __name__ == "__main__":
    sys.exit(main())
