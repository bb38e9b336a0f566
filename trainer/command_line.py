"""The command `python -m trainer`: flags, configuration, exit status.

TensorFlow and Keras are imported only when the configuration is known to be good.
Exit status: 0 trained; 2 an error that the user can act on; 3 trained, but the export gate failed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from schemas.errors import LengthwiseError
from schemas.manifest import load_manifest
from trainer.config import MODEL_NAMES, load_config
from trainer.quiet import quiet_start

EXIT_ERROR = 2


def make_parser() -> argparse.ArgumentParser:
    """The flags of `python -m trainer`."""
    parser = argparse.ArgumentParser(
        prog="python -m trainer",
        description="Trains a masked Keras model on a dataset that `python -m pipeline` has written, evaluates it, and "
        "exports it when it passes the gate. KERAS_BACKEND chooses tensorflow (default) or jax.",
    )
    parser.add_argument("--data", required=True, metavar="DIR", help="the dataset: output of `python -m pipeline`")
    parser.add_argument("--output", required=True, metavar="DIR", help="where model, report, checkpoints and logs go")
    parser.add_argument("--config", metavar="FILE", help="YAML with any of the settings below and more; flags win")
    parser.add_argument("--model", choices=MODEL_NAMES, help="which model to build (default: rnn)")
    parser.add_argument("--features", metavar="A,B", help="features the model reads (default: all)")
    parser.add_argument("--epochs", type=int, metavar="N", help="passes over the train split (default: by its size)")
    parser.add_argument("--batch-tokens", type=int, metavar="N", help="padded steps a batch (default: by the data)")
    parser.add_argument("--learning-rate", type=float, metavar="RATE", help="peak learning rate (default: 0.001)")
    parser.add_argument("--seed", type=int, metavar="N", help="of weights, order and dropout (default: 0)")
    parser.add_argument("--class-weights", choices=("none", "balanced"), help="weight of the rows of each class")
    parser.add_argument(
        "--precision",
        choices=("auto", "float32", "mixed_bfloat16", "mixed_float16"),
        help="of the computation (default: auto)",
    )
    parser.add_argument("--jit", choices=("auto", "true", "false"), help="XLA on TensorFlow (default: auto)")
    parser.add_argument("--devices", metavar="N", help="accelerators that share every batch, or all (default: 1)")
    parser.add_argument("--warm-start", metavar="DIR", help="trained model whose weights are the starting point")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint in --output, if any")
    parser.add_argument("--no-export", action="store_true", help="train and evaluate only")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit status."""
    flags = make_parser().parse_args(arguments)
    try:
        config = load_config(flags.config, _overrides(flags))
        load_manifest(flags.data)
        quiet_start()
        from trainer.training import train

        return train(Path(flags.data), Path(flags.output), config, resume=flags.resume, with_export=not flags.no_export)
    except LengthwiseError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_ERROR
    except KeyboardInterrupt:
        print("interrupted; run again with --resume to go on from the last checkpoint", file=sys.stderr)
        return 130


def _overrides(flags: argparse.Namespace) -> dict[str, Any]:
    jit = {"true": True, "false": False, "auto": "auto", None: None}[flags.jit]
    devices = int(flags.devices) if flags.devices and flags.devices.isdigit() else flags.devices
    return {
        "model": flags.model,
        "features": [name.strip() for name in flags.features.split(",") if name.strip()] if flags.features else None,
        "epochs": flags.epochs,
        "batch_tokens": flags.batch_tokens,
        "learning_rate": flags.learning_rate,
        "seed": flags.seed,
        "class_weights": flags.class_weights,
        "precision": flags.precision,
        "jit": jit,
        "devices": devices,
        "warm_start": flags.warm_start,
    }
