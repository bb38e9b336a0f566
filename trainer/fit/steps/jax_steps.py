"""Training and prediction steps as JAX functions: state goes in, state comes out, shapes are compiled by jax.jit.

The state lives on the device between steps; `publish` copies it into the Keras variables, `adopt` takes it from there.

With several devices the state is on each of them and the rows of a batch are divided among them; the compiler adds
the sum of the gradients (https://docs.jax.dev/en/latest/sharded-computation.html), so a step computes what it would on
one device.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import jax
import numpy as np
from jax import numpy as jnp
from keras import ops

from trainer.fit.losses import example_losses, example_metric, weighted_sum
from trainer.input.batches import Batch


class JaxSteps:
    """The compiled steps of one model on JAX.

    Args:
      model: a Keras model with dict inputs.
      optimizer: a Keras optimizer, built for the model's trainable variables.
      kind: of the label: binary, multiclass or regression.
      scale: factor from the sum of weighted losses of a batch to the loss that is minimised.
      devices: accelerators that share every batch; its rows must be a multiple of their number.
    """

    def __init__(self, model: Any, optimizer: Any, kind: str, scale: float, devices: int = 1) -> None:
        self.train_traces = 0
        self.predict_traces = 0
        self._model = model
        self._optimizer = optimizer
        self._kind = kind
        self._scale = scale
        mesh = jax.sharding.Mesh(np.array(jax.devices()[:devices]), ("rows",))
        self._everywhere = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec())
        self._by_row = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("rows"))
        self._train = jax.jit(self._train_step, donate_argnums=(0,))
        self._predict = jax.jit(self._predict_step)
        self._state: Any = None
        self.adopt()

    def prepare(self, batches: Iterable[Batch]) -> None:
        """JAX compiles a shape when its first step is taken."""

    def train(self, batch: Batch) -> jax.Array:
        """Takes one optimizer step; gives float32[3]: sums of weighted loss, weighted metric, weight."""
        rows = jax.device_put((_inputs(batch), _narrow(batch.labels), batch.weights), self._by_row)
        self._state, sums = self._train(self._state, *rows)
        return sums

    def lowered(self, batch: Batch) -> str:
        """The training step of a batch's shape as StableHLO, to see which kernels it calls; traces it once more."""
        rows = jax.device_put((_inputs(batch), _narrow(batch.labels), batch.weights), self._by_row)
        return str(self._train.lower(self._state, *rows).as_text())

    def predict(self, batch: Batch) -> np.ndarray:
        """float32[real rows, outputs], the model in inference mode."""
        trainable, fixed, _ = self._state
        inputs = jax.device_put(_inputs(batch), self._by_row)
        return np.asarray(self._predict(trainable, fixed, inputs))[: batch.rows]

    def publish(self) -> None:
        """Copies the state into the variables of model and optimizer."""
        for variables, values in zip(self._variables(), self._state, strict=True):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(np.asarray(value))

    def adopt(self) -> None:
        """Takes the state from the variables of model and optimizer."""
        # Copies, because the next step gives its arrays away and the variables must keep theirs.
        state = tuple([jnp.array(v.value, copy=True) for v in group] for group in self._variables())
        self._state = jax.device_put(state, self._everywhere)

    def _variables(self) -> tuple[list[Any], list[Any], list[Any]]:
        return self._model.trainable_variables, self._model.non_trainable_variables, self._optimizer.variables

    def _train_step(self, state: Any, features: Mapping[str, Any], labels: Any, weights: Any) -> tuple[Any, Any]:
        self.train_traces += 1
        trainable, fixed, optimizer_state = state

        def minimised(trainable: Any) -> tuple[Any, Any]:
            with _quiet_about_int64():
                predictions, fixed_after, penalties = self._model.stateless_call(
                    trainable, fixed, features, training=True, return_losses=True
                )
            total = weighted_sum(example_losses(self._kind, labels, predictions), weights)
            loss = total * self._scale + sum(penalties)
            loss = self._scaled(loss, optimizer_state)
            metric = weighted_sum(example_metric(self._kind, labels, predictions), weights)
            return loss, (fixed_after, jnp.stack([total, metric, ops.sum(weights)]))

        gradients, (fixed, sums) = jax.grad(minimised, has_aux=True)(trainable)
        trainable, optimizer_state = self._optimizer.stateless_apply(optimizer_state, gradients, trainable)
        return (trainable, fixed, optimizer_state), sums

    def _scaled(self, loss: Any, optimizer_state: Any) -> Any:
        """The loss times the optimizer's loss scale (float16), read from the state rather than from the variables."""
        import keras

        mapping = list(zip(self._optimizer.variables, optimizer_state, strict=True))
        with keras.StatelessScope(state_mapping=mapping):
            return self._optimizer.scale_loss(loss)

    def _predict_step(self, trainable: Any, fixed: Any, features: Mapping[str, Any]) -> Any:
        self.predict_traces += 1
        with _quiet_about_int64():
            predictions, _ = self._model.stateless_call(trainable, fixed, features, training=False)
        return ops.cast(predictions, "float32")


@contextmanager
def _quiet_about_int64() -> Iterator[None]:
    """Ids and lengths are declared int64; JAX computes in int32, which holds them all, and warns while it traces."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Explicitly requested dtype int64", category=UserWarning)
        yield


def _narrow(values: np.ndarray | None) -> np.ndarray | None:
    """int64 as int32: JAX has no 64-bit integers by default, and would say so at every step."""
    return values.astype(np.int32) if values is not None and values.dtype == np.int64 else values


def _inputs(batch: Batch) -> dict[str, Any]:
    return {name: _narrow(values) for name, values in batch.features.items()}
