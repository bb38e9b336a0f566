"""A retraining with stand-in halves: a spec, a policy, and spans of plain words."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.retraining.command_line import main
from scripts.retraining.workspace import Workspace
from tests.scripts.retraining.standin_halves import StandInHalves

SPEC = {
    "name": "sample",
    "features": {"text": {"kind": "text"}},
    "label": {"column": "y", "kind": "binary"},
    "splits": {"train": 0.8, "test": 0.2},
}


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Manifest and statistics of a small dataset, and the statistics of a drifted one."""
    from tests.pipeline.report.samples import sample

    directory = tmp_path_factory.mktemp("templates")
    manifest, statistics = sample(rows=400)
    (directory / "manifest.json").write_text(manifest.to_json())
    (directory / "statistics.json").write_text(statistics.model_dump_json())
    (directory / "drifted.json").write_text(sample(rows=400, lengths=[3] * 400)[1].model_dump_json())
    return directory


class Retraining:
    """A folder with spans and a workspace, and the command line on it."""

    def __init__(self, folder: Path, templates: Path) -> None:
        self.folder, self.templates = folder, templates
        self.workspace = Workspace(folder / "ws")
        self.halves = StandInHalves(templates)
        self.policy(spans={"grace_seconds": 0}, keep={"versions": 2})
        (folder / "spec.yaml").write_text(yaml.safe_dump(SPEC))

    def policy(self, **content: Any) -> None:
        (self.folder / "policy.yaml").write_text(yaml.safe_dump(content))

    def span(self, name: str, words: str) -> Path:
        path = self.folder / "spans" / name / "part.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(words)
        return path

    @property
    def command(self) -> list[str]:
        return [
            "run", "--spec", str(self.folder / "spec.yaml"), "--input", str(self.folder / "spans/{span}/*.jsonl"),
            "--workspace", str(self.workspace.root), "--policy", str(self.folder / "policy.yaml"),
        ]  # fmt: skip

    def run(self, *more: str) -> int:
        return main([*self.command, *more], halves=lambda lock: self.halves)

    def does(self, *arguments: str) -> int:
        return main([*arguments, "--workspace", str(self.workspace.root)])

    def lines(self) -> list[dict[str, Any]]:
        return self.workspace.ledger.lines()

    def outcomes(self) -> list[str]:
        return [line["outcome"] for line in self.lines()]

    @property
    def champion(self) -> int | None:
        champion = self.workspace.registry.champion()
        return None if champion is None else champion.number


@pytest.fixture
def retraining(tmp_path: Path, templates: Path) -> Retraining:
    """Nothing has run yet; span 1 is there."""
    made = Retraining(tmp_path, templates)
    made.span("1", "one")
    return made


@pytest.fixture
def seasoned(retraining: Retraining) -> Retraining:
    """Two nights have passed, each with a new champion; span 3 is new."""
    assert retraining.run() == 0
    retraining.span("2", "two")
    assert retraining.run() == 0
    assert retraining.champion == 2
    retraining.span("3", "three")
    return retraining


@pytest.fixture
def as_json(capsys: pytest.CaptureFixture[str]) -> Callable[[], Any]:
    """The JSON that was printed."""
    return lambda: json.loads(capsys.readouterr().out)


@pytest.fixture(autouse=True)
def _wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "COLUMNS", "200")
