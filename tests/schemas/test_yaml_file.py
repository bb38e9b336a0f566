"""What a user reads when a YAML file cannot be read: the same words for a spec and for a configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.errors import SpecError
from schemas.yaml_file import read_yaml
from trainer.config import ConfigError, TrainerConfig, load_config


def test_what_a_file_holds(tmp_path: Path) -> None:
    path = tmp_path / "some.yaml"
    path.write_text("epochs: 3\nname: Übung\n", encoding="utf-8")
    assert read_yaml(path, "it", SpecError) == {"epochs": 3, "name": "Übung"}
    path.write_text("")
    assert read_yaml(path, "it", SpecError) is None
    assert load_config(path) == TrainerConfig()


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"epochs: [", "not YAML: "), (b"\xff\xfe", "not UTF-8 text"), (b"- 1", "received list, expected a mapping")],
)
def test_a_file_that_is_no_configuration(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "some.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=said) as found:
        load_config(path)
    assert str(found.value).startswith(str(path))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none.yaml: cannot read the configuration \(No such file.*\); expected a"):
        load_config(tmp_path / "none.yaml")
    with pytest.raises(SpecError, match="cannot read the spec .*; look elsewhere"):
        read_yaml(tmp_path, "the spec", SpecError, "look elsewhere")
