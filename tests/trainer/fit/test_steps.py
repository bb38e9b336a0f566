"""Every example weighs the same, rows of zero weight weigh nothing, every shape is traced once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from trainer.config import TrainerConfig
from trainer.fit.compilation import Compilation
from trainer.fit.loop import Loop, Run
from trainer.fit.state import snapshot
from trainer.input.batches import Batch
from trainer.session import build_default_model, make_run, open_dataset


def make(directory: Path, builder: Any, **settings: Any) -> Run:
    config = TrainerConfig(**{"epochs": 2, "batch_tokens": 64, "clip_norm": None, "warm_up": 0, **settings})
    return make_run(open_dataset(directory, config), config, builder=builder)


def use_gradient_descent(run: Run, rate: float = 1.0, compilation: Compilation | None = None) -> None:
    """Puts plain SGD in the place of Adam, so that a step's change of the weights is its gradient."""
    from trainer.fit.steps import make_steps

    scale = run.scale
    run.optimizer = keras.optimizers.SGD(rate)
    run.steps = make_steps(run.model, run.optimizer, run.kind, scale, compilation or Compilation())


def weights(run: Run) -> np.ndarray:
    run.steps.publish()
    return np.concatenate([value.ravel() for value in snapshot(run.model.trainable_variables)])


def load(run: Run, flat: np.ndarray) -> None:
    start = 0
    for variable in run.model.trainable_variables:
        size = int(np.prod(variable.shape))
        variable.assign(flat[start : start + size].reshape(variable.shape))
        start += size
    run.steps.adopt()


@pytest.mark.parametrize(
    ("kind", "class_weights"),
    [("binary", "none"), ("binary", "balanced"), ("multiclass", {"a": 3.0}), ("regression", "none")],
)
def test_the_gradients_of_an_epoch_add_up_to_the_gradient_of_all_rows(
    make_dataset: Callable[..., Path], small_model: Any, kind: str, class_weights: Any
) -> None:
    directory = make_dataset(kind=kind)
    run = make(directory, small_model, class_weights=class_weights)
    use_gradient_descent(run)
    start = weights(run)
    schedule = run.train.schedule(seed=1)
    assert len({batch.rows for batch in run.train.batches(schedule)}) > 1, "the batches must differ in size"
    change = np.zeros_like(start)
    for batch in run.train.batches(schedule):
        load(run, start)
        run.steps.train(batch)
        change += weights(run) - start

    load(run, start)
    whole = one_batch_of_all_rows(run, list(run.train.batches(schedule)))
    run.steps.train(whole)
    assert np.allclose(change, weights(run) - start, atol=2e-6)
    assert np.abs(change).max() > 1e-2


def one_batch_of_all_rows(run: Run, batches: list[Batch]) -> Batch:
    longest = max(batch.features["text"].shape[1] for batch in batches)
    features = {
        "text": np.concatenate(
            [
                np.pad(b.features["text"][: b.rows], ((0, 0), (0, longest - b.features["text"].shape[1])))
                for b in batches
            ]
        ),
        "text_length": np.concatenate([b.features["text_length"][: b.rows] for b in batches]),
    }
    labels = np.concatenate([b.labels[: b.rows] for b in batches])
    row_weights = np.concatenate([b.weights[: b.rows] for b in batches])
    return Batch(99, features, labels, row_weights, len(labels), 0, 0)


def test_rows_of_zero_weight_change_nothing(make_dataset: Callable[..., Path], small_model: Any) -> None:
    run = make(make_dataset(), small_model)
    use_gradient_descent(run)
    batch = next(iter(run.train.batches(run.train.schedule(0))))
    start = weights(run)
    sums = np.asarray(run.steps.train(batch))
    expected = weights(run)
    load(run, start)
    empty = {name: np.concatenate([v, np.zeros_like(v[:3])]) for name, v in batch.features.items()}
    labels = np.concatenate([batch.labels, np.ones_like(batch.labels[:3])])
    padded = replace(batch, shape=98, features=empty, labels=labels, weights=np.pad(batch.weights, ((0, 3), (0, 0))))
    assert np.allclose(np.asarray(run.steps.train(padded)), sums)
    assert np.allclose(weights(run), expected, atol=1e-7)


@pytest.mark.parametrize("jit", [False, True])
def test_an_id_that_occurs_often_moves_as_far_as_any_other(
    make_dataset: Callable[..., Path], small_model: Any, jit: bool
) -> None:
    """Adam's first step is the learning rate, whatever the gradient; Keras squared each occurrence for itself."""
    run = make(make_dataset(), small_model, jit=jit, learning_rate=0.01, schedule="constant")
    batch = next(iter(run.train.batches(run.train.schedule(0))))
    assert np.bincount(batch.features["text"][: batch.rows].ravel())[1:].max() > 1, "no id occurs twice"
    start = weights(run)
    run.steps.train(batch)
    assert np.abs(weights(run) - start).max() == pytest.approx(0.01, rel=1e-3)


RNN = {"units": 4, "embedding": 4, "input_dropout": 0.0, "head_dropout": 0.0}


def on_tensorflow() -> None:
    if keras.backend.backend() != "tensorflow":
        pytest.skip("parts of a batch and compilation ahead are TensorFlow's")


def test_parts_of_a_batch_add_up_to_its_step(make_dataset: Callable[..., Path]) -> None:
    on_tensorflow()
    directory, found, sums = make_dataset(), [], []
    for compilation in (Compilation(), Compilation(train=True), Compilation(train=True, parts=2)):
        run = make(directory, build_default_model, model="rnn", architecture=RNN)
        use_gradient_descent(run, compilation=compilation)
        start = weights(run)
        sizes = set()
        for batch in run.train.batches(run.train.schedule(0)):
            sizes.add(compilation.parts_of(len(batch.weights)))
            sums.append(np.asarray(run.steps.train(batch)))
        found.append(weights(run) - start)
    assert 2 in sizes
    assert np.allclose(found[0], found[1], atol=1e-6) and np.allclose(found[0], found[2], atol=1e-6)
    assert np.allclose(*np.split(np.array(sums), 3)[::2], atol=1e-5)
    assert np.abs(found[0]).max() > 1e-3


def test_a_penalty_counts_once_in_all_parts(make_dataset: Callable[..., Path]) -> None:
    on_tensorflow()

    def builder(*arguments: Any) -> Any:
        model = build_default_model(*arguments)
        model.get_layer("prediction").kernel_regularizer = keras.regularizers.L2(0.5)
        return model

    directory, found = make_dataset(), []
    for parts in (1, 2):
        run = make(directory, builder, model="rnn", architecture=RNN)
        use_gradient_descent(run, compilation=Compilation(train=True, parts=parts))
        run.steps.train(next(iter(run.train.batches(run.train.schedule(0)))))
        found.append(weights(run))
    assert np.allclose(*found, atol=1e-6)


def test_what_is_dropped_does_not_depend_on_the_parts(make_dataset: Callable[..., Path]) -> None:
    on_tensorflow()
    directory, sums = make_dataset(), []
    architecture = {**RNN, "input_dropout": 0.4, "head_dropout": 0.5}
    for parts in (1, 2):
        run = make(directory, build_default_model, model="rnn", architecture=architecture)
        use_gradient_descent(run, compilation=Compilation(train=True, parts=parts))
        sums.append([np.asarray(run.steps.train(batch)) for batch in run.train.batches(run.train.schedule(0))])
    assert np.allclose(*sums, atol=1e-5)


def test_parts_with_equal_rows_draw_unequal_noise(make_dataset: Callable[..., Path]) -> None:
    """Were their dropout the same, the loss of a batch would be twice that of its half."""
    on_tensorflow()
    directory, seen = make_dataset(), []
    for first_half, second_half in ((1.0, 0.0), (0.0, 1.0)):
        run = make(directory, build_default_model, model="rnn", architecture={**RNN, "head_dropout": 0.5})
        use_gradient_descent(run, compilation=Compilation(train=True, parts=2))
        batch = next(iter(run.train.batches(run.train.schedule(0))))
        half = len(batch.weights) // 2
        weight = np.repeat(np.float32([[first_half], [second_half]]), half, axis=0)
        features = {name: np.repeat(value[:1], 2 * half, axis=0) for name, value in batch.features.items()}
        same = replace(batch, features=features, labels=np.repeat(batch.labels[:1], 2 * half, axis=0), weights=weight)
        seen.append(float(np.asarray(run.steps.train(same))[0]))
    assert seen[0] != seen[1]


def test_compiled_ahead_no_shape_is_traced_when_its_step_comes(make_dataset: Callable[..., Path]) -> None:
    on_tensorflow()
    run = make(make_dataset(), build_default_model, model="rnn", architecture=RNN, jit=True)
    schedule = run.train.schedule(0)
    start = weights(run)
    run.steps.prepare(run.train.batch(schedule, step) for step in schedule.first_steps())
    traces = run.steps.train_traces
    assert traces == len(schedule.first_steps()) > 1
    assert np.array_equal(weights(run), start), "compiling ahead has taken a step"
    for batch in run.train.batches(schedule):
        run.steps.train(batch)
    assert run.steps.train_traces == traces
    assert not np.array_equal(weights(run), start)


def test_parts_are_equal_and_not_too_thin() -> None:
    compilation = Compilation(train=True, parts=4)
    assert [compilation.parts_of(rows) for rows in (64, 24, 8, 7, 6, 1)] == [4, 4, 2, 1, 1, 1]


def test_one_trace_a_shape_and_none_after_the_first_epoch(make_dataset: Callable[..., Path], small_model: Any) -> None:
    run = make(make_dataset(), small_model, epochs=3)
    seen: list[tuple[int, int]] = []

    class Watcher:
        def on_steps(self, report: Any) -> None:
            pass

        def on_epoch(self, epoch: int, global_step: int, metrics: Any) -> None:
            seen.append((run.steps.train_traces, run.steps.predict_traces))

        def close(self) -> None:
            pass

    Loop(run, [Watcher()]).fit()
    shapes = sum(1 for rows in run.train.row_counts if rows)
    assert len(seen) == 3
    assert seen[0][0] == shapes
    assert seen[0][1] <= len(run.train.shapes)
    assert seen[1:] == seen[:1] * 2


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
def test_training_learns_and_reports_weighted_means(
    make_dataset: Callable[..., Path], small_model: Any, kind: str
) -> None:
    run = make(make_dataset(kind=kind), small_model, epochs=12, learning_rate=0.03)
    history = Loop(run).fit().history
    metric = "mae" if kind == "regression" else "accuracy"
    assert {"train_loss", f"train_{metric}", "validation_loss", f"validation_{metric}"} <= history[0].keys()
    assert history[-1]["train_loss"] < 0.8 * history[0]["train_loss"]
    assert history[-1]["validation_loss"] < history[0]["validation_loss"]


def test_xla_gives_the_same_weights_to_rounding(make_dataset: Callable[..., Path], small_model: Any) -> None:
    if keras.backend.backend() != "tensorflow":
        pytest.skip("only TensorFlow has the choice")
    directory = make_dataset(rows={"train": 20})
    found = []
    for jit in (False, True):
        run = make(directory, small_model, jit=jit, epochs=1)
        Loop(run).fit()
        found.append(weights(run))
    assert np.allclose(*found, atol=1e-5)
