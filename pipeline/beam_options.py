"""Options for Beam: everything on the command line that is not ours, checked, with defaults for one machine."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions, StandardOptions

from schemas.errors import LengthwiseError
from schemas.strict import nearest_name


class OptionError(LengthwiseError):
    """An option that neither Lengthwise nor Beam knows."""


def beam_options(arguments: Sequence[str]) -> PipelineOptions:
    """Makes Beam's options of the rest of the command line.

    On the DirectRunner, one worker in this process is the default. Two threads or processes of the runner exchange
    every batch through gRPC: 100,000 film reviews took 87 s with two threads against 54 to 72 s without
    (2026-11-23, a busy machine). The other core is not idle: TensorFlow's and Arrow's kernels use it.

    Raises:
      OptionError: naming the unknown option and the nearest known one.
    """
    _refuse_unknown(arguments)
    options = PipelineOptions(list(arguments))
    # The input and the output are looked at before there is a pipeline, which would tell Beam's filesystems of a
    # store's endpoint and credentials.
    FileSystems.set_options(options)
    if is_direct(options):
        direct = options.view_as(DirectOptions)
        given = " ".join(arguments)
        if "--direct_running_mode" not in given and "--direct_num_workers" not in given:
            direct.direct_running_mode = "in_memory"
            direct.direct_num_workers = 1
        # The in-process runner by name: "DirectRunner" may try to fetch another runner's program first.
        options.view_as(StandardOptions).runner = "apache_beam.runners.portability.fn_api_runner.FnApiRunner"
    return options


def is_direct(options: PipelineOptions) -> bool:
    """Whether the job runs in this process."""
    runner = options.view_as(StandardOptions).runner
    return runner in (None, "DirectRunner", "FnApiRunner") or runner.endswith(".FnApiRunner")


def _refuse_unknown(arguments: Sequence[str]) -> None:
    parser: Any = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for group in PipelineOptions.__subclasses__():
        if "_add_argparse_args" in group.__dict__:
            try:
                group._add_argparse_args(parser)
            except argparse.ArgumentError:  # two groups may define the same option
                continue
    _, unknown = parser.parse_known_args(list(arguments))
    if unknown:
        known = [option for action in parser._actions for option in action.option_strings]
        name = unknown[0].split("=")[0]
        near = nearest_name(name, [*known, "--spec", "--input", "--output", "--labels", "--max-rejected", "--quiet"])
        hint = f"; did you mean {near}?" if near else ""
        raise OptionError(
            f"unknown option {unknown[0]!r}{hint} (python -m pipeline --help lists Lengthwise's own options; "
            "all others are Beam's)"
        )
