"""The preprocessing job with its input, output and cache in an object store: nothing of it may need a local path."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
import yaml
from apache_beam.io.filesystems import FileSystems

from pipeline import publish_by_copy
from pipeline.__main__ import main
from pipeline.beam_options import beam_options
from pipeline.publish import check_output
from schemas.errors import OutputError
from schemas.manifest import load_manifest
from tests.object_store import CREDENTIALS, OBJECTS

SPEC: dict[str, Any] = {
    "name": "stored",
    "key": "id",
    "source": {"labels": {"path": "labels.csv", "key": "id"}},
    "features": {
        "text": {"kind": "text", "vocabulary": {"size": 50}},
        "waves": {"kind": "series", "channels": ["a", "b"]},
        "shop": {"kind": "category"},
    },
    "label": {"column": "kind", "kind": "binary"},
    "splits": {"train": 0.7, "validation": 0.3},
    "batching": {"buckets": 3, "align": 2},
}
OUT = "store://bucket/out"


def inputs() -> dict[str, bytes]:
    source = random.Random(5)
    words = ["red", "green", "blue", "grün", "pink"]
    lines, labels = [], ["id,kind"]
    for index in range(80):
        row = {
            "id": f"row-{index}",
            "text": " ".join(source.choices(words, k=source.randint(0, 9))),
            "waves": [[source.random(), source.random()] for _ in range(source.randint(1, 6))],
            "shop": source.choice(["north", "south"]),
        }
        lines.append(json.dumps(row))
        labels.append(f"row-{index},{index % 2}")
    lines.append('{"id": "broken", "text": 5}')
    return {"rows.jsonl": "\n".join(lines).encode(), "labels.csv": "\n".join(labels).encode()}


@pytest.fixture
def spec(tmp_path: Path) -> Iterator[str]:
    """A spec file, with its input in an otherwise empty store."""
    OBJECTS.clear()
    OBJECTS.update({f"store://bucket/in/{name}": content for name, content in inputs().items()})
    path = tmp_path / "spec.yaml"
    path.write_text(yaml.safe_dump(SPEC, sort_keys=False))
    yield str(path)
    OBJECTS.clear()


def run(spec: str, *more: str, source: str = "store://bucket/in/*.jsonl", output: str = OUT) -> int:
    return main(
        ["--spec", spec, "--input", source, "--output", output, "--max-rejected", "0.1", "--quiet", CREDENTIALS, *more]
    )


def stored(directory: str) -> dict[str, bytes]:
    return {path.removeprefix(f"{directory}/"): data for path, data in OBJECTS.items() if path.startswith(directory)}


def manifest(directory: str = OUT) -> Any:
    return json.loads(OBJECTS[f"{directory}/manifest.json"])


def test_the_dataset_is_that_of_a_local_run_and_nothing_is_left_beside_it(spec: str, tmp_path: Path) -> None:
    for name, content in inputs().items():
        (tmp_path / name).write_bytes(content)
    assert run(spec, source=str(tmp_path / "*.jsonl"), output=str(tmp_path / "out")) == 0
    assert run(spec) == 0
    local = load_manifest(tmp_path / "out")
    assert manifest()["digest"] == local.digest
    written = {
        path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*") if path.is_file()
    }
    assert set(stored(OUT)) == written
    assert {path.split("/")[3] for path in OBJECTS} == {"in", "out"}
    shards = [name for name in written if name.endswith(".tfrecord")]
    assert {name: OBJECTS[f"{OUT}/{name}"] for name in shards} == {
        name: (tmp_path / "out" / name).read_bytes() for name in shards
    }


def test_a_second_run_replaces_the_first_and_uses_its_cache(spec: str) -> None:
    OBJECTS[f"{OUT}/manifest.json"] = OBJECTS[f"{OUT}/train/bucket-00999/old.tfrecord"] = b"old"
    cache = ("--cache", "store://bucket/cache")
    assert run(spec, *cache) == 0
    first = stored(OUT)
    assert "train/bucket-00999/old.tfrecord" not in first
    kept = {path: data for path, data in OBJECTS.items() if path.startswith("store://bucket/cache/")}
    assert kept
    assert run(spec, *cache) == 0
    assert {path: data for path, data in OBJECTS.items() if path.startswith("store://bucket/cache/")} == kept
    assert manifest()["digest"] == json.loads(first["manifest.json"])["digest"]


def test_a_failed_run_leaves_the_old_dataset_and_no_staging(spec: str, capsys: pytest.CaptureFixture[str]) -> None:
    OBJECTS[f"{OUT}/manifest.json"] = b"old"
    before = dict(OBJECTS)
    assert run(spec, "--max-rejected", "0") == 2
    assert "rejected" in capsys.readouterr().err
    assert before == OBJECTS


def test_a_run_killed_while_it_publishes_leaves_no_manifest_and_the_next_one_mends_it(
    spec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(spec) == 0
    whole = stored(OUT)
    copy = publish_by_copy.copy_files

    def killed(source: str, target: str, names: list[str]) -> None:
        copy(source, target, names[:3])
        raise KeyboardInterrupt

    monkeypatch.setattr(publish_by_copy, "copy_files", killed)
    assert run(spec) == 130
    assert "manifest.json" not in stored(OUT), "readers would take a mixture for a dataset"
    monkeypatch.undo()
    assert run(spec) == 0
    assert set(stored(OUT)) == set(whole)
    assert manifest()["digest"] == json.loads(whole["manifest.json"])["digest"]


def test_what_is_no_dataset_is_not_replaced_and_an_unknown_filesystem_is_named() -> None:
    beam_options([CREDENTIALS])
    OBJECTS.clear()
    OBJECTS["store://bucket/mine/letters.txt"] = b"dear"
    with pytest.raises(OutputError, match=r"letters.txt and no manifest.json"):
        check_output("store://bucket/mine")
    check_output("store://bucket/new")
    with pytest.raises(OutputError, match=r"nowhere://bucket/out: cannot be opened"):
        check_output("nowhere://bucket/out")
    OBJECTS.clear()


def test_the_store_of_these_tests_refuses_what_object_stores_cannot_do() -> None:
    """Otherwise the tests above would prove nothing."""
    beam_options([CREDENTIALS])
    with pytest.raises(beam.io.filesystem.BeamIOError, match="no atomic rename"):
        FileSystems.rename(["store://a"], ["store://b"])
    with pytest.raises(beam.io.filesystem.BeamIOError, match="no objects"):
        FileSystems.delete(["store://bucket/out"])
    beam_options([])
    with pytest.raises(beam.io.filesystem.BeamIOError, match="lets nobody in"):
        FileSystems.exists("store://bucket/out")
