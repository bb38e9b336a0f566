"""`python -m pipeline.validate`: what it prints and the status it ends with."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.validate import main

SPEC = """
name: t
key: id
features: {text: {kind: text}}
label: {column: y, kind: binary}
splits: {train: 0.5, validation: 0.5}
max_rejected: 0.1
"""


@pytest.fixture
def spec(tmp_path: Path) -> str:
    (tmp_path / "spec.yaml").write_text(SPEC)
    return str(tmp_path / "spec.yaml")


def rows(path: Path, bad: int) -> str:
    lines = [f"k{i},some words {i},{i % 2}" for i in range(100 - bad)] + [f"b{i},x,\n"[:-1] for i in range(bad)]
    (path / "rows.csv").write_text("id,text,y\n" + "\n".join(lines) + "\n")
    return str(path / "rows.csv")


def test_good_data_ends_with_status_0(spec: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--spec", spec, "--input", rows(tmp_path, bad=3)]) == 0
    printed = capsys.readouterr().out
    assert "rows in 100 = good 97 + rejected 3 + duplicates 0" in printed
    assert "rejected: missing_label 3" in printed
    assert "rows.csv row 97: label y: no value" in printed
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.csv", "spec.yaml"]  # nothing is written


def test_too_many_rejects_end_with_status_2(spec: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = rows(tmp_path, bad=11)
    assert main(["--spec", spec, "--input", data]) == 2
    assert "11.00% of the rows are rejected, more than max_rejected allows (10.00%)" in capsys.readouterr().err
    assert main(["--spec", spec, "--input", data, "--max-rejected", "0.2"]) == 0


def test_no_train_rows_end_with_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "spec.yaml").write_text(
        "{name: t, features: {text: {kind: text}}, splits: {by: column, column: id, validation: [a]}}"
    )
    (tmp_path / "rows.csv").write_text("id,text\na,b\na,c\n")
    assert main(["--spec", str(tmp_path / "spec.yaml"), "--input", str(tmp_path / "rows.csv")]) == 2
    assert "no row is left for the train split" in capsys.readouterr().err


def test_input_errors_end_with_status_2(spec: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "rows.csv").write_text("id,texts,y\na,b,0\n")
    assert main(["--spec", spec, "--input", str(tmp_path / "rows.csv")]) == 2
    assert "no column 'text'" in capsys.readouterr().err
    assert main(["--spec", spec, "--input", str(tmp_path / "absent.csv")]) == 2
    assert main(["--spec", str(tmp_path / "absent.yaml"), "--input", "x"]) == 2


@pytest.mark.parametrize("module", ["pipeline.validate", "pipeline.infer"])
def test_help_answers_at_once(module: str) -> None:
    started = time.monotonic()
    found = subprocess.run([sys.executable, "-m", module, "--help"], capture_output=True, text=True, check=True)
    assert "exit status:" in found.stdout
    assert time.monotonic() - started < 2
