"""A cacheable analyzer of tf.Transform with several outputs, one of which may be an asset.

tf.transform.experimental.ptransform_analyzer (1.21) gives every stage of a cacheable analyzer as many outputs as the
last one, and then refuses all but one; and it takes an output without an asset for an asset without content. So the
four stages are put together here, from the same nodes:

    tensors -> make accumulators -> merge within a span (cached) -> merge over spans -> extract outputs
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_transform import analyzer_nodes, nodes


@dataclass(frozen=True)
class Output:
    """One output tensor of an analyzer.

    Attributes:
      dtype: its type.
      shape: its shape.
      is_asset: whether its value is the path of a file that belongs to the graph.
    """

    dtype: tf.DType
    shape: tuple[int, ...] = ()
    is_asset: bool = False


def apply_cacheable(
    inputs: list[tf.Tensor],
    stages: tft.experimental.CacheablePTransformAnalyzer,
    outputs: list[Output],
    name: str,
) -> tuple[tf.Tensor, ...]:
    """Adds a cacheable analyzer to the preprocessing function being traced.

    Args:
      inputs: tensors of a batch; `make_accumulators_ptransform` receives them as a tuple of arrays.
      stages: the four stages and the coder of a cached accumulator.
      outputs: what `extract_output_ptransform` returns, one PCollection each.
      name: unique among analyzers.

    Returns:
      One tensor an output, known once analysis has run.
    """
    accumulator = [analyzer_nodes.TensorInfo(tf.string, [], None)]
    with tf.name_scope(name):
        made = _stage(
            "make",
            [analyzer_nodes.get_input_tensors_value_nodes(inputs)],
            stages.make_accumulators_ptransform,
            accumulator,
            True,
        )
        with tf.name_scope("merge_span"):
            merged_span = nodes.apply_multi_output_operation(
                analyzer_nodes.PTransform,
                *made,
                ptransform=stages.merge_accumulators_ptransform,
                is_partitionable=True,
                cache_coder=stages.cache_coder,
                output_tensor_info_list=accumulator,
            )
        merged = _stage("merge", merged_span, stages.merge_accumulators_ptransform, accumulator, False)
        infos = [
            analyzer_nodes.TensorInfo(
                output.dtype,
                list(output.shape),
                analyzer_nodes.TemporaryAssetInfo(b"before-analysis", "text") if output.is_asset else None,
            )
            for output in outputs
        ]
        extracted = _stage("extract", merged, stages.extract_output_ptransform, infos, False)
        return tuple(analyzer_nodes.wrap_as_tensor(node) for node in extracted)


def _stage(
    name: str,
    inputs: Sequence[nodes.ValueNode],
    ptransform: beam.PTransform,
    infos: Sequence[Any],
    partitionable: bool,
) -> tuple[nodes.ValueNode, ...]:
    with tf.name_scope(name):
        return nodes.apply_multi_output_operation(
            analyzer_nodes.PTransform,
            *inputs,
            ptransform=ptransform,
            is_partitionable=partitionable,
            output_tensor_info_list=infos,
        )
