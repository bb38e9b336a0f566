"""Work on rows that do not depend on each other, on all cores: Arrow's kernels release Python's lock."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa

# Rows below which a second thread costs more than it saves.
_ROWS_WORTH_A_THREAD = 256


def in_parts(work: Callable[[pa.Array], pa.Array], values: pa.Array) -> pa.Array:
    """Does `work` on equal parts of `values` in parallel, and joins what it gives in their order.

    Args:
      work: gives one value a row, whatever stands in the other rows.
      values: [rows].
    """
    threads = min(os.cpu_count() or 1, max(len(values) // _ROWS_WORTH_A_THREAD, 1))
    size = -(-len(values) // threads) if len(values) else 1
    parts = [values.slice(start, size) for start in range(0, max(len(values), 1), size)]
    if len(parts) == 1:
        return work(parts[0])
    with ThreadPoolExecutor(threads) as pool:
        return pa.concat_arrays(list(pool.map(work, parts)))
