"""What an accelerator makes of the trainer: one command, under ten minutes, the table last.

    KERAS_BACKEND=jax python scripts/bench/accelerator.py --data out/imdb out/vowels
    python scripts/bench/accelerator.py --data out/vowels --smoke        on any machine: does everything, proves nothing

The datasets come from `python -m pipeline`, here or on another machine: training on JAX needs no TensorFlow. Columns:

  tokens/s     real steps a second of the trainer's own epochs, the first one (compilation) left out
  of resident  the same over the speed on random tensors that already lie in the device's memory: 90 % wanted
  x longest    times the speed with every row padded to the longest, in batches of as many padded steps, both resident
  x CPU        times the speed of the same steps on this machine's processor, on some batch shapes
  x float32    times the speed of the same steps in float32, where the device trains in another precision
  kernels      how recurrent layers are computed
  check        largest change of a prediction by padding, on this device (python -m trainer.check)

Every measurement is a process of its own. Those that the time does not suffice for are left out and said to be.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts.bench.accelerator_worker import Task

MODELS = ("rnn", "cnn", "attention", "multimodal")
ON_CPU = {"JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": "-1"}
SMALL: dict[str, dict[str, Any]] = {
    "rnn": {"units": 4, "embedding": 4},
    "cnn": {"blocks": 1, "filters": 4, "embedding": 4},
    "attention": {"dimension": 8, "heads": 2, "depth": 1, "feed_forward": 8},
    "multimodal": {"join_units": 8, "head_units": 8},
}
ENOUGH = 0.9
COLUMNS = ("dataset", "model", "precision", "tokens/s", "of resident", "x longest", "x CPU", "x float32", "kernels")
Figures = Mapping[str, Any]


class Clock:
    """The time that is left.

    Args:
      minutes: of the whole run.
    """

    def __init__(self, minutes: float) -> None:
        self._end = time.monotonic() + 60 * minutes

    def left(self) -> float:
        """Seconds until the end."""
        return self._end - time.monotonic()


def run_task(task: Task, clock: Clock, environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Figures of one task from a process of its own; {"failed": why} where there are none.

    Args:
      task: what to measure.
      clock: ends the process when the time is over.
      environment: variables to set for it.
    """
    worker = Path(__file__).with_name("accelerator_worker.py")
    if clock.left() <= 0:
        return {"failed": "no time left"}
    try:
        done = subprocess.run(
            [sys.executable, str(worker), json.dumps(asdict(task))],
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **(environment or {})},
            capture_output=True,
            text=True,
            check=False,
            timeout=clock.left(),
        )
    except subprocess.TimeoutExpired:
        return {"failed": "the time was over"}
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        return {"failed": lines[-1]}
    return dict(json.loads(done.stdout.splitlines()[-1]))


def speed(figures: Figures) -> float:
    """Real steps a second on resident tensors."""
    return sum(figures["tokens"].values()) / sum(seconds(figures).values())


def seconds(figures: Figures) -> dict[str, float]:
    """Seconds that the steps of each measured shape take in an epoch."""
    return {shape: found["step"] * found["steps"] for shape, found in figures["resident"].items()}


def times_faster(figures: Figures, other: Figures) -> float | None:
    """How many times less the same steps take than elsewhere, over the shapes that both measured."""
    if "failed" in other:
        return None
    ours, theirs = seconds(figures), seconds(other)
    both = ours.keys() & theirs.keys()
    return sum(theirs[shape] for shape in both) / sum(ours[shape] for shape in both) if both else None


def row_of(data: str, model: str, found: Mapping[str, Figures]) -> dict[str, str]:
    """One line of the table, by column.

    Args:
      data: the dataset's directory.
      model: its name.
      found: figures of the device, of float32 there and of the processor.
    """
    device = found["device"]
    row = {"dataset": Path(data).name, "model": model}
    if "failed" in device:
        return {**row, "precision": f"failed: {device['failed']}"}
    trained, resident = max(device["trained"][1:]), speed(device)
    longest = device["longest"]
    slower = longest["step"] * longest["steps"] / longest["tokens"] * resident
    check = device["check"]
    return {
        **row,
        "precision": device["precision"],
        "tokens/s": f"{trained:,.0f}",
        "of resident": f"{trained / resident:.0%}" + (" LOW" if trained < ENOUGH * resident else ""),
        "x longest": f"{slower:.1f}",
        "x CPU": _ratio(times_faster(device, found["cpu"])),
        "x float32": _ratio(times_faster(device, found["float32"])),
        "kernels": device["kernels"],
        "check": f"{check['largest']:.1e} {'passed' if check['passed'] else 'FAILED'} (at most {check['tolerance']:g})",
    }


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def print_table(rows: Sequence[Mapping[str, str]]) -> None:
    """The rows in columns as wide as they need."""
    columns = [*COLUMNS, "check"]
    widths = [max(len(column), *(len(row.get(column, "")) for row in rows)) for column in columns]
    for row in [dict(zip(columns, columns, strict=True)), *rows]:
        cells = (row.get(column, "").ljust(width) for column, width in zip(columns, widths, strict=True))
        print("  ".join(cells).rstrip())


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The flags."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, nargs="+", metavar="DIR", help="datasets of `python -m pipeline`")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--epochs", type=int, default=3, help="trained by each model; at least 2 (default: 3)")
    parser.add_argument("--batch-tokens", type=int, help="padded steps of a batch (default: by the data)")
    parser.add_argument("--minutes", type=float, default=9.0, help="after which nothing more is measured (default: 9)")
    parser.add_argument("--smoke", action="store_true", help="small models, two epochs, few steps: does it all work?")
    parser.add_argument("--json", metavar="FILE", help="where to write all figures")
    flags = parser.parse_args(arguments)
    missing = [data for data in flags.data if not (Path(data) / "manifest.json").is_file()]
    if missing:
        parser.error(
            f"--data: {', '.join(missing)} holds no finished dataset; make it with "
            "`python -m pipeline --spec schemas/imdb.yaml --input FILES --output DIR`, here or on another machine"
        )
    if flags.epochs < 2:
        parser.error(f"--epochs: received {flags.epochs}, expected at least 2, because the first one compiles")
    return flags


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, and prints the table last; 1 where something failed."""
    flags = parse_arguments(arguments)
    clock = Clock(flags.minutes)
    found: dict[tuple[str, str], dict[str, Figures]] = {}
    few, repeats, epochs = (1, 2, 2) if flags.smoke else (4, 20, flags.epochs)
    pairs = [(data, model) for data in flags.data for model in flags.models]
    # All of the device first: should the time be over, it is the processor's turn that is lost.
    for part in ("device", "float32", "cpu"):
        for data, model in pairs:
            architecture = SMALL[model] if flags.smoke else {}
            task = Task(data, model, architecture, "float32", 0, few, repeats, flags.batch_tokens)
            before = found.setdefault((data, model), {}).get("device", {})
            if part == "device":
                task = Task(data, model, architecture, "auto", epochs, 0, repeats, flags.batch_tokens, longest=True)
            elif "failed" in before or (part == "float32" and before["precision"] == "float32"):
                found[data, model][part] = {"failed": "nothing to compare"}
                continue
            started = time.monotonic()
            figures = run_task(task, clock, ON_CPU if part == "cpu" else None)
            found[data, model][part] = figures
            what = figures.get("failed") or f"{speed(figures):,.0f} tokens/s resident on {figures['device']}"
            print(f"{Path(data).name} {model} {part}: {what} ({time.monotonic() - started:.0f} s)", flush=True)
    if flags.json:
        Path(flags.json).write_text(json.dumps([[*pair, found[pair]] for pair in pairs], indent=2), encoding="utf-8")
    names = [str(f["device"]["device"]) for f in found.values() if "device" in f["device"]]
    backend, device = os.environ.get("KERAS_BACKEND", "tensorflow"), names[0] if names else "no device"
    print(f"\n{backend} on {device}, processor of {os.cpu_count()} cores")
    print_table([row_of(data, model, found[data, model]) for data, model in pairs])
    return int(any("failed" in found[pair]["device"] for pair in pairs))


if __name__ == "__main__":
    sys.exit(main())
