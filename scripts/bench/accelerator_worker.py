"""What one device does with one model on one dataset; started by accelerator.py, prints its figures as one JSON line.

  trained     real epochs of the trainer's own loop: reading, prefetching, copying to the device
  resident    the same steps on random tensors that already lie in the device's memory
  longest     the same model with every row padded to the longest, in batches of as many padded steps

The first steps of a shape, which compile it, are never counted.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))


@dataclass(frozen=True)
class Task:
    """What to measure.

    Attributes:
      data: the dataset's directory.
      model: rnn, cnn, attention or multimodal.
      architecture: options of the model builder.
      precision: as in the trainer's configuration.
      epochs: to train; 0 measures steps alone.
      shapes: batch shapes to time, spread over the epoch's tokens; all of those with rows where it is 0.
      repeats: timed steps of each shape.
      batch_tokens: padded steps of a batch; the trainer's choice when None.
      longest: whether to time the model padded to the longest as well.
    """

    data: str
    model: str
    architecture: dict[str, Any]
    precision: str = "auto"
    epochs: int = 0
    shapes: int = 0
    repeats: int = 5
    batch_tokens: int | None = None
    longest: bool = False


def measure(task: Task) -> dict[str, Any]:
    """All figures of one task."""
    from trainer.config import TrainerConfig
    from trainer.environment import device_names, set_up
    from trainer.fit.loop import Loop
    from trainer.session import make_run, open_dataset

    config = TrainerConfig(
        model=task.model,
        architecture=task.architecture,
        precision=task.precision,
        epochs=max(1, task.epochs),
        batch_tokens=task.batch_tokens,
        early_stopping=None,
        deterministic=False,
    )
    precision = set_up(config)
    dataset = open_dataset(task.data, config)
    run = make_run(dataset, config, precision=precision)
    found: dict[str, Any] = {"device": device_names()[0], "precision": precision}
    if task.epochs:
        started = time.perf_counter()
        history = Loop(run).fit().history
        found["seconds"] = time.perf_counter() - started
        found["trained"] = [epoch["tokens_per_second"] for epoch in history]
        found["validation"] = {k: v for k, v in history[-1].items() if k.startswith("validation_")}
        found["check"] = invariance(run.model, Path(task.data))
    schedule = run.train.schedule(config.seed, 1)
    counts = np.bincount(
        [schedule[step].shape for step in range(len(schedule))], minlength=len(dataset.shapes)
    ).tolist()
    chosen = chosen_shapes(counts, [shape.cost * shape.rows for shape in dataset.shapes], task.shapes)
    batches = first_batches(run.train, schedule, chosen)
    found["resident"] = {
        str(shape): {"step": step_seconds(run.steps, batch, task.repeats), "steps": counts[shape]}
        for shape, batch in batches.items()
    }
    found["kernels"] = kernels(run, next(iter(batches.values())))
    found["tokens"] = {str(shape): real_tokens(run.train, schedule, shape) for shape in chosen}
    if task.longest:
        largest = max(dataset.shapes[shape].cost * dataset.shapes[shape].rows for shape in batches)
        rows = max(1, largest // dataset.shapes[max(batches)].cost)
        batch = of_rows(batches[max(batches)], rows, len(dataset.shapes))
        found["longest"] = {
            "step": step_seconds(run.steps, batch, task.repeats),
            "steps": run.train.rows / rows,
            "tokens": sum(real_tokens(run.train, schedule, shape) for shape in range(len(dataset.shapes))),
        }
    return found


def chosen_shapes(counts: Sequence[int], costs: Sequence[int], wanted: int) -> list[int]:
    """Batch shapes with rows: all of them, or some that stand at even places of the epoch's padded steps."""
    filled = [shape for shape, count in enumerate(counts) if count]
    if not wanted or wanted >= len(filled):
        return filled
    weight = np.cumsum([counts[shape] * costs[shape] for shape in filled])
    places = (np.arange(wanted) + 0.5) / wanted * weight[-1]
    return sorted({filled[int(index)] for index in np.searchsorted(weight, places)})


def first_batches(split: Any, schedule: Any, shapes: Sequence[int]) -> dict[int, Any]:
    """A batch of each shape."""
    found: dict[int, Any] = {}
    for step in range(len(schedule)):
        shape = schedule[step].shape
        if shape in shapes and shape not in found:
            found[shape] = split.batch(schedule, step)
    return found


def real_tokens(split: Any, schedule: Any, shape: int) -> int:
    """Real steps that an epoch has in batches of one shape."""
    steps = [step for step in range(len(schedule)) if schedule[step].shape == shape]
    return sum(split.batch(schedule, step).real_steps for step in steps)


def of_rows(batch: Any, rows: int, shape: int) -> Any:
    """The batch with its rows repeated or cut to a number, under the number of a shape of its own."""

    def resized(values: np.ndarray) -> np.ndarray:
        return np.resize(values, (rows, *values.shape[1:]))

    features = {name: resized(values) for name, values in batch.features.items()}
    return replace(batch, shape=shape, features=features, labels=resized(batch.labels), weights=resized(batch.weights))


def step_seconds(steps: Any, batch: Any, repeats: int) -> float:
    """Mean seconds of a training step on a batch that lies in the device's memory, its first steps not counted."""
    resident = on_device(random_like(batch))
    for _ in range(2):  # compiles; then once more, for buffers that are made at the first run
        wait(steps.train(resident))
    started = time.perf_counter()
    for _ in range(repeats):
        sums = steps.train(resident)
    wait(sums)
    return (time.perf_counter() - started) / repeats


def wait(sums: Any) -> None:
    """Until the device has computed it."""
    import keras

    keras.ops.convert_to_numpy(sums)


def random_like(batch: Any) -> Any:
    """The batch with random ids and numbers in the place of its own; lengths, labels and weights stay."""
    generator = np.random.default_rng(0)
    features = {}
    for name, values in batch.features.items():
        if name.endswith("_length"):
            features[name] = values
        elif values.dtype.kind == "f":
            features[name] = generator.normal(size=values.shape).astype(values.dtype)
        else:
            features[name] = generator.integers(0, int(values.max()) + 1, values.shape).astype(values.dtype)
    return replace(batch, features=features)


def on_device(batch: Any) -> Any:
    """The batch as arrays of the backend; JAX holds integers in 32 bits."""
    import keras

    def moved(values: np.ndarray) -> Any:
        if keras.backend.backend() == "jax" and values.dtype == np.int64:
            values = values.astype(np.int32)
        return keras.ops.convert_to_tensor(values)

    features: Mapping[str, Any] = {name: moved(values) for name, values in batch.features.items()}
    return replace(batch, features=features, labels=moved(batch.labels), weights=moved(batch.weights))


def kernels(run: Any, batch: Any) -> str:
    """Which way the recurrent layers are computed, and why; on JAX as the step's own code says it."""
    import keras

    from trainer.fit.compilation import all_layers

    recurrent = [layer for layer in all_layers(run.model) if hasattr(layer, "uses_fused")]
    if not recurrent:
        return "-"
    if not all(layer.uses_fused for layer in recurrent):
        gpus = [device for device in keras.distribution.list_devices() if not device.lower().startswith("cpu")]
        return "scan: never or recurrent dropout" if gpus else "scan: no GPU"
    if keras.backend.backend() == "jax":
        return "fused: cuDNN" if "cudnn" in run.steps.lowered(batch).lower() else "scan: XLA, though fused was asked"
    return "fused, as Keras decides"


def invariance(model: Any, data: Path) -> dict[str, Any]:
    """The padding check on the dataset's probes, on this device."""
    from trainer.check import ROWS, probe_rows
    from trainer.invariance.checks import check_rows

    report = check_rows(model, probe_rows(data, None, ROWS))
    return {"passed": report.passed, "largest": report.largest, "tolerance": report.tolerance}


if __name__ == "__main__":
    print(json.dumps(measure(Task(**json.loads(sys.argv[1])))))
