"""Analysis: accumulators merge in any order, and a cache changes nothing but the work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.rows import canonical_schema
from pipeline.transform.analysis import FeatureAnalysis
from pipeline.transform.analysis_cache import AnalysisCache, open_cache
from pipeline.transform.analyze import Analyzed, MergeAnalyzed, count_batch, finish
from pipeline.transform.analyzers import NO_CAP, make_analyzers
from schemas.errors import OutputError
from schemas.spec import DatasetSpec, parse_spec

FEATURES: dict[str, Any] = {
    "text": {"kind": "text", "vocabulary": {"size": 3}, "max_length": {"quantile": 0.5}},
    "clicks": {"kind": "ids"},
    "waves": {"kind": "series", "channels": ["a", "b"], "missing_values": [-1.0]},
    "size": {"kind": "number"},
    "shop": {"kind": "category"},
    "place": {"kind": "vector", "size": 2},
}


def spec_with(**changes: Any) -> DatasetSpec:
    features = {name: options | changes.get(name, {}) for name, options in FEATURES.items()}
    return parse_spec({"name": "t", "features": features})


SPEC = spec_with()


def batch(numbers: list[int]) -> pa.RecordBatch:
    """A canonical batch of one row a number, each with content of its own."""
    nan = float("nan")
    values = {
        "key": [str(n) for n in numbers],
        "split": ["train"] * len(numbers),
        "digest": [n.to_bytes(16, "big") for n in numbers],
        "text": ["the cat " * (n % 4) + f"w{n % 7}" for n in numbers],
        "clicks": [[n, 7][: n % 3] for n in numbers],
        "waves": [[float(n), -1.0] * (n % 3) for n in numbers],
        "size": [nan if n % 5 == 0 else float(n) for n in numbers],
        "shop": ["" if n % 2 else "north" for n in numbers],
        "place": [[float(n), 0.5] for n in numbers],
    }
    return pa.RecordBatch.from_pydict(values, schema=canonical_schema(SPEC))


def found(parts: list[list[int]], directory: Path, spec: DatasetSpec = SPEC, cache: AnalysisCache | None = None) -> Any:
    """Findings, the files' contents, and how batches were analysed."""
    directory.mkdir(parents=True, exist_ok=True)
    analyzers = make_analyzers(spec)
    counted = [analyzed for numbers in parts for analyzed in count_batch(batch(numbers), analyzers, cache)]
    merge = MergeAnalyzed(analyzers)
    accumulator: list[Analyzed] = merge.create_accumulator()
    for analyzed in counted:
        accumulator = merge.add_input(accumulator, analyzed)
    findings = finish(merge.extract_output(accumulator), analyzers, str(directory))
    files = {path.name: path.read_text() for path in sorted(directory.iterdir())}
    facts = {name: (finding.cap, finding.moments) for name, finding in findings.features.items()}
    return facts, files, findings.batches


@settings(max_examples=20)
@given(st.lists(st.integers(0, 200), max_size=12, unique=True), st.integers(0, 12), st.randoms())
def test_order_and_grouping_change_nothing(numbers: list[int], cut: int, random: Any) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        whole = found([numbers], Path(folder, "whole"))
        shuffled = list(numbers)
        random.shuffle(shuffled)
        assert found([[n] for n in shuffled], Path(folder, "singles"))[:2] == whole[:2]
        assert found([shuffled[:cut], shuffled[cut:]], Path(folder, "uneven"))[:2] == whole[:2]


def test_many_parts_merge_now_and_then_to_the_same(tmp_path: Path) -> None:
    numbers = list(range(100))
    assert found([[n] for n in numbers], tmp_path / "a")[:2] == found([numbers], tmp_path / "b")[:2]


def test_what_is_found_is_what_the_rows_say(tmp_path: Path) -> None:
    facts, files, _ = found([[1, 2, 3, 4, 5]], tmp_path)
    assert files["text.txt"].splitlines()[:2] == ["cat", "the"]  # six each, ties in byte order
    assert facts["text"][0] == 3  # raw lengths 3, 5, 7, 1, 3: half of the rows have at most 3
    assert facts["clicks"][0] == NO_CAP
    assert facts["waves"][1][0] == [(1 + 2 + 2 + 4 + 5 + 5) / 6, 0.0]  # -1 counts as missing
    assert facts["size"][1][0] == [(1 + 2 + 3 + 4) / 4]
    assert facts["place"][1][2:] == ([1.0, 0.5], [5.0, 0.5])
    assert files["shop.txt"] == "north\n"


def test_no_rows_at_all(tmp_path: Path) -> None:
    facts, files, batches = found([[]], tmp_path)
    assert batches == {}
    assert facts["waves"] == (NO_CAP, ([0.0, 0.0],) * 4)
    assert len(files["text.txt"].splitlines()) == 1, "TensorFlow refuses a vocabulary without a line"


def test_a_cached_batch_is_not_counted_again_and_gives_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = open_cache(str(tmp_path / "cache"))
    parts = [[1, 2, 3], [4, 5], [6, 7, 8]]
    first = found(parts, tmp_path / "first", cache=cache)
    assert first[2] == {"counted": 3}
    from pipeline.transform import analyzers as module

    counted: list[int] = []
    original = module.TokensAnalyzer.count

    def count(self: module.TokensAnalyzer, rows: pa.RecordBatch) -> Any:
        counted.append(rows.num_rows)
        return original(self, rows)

    monkeypatch.setattr(module.TokensAnalyzer, "count", count)
    again = found([*parts, [9]], tmp_path / "second", cache=cache)
    assert again[2] == {"cached": 3, "counted": 1}
    assert set(counted) == {1}, "a cached batch was counted"
    assert again[:2] == found([[*range(1, 10)]], tmp_path / "third")[:2]


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"text": {"lowercase": False}}, {"counted": 1}),
        ({"waves": {"missing_values": []}}, {"counted": 1}),
        ({"text": {"vocabulary": {"size": 2}, "max_length": 9}}, {"cached": 1}),
        ({"waves": {"scale": "min_max", "missing": "forward_fill"}}, {"cached": 1}),
    ],
)
def test_the_cache_knows_what_an_accumulator_depends_on(
    tmp_path: Path, changes: dict[str, Any], state: dict[str, int]
) -> None:
    cache = open_cache(str(tmp_path / "cache"))
    found([[1, 2, 3]], tmp_path / "first", cache=cache)
    spec = spec_with(**changes)
    changed = found([[1, 2, 3]], tmp_path / "second", spec, cache)
    assert changed[2] == state
    assert changed[:2] == found([[1, 2, 3]], tmp_path / "third", spec)[:2]


def test_other_rows_are_other_entries(tmp_path: Path) -> None:
    cache = open_cache(str(tmp_path / "cache"))
    found([[1, 2, 3]], tmp_path / "first", cache=cache)
    assert found([[1, 2]], tmp_path / "second", cache=cache)[2] == {"counted": 1}
    assert found([[3, 2, 1]], tmp_path / "third", cache=cache)[2] == {"cached": 1}, "order is not content"


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-1], lambda data: b"", lambda data: data[:40] + b"x" + data[41:]]
)
def test_a_damaged_entry_is_counted_again_and_replaced(tmp_path: Path, damage: Any) -> None:
    cache = open_cache(str(tmp_path / "cache"))
    first = found([[1, 2, 3]], tmp_path / "first", cache=cache)
    for entry in (tmp_path / "cache").rglob("*"):
        if entry.is_file():
            entry.write_bytes(damage(entry.read_bytes()))
    again = found([[1, 2, 3]], tmp_path / "second", cache=cache)
    assert again[2] == {"damaged": 1}
    assert again[:2] == first[:2]
    assert found([[1, 2, 3]], tmp_path / "third", cache=cache)[2] == {"cached": 1}


def test_a_cache_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="choose another --cache"):
        open_cache(str(tmp_path / "file" / "cache"))
    assert open_cache(None) is None


def test_the_analysis_of_a_feature_reads_back(tmp_path: Path) -> None:
    found([[1, 2, 3]], tmp_path)
    analysis = FeatureAnalysis.read(str(tmp_path / "text.json"))
    assert analysis.vocabulary is not None
    assert analysis.vocabulary["size"] == 3 + 2
    assert analysis.lengths == {"lengths": [3, 5, 7], "rows": [1, 1, 1]}
