"""A checkpoint is written whole or not at all; a torn one is recognised and skipped."""

from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pytest

from schemas.errors import OutputError
from trainer.fit.checkpoint import Checkpoint, CheckpointDirectory, read_checkpoint


def content(value: float) -> Checkpoint:
    return Checkpoint(
        {"model": [np.full((2, 3), value, np.float32), np.array([7, 8], np.uint32)], "best": []},
        {"fingerprint": "abc", "progress": {"step": 3, "sums": [0.1 + 0.2, 1e-300]}},
    )


def test_what_is_saved_is_read_back_bit_for_bit(tmp_path: Path) -> None:
    saved = content(0.1)
    found = read_checkpoint(CheckpointDirectory(tmp_path).save(12, saved))
    assert found.meta == saved.meta
    assert found.arrays["best"] == []
    for left, right in zip(found.arrays["model"], saved.arrays["model"], strict=True):
        assert left.dtype == right.dtype and left.tobytes() == right.tobytes()


def test_the_last_n_are_kept(tmp_path: Path) -> None:
    directory = CheckpointDirectory(tmp_path, keep=2)
    for step in (1, 5, 20, 100):
        directory.save(step, content(step))
    assert [path.name for path in directory.paths()] == ["step-00000020.checkpoint", "step-00000100.checkpoint"]


@pytest.mark.parametrize("kept", [0, 30, 100, 0.5, 0.999])
def test_a_torn_checkpoint_is_skipped_with_a_warning(tmp_path: Path, kept: float) -> None:
    directory = CheckpointDirectory(tmp_path)
    directory.save(1, content(1))
    path = directory.save(2, content(2))
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data)) if isinstance(kept, float) else kept])
    with pytest.warns(UserWarning, match=r"step-00000002.checkpoint: skipped, .*using the checkpoint before it"):
        found = directory.latest()
    assert found is not None and found.arrays["model"][0][0, 0] == 1


def test_a_flipped_bit_is_noticed(tmp_path: Path) -> None:
    directory = CheckpointDirectory(tmp_path)
    path = directory.save(2, content(2))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    with pytest.warns(UserWarning, match="torn or changed"):
        assert directory.latest() is None


def test_a_full_disk_keeps_the_checkpoint_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = CheckpointDirectory(tmp_path, keep=1)
    directory.save(1, content(1))

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OutputError, match=r"No space left on device.*step-00000001.checkpoint.*--resume"):
        directory.save(2, content(2))
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001.checkpoint"]
    found = directory.latest()
    assert found is not None and found.arrays["model"][0][0, 0] == 1


def test_half_written_files_of_a_killed_run_are_not_taken_for_checkpoints(tmp_path: Path) -> None:
    directory = CheckpointDirectory(tmp_path)
    (tmp_path / "step-00000009.checkpoint.partial").write_bytes(b"LENGTH")
    assert directory.latest() is None
    directory.save(1, content(1))
    directory.clear()
    assert list(tmp_path.iterdir()) == []
