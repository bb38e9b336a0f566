"""Raw held-out rows, and what an exported model says of them. Reads TensorFlow's formats; needs no Keras.

Both models of a comparison are asked through their serving signatures: each has its own vocabulary, buckets and
classes, so neither could read the other's transformed rows. It is also what users of the model get.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from schemas.errors import InputError
from schemas.manifest import HELD_OUT, LabelInfo, Manifest, load_manifest

DESCRIPTION = "assets.extra/lengthwise.json"
# As in batch prediction: enough to fill a CPU's vector units, few enough that lengths in a batch are close.
ROWS_A_BATCH = 128


@dataclass(frozen=True)
class HeldOutRows:
    """Rows of one split, by key.

    Attributes:
      split: its name.
      keys: bytes[rows].
      labels: class names as str, or float64[rows].
      raw: serialized tf.Examples of raw features.
    """

    split: str
    keys: list[bytes]
    labels: np.ndarray
    raw: list[bytes]


@dataclass(frozen=True)
class Answers:
    """What a model says of rows.

    Attributes:
      label: what it predicts.
      values: float32[rows, classes], probabilities; or float32[rows, 1].
      lengths: feature -> int64[rows], steps that the model saw; empty unless asked for.
    """

    label: LabelInfo
    values: np.ndarray
    lengths: dict[str, np.ndarray]


def read_held_out(data: Path, split: str | None = None) -> HeldOutRows:
    """Reads the raw held-out rows of a dataset.

    Args:
      data: a dataset written with --raw-held-out.
      split: which; when None, test where it has rows, else validation.

    Raises:
      InputError: no such rows, or not as many as the manifest says.
    """
    import tensorflow as tf

    manifest = load_manifest(data)
    split = split or comparison_split(manifest)
    files = sorted(str(path) for path in (data / HELD_OUT / split).glob("*.tfrecord"))
    keys, labels, raw = [], [], []
    try:
        for record in tf.data.TFRecordDataset(files).as_numpy_iterator() if files else ():
            content = tf.train.Example.FromString(record).features.feature
            keys.append(content["key"].bytes_list.value[0])
            raw.append(content["raw"].bytes_list.value[0])
            held = content["label"]
            names = held.bytes_list.value
            labels.append(names[0].decode("utf-8") if names else held.float_list.value[0])
    except (tf.errors.OpError, IndexError, ValueError) as error:
        raise InputError(f"{data / HELD_OUT / split}: cannot be read ({error}); preprocess again") from error
    expected = manifest.splits[split].rows if split in manifest.splits else 0
    if len(keys) != expected or not keys:
        raise InputError(
            f"{data / HELD_OUT / split}: received {len(keys):,} raw rows, expected the {expected:,} of the split, and "
            "at least one; preprocess with --raw-held-out, and give the spec a validation or test split"
        )
    order = sorted(range(len(keys)), key=keys.__getitem__)
    return HeldOutRows(split, [keys[row] for row in order], np.array(labels)[order], [raw[row] for row in order])


def comparison_split(manifest: Manifest) -> str:
    """test where it has rows, because early stopping has looked at validation; else validation."""
    test = manifest.splits.get("test")
    return "test" if test is not None and test.rows else "validation"


def ask(directory: Path, rows: HeldOutRows, with_lengths: bool = False) -> Answers:
    """Asks an exported model about rows.

    Args:
      directory: of the SavedModel.
      rows: to predict.
      with_lengths: also give the lengths of the transformed sequences.

    Raises:
      InputError: no exported model there, or one that does not take these rows.
    """
    import tensorflow as tf

    try:
        content = json.loads((directory / DESCRIPTION).read_text(encoding="utf-8"))
        model = tf.saved_model.load(str(directory))
    except (OSError, ValueError) as error:
        raise InputError(f"{directory}: holds no exported model ({error})") from error
    label = LabelInfo.model_validate(content["label"])
    order = np.argsort([len(raw) for raw in rows.raw], kind="stable")
    values: list[np.ndarray] = []
    lengths: dict[str, list[np.ndarray]] = {}
    try:
        for start in range(0, len(order), ROWS_A_BATCH):
            batch = tf.constant([rows.raw[row] for row in order[start : start + ROWS_A_BATCH]])
            outputs = model.signatures["serving_default"](batch)
            values.append(_values(outputs))
            if with_lengths:
                transformed = model.signatures["transformed"](batch)
                for name in (name for name in transformed if name.endswith("_length")):
                    lengths.setdefault(name.removesuffix("_length"), []).append(transformed[name].numpy())
    except tf.errors.OpError as error:
        first = str(error).splitlines()[0]
        raise InputError(f"{directory}: does not take the raw rows of this dataset ({first})") from error
    back = np.argsort(order, kind="stable")
    return Answers(label, np.concatenate(values)[back], {n: np.concatenate(p)[back] for n, p in lengths.items()})


def _values(outputs: Any) -> np.ndarray:
    if "prediction" in outputs:
        return np.asarray(outputs["prediction"].numpy(), np.float32)[:, None]
    return np.asarray(outputs["probabilities"].numpy(), np.float32)
