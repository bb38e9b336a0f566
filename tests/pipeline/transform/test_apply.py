"""Applying the transform: Arrow's ids are the graph's ids, row by row, whatever the text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pipeline.transform.apply import Transform, _chosen, _rows_for_graph, _truncated
from schemas.features import TextFeature

pytest.importorskip("tensorflow")


class _GraphOnly(Transform):
    """The same transform with every row left to the graph."""

    def _encode(self, name: str, feature: Any, values: pa.Array, skipped: pa.Array | None) -> dict[str, pa.Array]:
        raise AssertionError("nothing may be encoded outside the graph here")

    def apply(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        from pipeline.transform.raw_schema import to_transform_batch

        raw = to_transform_batch(batch, self._spec)
        computed = self._run_graph(raw)
        names = sorted(computed)
        return pa.RecordBatch.from_arrays([computed[name] for name in names], names=names)


TEXTS = [
    "The cat's 'hat'",
    "",
    "über Ümlaut the",
    "THE the, the!",
    "a\x00b the",
    "日本 the",
    "''",
    "the cat sat on the mat " * 40,
]


@pytest.fixture(scope="module")
def transforms(tmp_path_factory: pytest.TempPathFactory) -> tuple[Transform, Transform, pa.RecordBatch]:
    """Both ways over one small dataset of text, tokens, ids and a category."""
    import apache_beam as beam
    from tensorflow_transform import TFTransformOutput

    from pipeline.rows import canonical_schema
    from pipeline.transform.analyze import Analyze
    from pipeline.transform.bind import bind
    from pipeline.transform.raw_schema import tensor_adapter_config
    from schemas.spec import parse_spec

    folder = tmp_path_factory.mktemp("apply")
    spec = parse_spec(
        {
            "name": "mixed",
            "features": {
                "text": {"kind": "text", "vocabulary": {"size": 5}, "max_length": 6},
                "letters": {"kind": "text", "tokenizer": "characters", "max_length": 3, "truncate": "head"},
                "raw": {"kind": "text", "tokenizer": "bytes"},
                "tags": {"kind": "tokens", "max_length": 2, "truncate": "head"},
                "clicks": {"kind": "ids", "vocabulary": {"size": 2}},
                "shop": {"kind": "category", "vocabulary": {"size": 2}},
            },
        }
    )
    count = len(TEXTS)
    schema = canonical_schema(spec)
    values = {
        "key": [str(index) for index in range(count)],
        "split": ["train"] * count,
        "digest": [bytes([index]) * 16 for index in range(count)],
        "text": TEXTS,
        "letters": TEXTS,
        "raw": TEXTS,
        "tags": [["x", "y", "", "z\n"][: index % 5] for index in range(count)],
        "clicks": [[index, -1, 7][: index % 4] for index in range(count)],
        "shop": ["north", "", "south", "north", "east", "north", "south", "é"],
    }
    batch = pa.RecordBatch.from_pydict(values, schema=schema)
    (folder / "analysis").mkdir()
    config = tensor_adapter_config(spec)
    with beam.Pipeline() as pipeline:
        rows = pipeline | beam.Create([batch], reshuffle=False).with_output_types(pa.RecordBatch)
        findings = rows | Analyze(spec, str(folder / "analysis"), None)
        _ = findings | beam.Map(bind, spec, str(folder))
    (graph,) = folder.glob("graph-*")
    arguments = (spec, config, str(folder / "analysis"), str(graph))
    assert Path(TFTransformOutput(str(graph)).transform_savedmodel_dir, "assets", "text.txt").exists()
    return Transform(*arguments), _GraphOnly(*arguments), batch


def test_both_ways_give_the_same_columns(transforms: tuple[Transform, Transform, pa.RecordBatch]) -> None:
    ours, graph, batch = transforms
    expected = graph.apply(batch)
    found = ours.apply(batch)
    assert set(expected.schema.names) <= set(found.schema.names)
    for name in expected.schema.names:
        assert found.column(name).to_pylist() == expected.column(name).to_pylist(), name
    assert expected.column("text").to_pylist()[1] == []
    assert any(1 in row for row in expected.column("text").to_pylist()), "no unknown token was tried"


def test_rows_in_any_slice_give_the_same(transforms: tuple[Transform, Transform, pa.RecordBatch]) -> None:
    ours, _, batch = transforms
    whole = ours.apply(batch)
    for start in range(batch.num_rows):
        part = ours.apply(batch.slice(start, 2))
        for name in whole.schema.names:
            assert part.column(name).to_pylist() == whole.column(name).to_pylist()[start : start + 2], name
    assert ours.apply(batch.slice(0, 0)).num_rows == 0


def test_text_of_ascii_alone_needs_no_graph() -> None:
    feature = TextFeature(kind="text")
    assert _rows_for_graph(pa.array(["plain", "text"]), feature) is None
    mixed = _rows_for_graph(pa.array(["plain", "é"]), feature)
    assert mixed is not None and mixed.to_pylist() == [False, True]


@pytest.mark.parametrize(("end", "expected"), [("tail", [[1, 2], [], [4, 5]]), ("head", [[2, 3], [], [4, 5]])])
def test_truncation_cuts_the_named_end(end: str, expected: list[list[int]]) -> None:
    lists = pa.array([[0], [1, 2, 3], [], [4, 5]], pa.list_(pa.int32())).slice(1)
    lists = pa.ListArray.from_arrays(pa.compute.subtract(lists.offsets, lists.offsets[0]), lists.flatten())
    assert _truncated(lists, 2, end).to_pylist() == expected
    assert _truncated(lists, None, end).to_pylist() == lists.to_pylist()


def test_rows_are_chosen_one_by_one() -> None:
    computed, encoded = pa.array([[1], [2], [3]]), pa.array([[-1], [], [-3]])
    assert _chosen(pa.array([True, False, True]), computed, encoded).to_pylist() == [[1], [], [3]]
