"""Accumulators of the statistics as bytes for the cache, and back.

They are pickled: nested dataclasses of numpy and Arrow arrays. A cache may be shared, so reading makes nothing but
those: a pickle that names anything else is refused, and counts as damaged.
"""

from __future__ import annotations

import io
import pickle
from typing import Any

from pipeline.transform.analysis_cache import DamagedEntry

_MADE_OF = {
    ("numpy", "dtype"),
    ("numpy", "ndarray"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "scalar"),
    ("numpy._core.numeric", "_frombuffer"),
    ("pipeline.statistics.extremes", "Extremes"),
    ("pipeline.statistics.extremes", "RowBeginning"),
    ("pipeline.statistics.lengths", "FeatureCounts"),
    ("pipeline.statistics.lengths", "LengthTable"),
    ("pipeline.statistics.raw_counts", "RawCounts"),
    ("pipeline.statistics.token_rows", "IdCounts"),
    ("pipeline.statistics.transformed_counts", "TransformedCounts"),
    ("pipeline.statistics.values", "ValueCounts"),
    ("pipeline.transform.exact_moments", "ExactMoments"),
    ("pipeline.transform.length_counts", "LengthCounts"),
    ("pipeline.transform.tokens_analyzer", "TokenCounts"),
    ("pyarrow.lib", "_reconstruct_table"),
    ("pyarrow.lib", "_restore_array"),
    ("pyarrow.lib", "chunked_array"),
    ("pyarrow.lib", "field"),
    ("pyarrow.lib", "py_buffer"),
    ("pyarrow.lib", "schema"),
    ("pyarrow.lib", "type_for_alias"),
}


def accumulator_to_bytes(accumulator: Any) -> bytes:
    """The accumulator, pickled."""
    return pickle.dumps(accumulator, protocol=5)


def accumulator_from_bytes(data: bytes) -> Any:
    """The inverse of accumulator_to_bytes.

    Raises:
      DamagedEntry: it is not such a pickle.
    """
    try:
        return _Unpickler(io.BytesIO(data)).load()
    # A pickle that is not ours can raise anything at all.
    except Exception as error:
        raise DamagedEntry(str(error)) from error


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _MADE_OF:
            return super().find_class(module, name)
        raise DamagedEntry(f"received {module}.{name}, expected counts")
