"""A dataset appears whole or not at all, and nothing that is no dataset is ever replaced."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from pipeline import publish as publishing
from pipeline.publish import check_output, publish, staging_directory
from schemas.errors import OutputError


def finished(directory: str | Path, content: str) -> None:
    Path(directory).mkdir(exist_ok=True)
    Path(directory, "data").write_text(content)
    Path(directory, "manifest.json").write_text(content)


def test_a_new_dataset_is_moved_into_place_and_nothing_is_left_over(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    check_output(str(out))
    with staging_directory(str(out)) as staging:
        finished(staging, "new")
        publish(staging, str(out))
    assert (out / "data").read_text() == "new"
    assert os.listdir(tmp_path / "deep") == ["out"]


@pytest.mark.parametrize("exchange", [True, False])
def test_an_old_dataset_is_replaced_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exchange: bool) -> None:
    if not exchange:  # as on systems without renameat2
        monkeypatch.setattr(publishing.ctypes, "CDLL", lambda *_, **__: object())
    out = tmp_path / "out"
    finished(out, "old")
    (out / "only-in-old").touch()
    with staging_directory(str(out)) as staging:
        finished(staging, "new")
        publish(staging, str(out))
    assert sorted(os.listdir(out)) == ["data", "manifest.json"]
    assert (out / "data").read_text() == "new"
    assert os.listdir(tmp_path) == ["out"]


def test_a_failed_run_leaves_the_old_dataset_and_no_staging(tmp_path: Path) -> None:
    out = tmp_path / "out"
    finished(out, "old")

    def die(staging: str) -> None:
        Path(staging, "half").touch()
        raise RuntimeError("worker died")

    with pytest.raises(RuntimeError, match="worker died"), staging_directory(str(out)) as staging:
        die(staging)
    assert (out / "data").read_text() == "old"
    assert os.listdir(tmp_path) == ["out"]


def test_a_reader_sees_a_whole_dataset_at_every_moment(tmp_path: Path) -> None:
    out = tmp_path / "out"
    finished(out, "0")
    broken: list[str] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            handle = os.open(out, os.O_RDONLY | os.O_DIRECTORY)
            try:
                names = set(os.listdir(handle))
            finally:
                os.close(handle)
            # A directory that was just replaced may be emptied while it is read, but its name is never missing.
            if names - {"data", "manifest.json"}:
                broken.append(str(names))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for generation in range(50):
            with staging_directory(str(out)) as staging:
                finished(staging, str(generation))
                publish(staging, str(out))
    finally:
        stop.set()
        reader.join()
    assert not broken


def test_an_output_that_holds_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(OutputError, match=r"holds thesis\.tex and no manifest\.json"):
        check_output(str(tmp_path))
    with pytest.raises(OutputError, match="is a file"):
        check_output(str(tmp_path / "thesis.tex"))
    (tmp_path / "empty").mkdir()
    check_output(str(tmp_path / "empty"))


def test_the_staging_of_a_killed_run_is_removed_and_that_of_a_live_run_is_not(tmp_path: Path) -> None:
    dead = tmp_path / "out.staging-dead0001"
    dead.mkdir()
    (dead / ".lock").touch()
    (dead / "half").touch()
    with staging_directory(str(tmp_path / "out")) as live, staging_directory(str(tmp_path / "out")):
        assert not dead.exists()
        assert Path(live).exists()
    assert os.listdir(tmp_path) == []
