"""Files that several attempts at the same work write: whole or not there, whichever attempt ends first."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.finish import remove_job_directory
from pipeline.whole_files import UNFINISHED, created_whole, write_whole


def test_an_attempt_that_was_given_up_does_not_spoil_the_file_of_the_one_that_finished(tmp_path: Path) -> None:
    path = tmp_path / "train" / "data.tfrecord"

    def lost_worker() -> None:
        with created_whole(str(path)) as file:
            file.write(b"ha")
            write_whole(str(path), b"half and the rest")
            raise RuntimeError("worker lost")

    with pytest.raises(RuntimeError, match="worker lost"):
        lost_worker()
    assert path.read_bytes() == b"half and the rest"


def test_nothing_is_seen_of_a_file_before_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "data"
    with created_whole(str(path)) as file:
        file.write(b"a" * 1_000_000)
        assert not path.exists()
    assert path.stat().st_size == 1_000_000
    assert [entry.name for entry in tmp_path.iterdir()] == ["data"]


def test_what_lost_workers_left_is_removed_before_publishing(tmp_path: Path) -> None:
    (tmp_path / ".job").mkdir()
    (tmp_path / ".job" / "outcome").touch()
    write_whole(str(tmp_path / "train" / "data"), b"kept")
    (tmp_path / "train" / f"data.0123{UNFINISHED}").touch()
    remove_job_directory(str(tmp_path))
    assert [p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()] == ["train/data"]
