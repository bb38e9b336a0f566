"""Runs `python -m pipeline` on Beam's in-process runner and records what goes through every shuffle.

    python -m scripts.bench.recorded_run REPORT --spec ... --input ... --output ...

REPORT becomes a JSON object: name of each GroupByKey -> bytes in (as encoded for the shuffle), keys, and the bytes of
the largest key's values. What the runner gathers is what any runner sends over the network.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass
class Shuffle:
    """What went through one GroupByKey.

    Attributes:
      bytes: of all elements.
      keys: distinct keys.
      largest: bytes of the values of the key that has most.
    """

    bytes: int = 0
    keys: int = 0
    largest: int = 0


def record(found: dict[str, Shuffle]) -> None:
    """Makes the runner's grouping buffers tell what they hold."""
    from apache_beam.runners.portability.fn_api_runner import execution, translations

    # As Any: their methods are replaced.
    context: Any = execution.BundleContextManager
    grouping: Any = execution.GroupingBuffer
    take_buffer = context.get_buffer
    append, partition = grouping.append, grouping.partition

    def get_buffer(self: Any, buffer_id: bytes, transform_id: str) -> Any:
        buffer: Any = take_buffer(self, buffer_id, transform_id)
        if isinstance(buffer, grouping):
            buffer.recorded = found.setdefault(translations.split_buffer_id(buffer_id)[1], Shuffle())
        return buffer

    def counted_append(self: Any, elements: bytes) -> None:
        self.recorded.bytes += len(elements)
        append(self, elements)

    def counted_partition(self: Any, number: int) -> Any:
        if self._table and hasattr(self, "recorded"):
            self.recorded.keys = len(self._table)
            self.recorded.largest = max(sum(map(_size, values)) for values in self._table.values())
        return partition(self, number)

    context.get_buffer = get_buffer
    grouping.append, grouping.partition = counted_append, counted_partition


def _size(value: Any) -> int:
    if isinstance(value, bytes):
        return len(value)
    return int(getattr(value, "nbytes", sys.getsizeof(value)))


def main(argv: Sequence[str]) -> int:
    """Runs the pipeline's command line; returns its exit status."""
    from pipeline.__main__ import main as run
    from pipeline.lean_imports import import_beam
    from pipeline.quiet import quiet_libraries

    report, *arguments = argv
    found: dict[str, Shuffle] = {}
    quiet_libraries()
    import_beam(local=True)
    record(found)
    status = run(arguments)
    Path(report).write_text(json.dumps({name: asdict(shuffle) for name, shuffle in found.items()}), encoding="utf-8")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
