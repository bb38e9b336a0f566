"""Work in parts gives what work on the whole gives, in the same order."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from pipeline.transform.parallel import in_parts


@pytest.mark.parametrize("rows", [0, 1, 255, 513, 5000])
def test_parts_are_joined_in_order(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 3)
    values = pa.array([f"{row} {row % 7}" for row in range(rows)], pa.string())
    sizes: list[int] = []

    def split(part: pa.Array) -> pa.Array:
        sizes.append(len(part))
        return pc.ascii_split_whitespace(part)

    assert in_parts(split, values).to_pylist() == pc.ascii_split_whitespace(values).to_pylist()
    assert sum(sizes) == rows and len(sizes) == min(3, max(rows // 256, 1))
