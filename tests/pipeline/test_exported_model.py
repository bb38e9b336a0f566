"""An exported model is found by its version, by its versions, or by the trainer's output; nothing else passes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.prediction.exported_model import open_exported_model
from schemas.errors import InputError


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """What `python -m trainer` leaves, with two versions."""
    content = {
        "spec": {"name": "t", "features": {"x": {"kind": "ids"}}, "label": {"column": "y", "kind": "binary"}},
        "label": {"kind": "binary", "classes": ["0", "1"]},
        "dataset_digest": "d",
    }
    for version in ("9", "10"):
        extra = tmp_path / "export" / version / "assets.extra"
        extra.mkdir(parents=True)
        (extra.parent / "saved_model.pb").touch()
        (extra / "lengthwise.json").write_text(json.dumps(content))
    (tmp_path / "export" / "staging-1").mkdir()
    return tmp_path


def test_the_highest_version_is_taken_unless_one_is_named(output: Path) -> None:
    for directory in (output, output / "export", output / "export" / "10"):
        model = open_exported_model(directory)
        assert model.directory == str(output / "export" / "10")
        assert (model.spec.name, model.label.classes, model.dataset_digest) == ("t", ["0", "1"], "d")
    assert open_exported_model(output / "export" / "9").directory.endswith("/9")


def test_a_directory_without_an_export_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no exported model"):
        open_exported_model(tmp_path)
    with pytest.raises(InputError, match="holds no exported model"):
        open_exported_model(tmp_path / "none")
