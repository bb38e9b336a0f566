"""What analysis found, as tensors of the preprocessing function.

tf.Transform binds the output of an analyzer into the graph: a number as a constant, a file as an asset. The analyzers
here have nothing left to compute. They pass on what `Analyze` found, which stands in the same pipeline.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow as tf
import tensorflow_transform as tft

from pipeline.transform.analyze import Findings
from pipeline.transform.analyzers import Finding


class Found:
    """The finding of one feature, as tensors.

    Args:
      name: the feature.
      findings: a PCollection of one Findings.
    """

    def __init__(self, name: str, findings: beam.PCollection) -> None:
        self._name = name
        self._findings = findings

    def vocabulary(self, raw: Any) -> tf.Tensor:
        """string[]: the vocabulary file, an asset of the graph.

        Args:
          raw: the feature's raw tensor, which tf.Transform wants an analyzer to depend on.
        """
        read = _Pass(self._findings, self._name, [lambda found: np.asarray(str(found.vocabulary).encode(), object)])
        (path,) = tft.experimental.ptransform_analyzer(
            [_dense(raw)],
            read,
            output_dtypes=[tf.string],
            output_shapes=[[]],
            output_asset_default_values=[b"vocabulary-before-analysis"],
            name=f"vocabulary_of_{self._name}",
        )
        return path

    def cap(self, raw: Any) -> tf.Tensor:
        """int64[]: the longest sequence kept, steps."""
        read = _Pass(self._findings, self._name, [lambda found: np.int64(found.cap)])
        (cap,) = tft.experimental.ptransform_analyzer(
            [_dense(raw)], read, output_dtypes=[tf.int64], output_shapes=[[]], name=f"cap_of_{self._name}"
        )
        return cap

    def moments(self, raw: Any, channels: int) -> tuple[tf.Tensor, ...]:
        """Mean, standard deviation, minimum and maximum, float32[channels] each."""
        reads = [_moment(index) for index in range(4)]
        return tuple(
            tft.experimental.ptransform_analyzer(
                [_dense(raw)],
                _Pass(self._findings, self._name, reads),
                output_dtypes=[tf.float32] * 4,
                output_shapes=[[channels]] * 4,
                name=f"moments_of_{self._name}",
            )
        )


def _moment(index: int) -> Callable[[Finding], Any]:
    return lambda found: np.asarray(found.moments[index], np.float32)


def _dense(raw: Any) -> tf.Tensor:
    return raw.flat_values if isinstance(raw, tf.RaggedTensor) else raw


class _Pass(beam.PTransform):
    """Ignores the rows it is given, and gives on one value of the findings for each of `reads`."""

    def __init__(self, findings: beam.PCollection, name: str, reads: list[Callable[[Finding], Any]]) -> None:
        super().__init__()
        self._findings, self._name, self._reads = findings, name, reads

    def expand(self, rows: beam.PCollection) -> Any:
        outputs = tuple(
            self._findings | f"Read{index}" >> beam.Map(_read, self._name, read)
            for index, read in enumerate(self._reads)
        )
        return outputs if len(outputs) > 1 else outputs[0]


def _read(findings: Findings, name: str, read: Callable[[Finding], Any]) -> Any:
    return read(findings.features[name])
