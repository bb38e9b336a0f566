"""Predictions for canonical rows with Beam's RunInference.

    canonical batch -> rows in order of length -> groups of near-equal length -> serving_default -> key, class, ...

The exported model pads a batch to the smallest bucket that covers it, so rows of near-equal length are predicted
together; the order costs nothing, because a prediction does not depend on the rows beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.ml.inference.base import ModelHandler, RunInference

from pipeline.examples import encode_examples
from pipeline.rows import KEY, raw_features
from pipeline.transform.raw_schema import to_transform_batch
from schemas.manifest import LabelInfo
from schemas.spec import DatasetSpec

# Rows predicted together: enough to fill a CPU's vector units, few enough that lengths in a group are close.
ROWS_A_GROUP = 128

Group = tuple[list[str], list[bytes]]
"""Keys, and serialized tf.Examples of raw features."""


class Predict(beam.PTransform):
    """Canonical batches to tables of predictions.

    Args:
      directory: the exported model.
      spec: the spec it was trained on.
      label: what it predicts.
    """

    def __init__(self, directory: str, spec: DatasetSpec, label: LabelInfo) -> None:
        super().__init__()
        self._directory, self._spec, self._label = directory, spec, label

    def expand(self, rows: beam.PCollection) -> beam.PCollection:
        return (
            rows
            | "GroupByLength" >> beam.FlatMap(groups_by_length, self._spec)
            | "RunInference" >> RunInference(SavedModelHandler(self._directory, self._label))
        )


def groups_by_length(batch: pa.RecordBatch, spec: DatasetSpec) -> Iterator[Group]:
    """Cuts a canonical batch into groups of rows of near-equal length, as serialized raw tf.Examples."""
    order = np.argsort(_raw_sizes(batch, spec), kind="stable")
    names = [raw.name for name in spec.features for raw in raw_features(spec, name)]
    examples = encode_examples(to_transform_batch(batch, spec).select(names))
    keys = batch.column(KEY).to_pylist()
    for start in range(0, len(order), ROWS_A_GROUP):
        rows = order[start : start + ROWS_A_GROUP].tolist()
        yield [keys[row] for row in rows], [examples[row] for row in rows]


def _raw_sizes(batch: pa.RecordBatch, spec: DatasetSpec) -> np.ndarray:
    """int64[rows]: bytes of text and list elements of all sequences, which follow the number of steps closely."""
    sizes = np.zeros(batch.num_rows, np.int64)
    for name in spec.sequence_names:
        column = batch.column(name)
        length = pc.list_value_length(column) if pa.types.is_list(column.type) else pc.binary_length(column)
        sizes += length.to_numpy(zero_copy_only=False)
    return sizes


class SavedModelHandler(ModelHandler[Group, pa.RecordBatch, Any]):
    """Loads an exported model and calls its serving signature.

    Args:
      directory: the exported model.
      label: what it predicts.
    """

    def __init__(self, directory: str, label: LabelInfo) -> None:
        super().__init__(max_batch_size=1)  # an element is a whole group already
        self._directory, self._label = directory, label

    def load_model(self) -> Any:
        import tensorflow as tf

        return tf.saved_model.load(self._directory)

    def run_inference(
        self, batch: Sequence[Group], model: Any, inference_args: dict[str, Any] | None = None
    ) -> Iterable[pa.RecordBatch]:
        import tensorflow as tf

        for keys, examples in batch:
            outputs = model.signatures["serving_default"](tf.constant(np.array(examples, object)))
            yield prediction_batch(keys, {name: value.numpy() for name, value in outputs.items()}, self._label)


def prediction_batch(keys: list[str], outputs: dict[str, np.ndarray], label: LabelInfo) -> pa.RecordBatch:
    """A table of predictions.

    Args:
      keys: one a row.
      outputs: of the serving signature: `probabilities` float32[rows, classes] and `class`, or `prediction`.
      label: what is predicted.

    Returns:
      key, and for regression `prediction` (float32), else `class` (string) and one `probability_CLASS` (float32) each.
    """
    columns: dict[str, pa.Array] = {KEY: pa.array(keys, pa.string())}
    if label.classes is None:
        columns["prediction"] = pa.array(outputs["prediction"].astype(np.float32))
    else:
        columns["class"] = pa.array([name.decode() for name in outputs["class"].tolist()], pa.string())
        probabilities = outputs["probabilities"].astype(np.float32)
        for index, name in enumerate(label.classes):
            columns[f"probability_{name}"] = pa.array(probabilities[:, index])
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))
