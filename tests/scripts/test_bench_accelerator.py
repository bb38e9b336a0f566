"""The accelerator benchmark does everything it promises on any machine, and its ratios mean what they say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts.bench.accelerator import Clock, main, print_table, row_of, run_task, times_faster
from scripts.bench.accelerator_worker import Task, chosen_shapes

SPEC = """
name: small
key: id
features: {series: {kind: series, channels: [a, b]}}
label: {column: label, kind: binary}
splits: {train: 0.8, validation: 0.2}
batching: {buckets: 2, align: 4}
"""


def figures(step: float, **shapes: int) -> dict[str, Any]:
    steps = {name.removeprefix("s"): count for name, count in shapes.items()}
    return {
        "resident": {shape: {"step": step, "steps": count} for shape, count in steps.items()},
        "tokens": {shape: 100 * count for shape, count in steps.items()},
    }


def test_ratios_are_over_the_shapes_that_both_measured() -> None:
    assert times_faster(figures(0.1, s0=3, s1=1), figures(0.4, s1=1, s2=9)) == pytest.approx(4)
    assert times_faster(figures(0.1, s0=3), {"failed": "no time left"}) is None


def test_a_row_says_what_the_figures_say(capsys: pytest.CaptureFixture[str]) -> None:
    device = {
        **figures(0.01, s0=6, s1=4),  # 1,000 tokens in 0.1 s
        "precision": "mixed_bfloat16",
        "trained": [10.0, 8_000.0, 7_000.0],
        "longest": {"step": 0.05, "steps": 10.0, "tokens": 1_000},  # 1,000 tokens in 0.5 s
        "kernels": "fused: cuDNN",
        "check": {"passed": True, "largest": 1e-3, "tolerance": 2e-2},
    }
    found = {"device": device, "float32": figures(0.02, s0=6), "cpu": figures(0.3, s1=4)}
    row = row_of("out/imdb", "rnn", found)
    assert row == {
        "dataset": "imdb", "model": "rnn", "precision": "mixed_bfloat16", "tokens/s": "8,000",
        "of resident": "80% LOW", "x longest": "5.0", "x CPU": "30.0", "x float32": "2.0",
        "kernels": "fused: cuDNN", "check": "1.0e-03 passed (at most 0.02)",
    }  # fmt: skip
    print_table([row, row_of("out/imdb", "cnn", {"device": {"failed": "out of memory"}})])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].index("tokens/s") == lines[1].index("8,000")
    assert "failed: out of memory" in lines[2]


def test_some_shapes_stand_for_the_whole_epoch() -> None:
    assert chosen_shapes([5, 0, 2], [10, 10, 10], 0) == [0, 2]
    assert chosen_shapes([100, 1, 1, 100], [10, 10, 10, 10], 2) == [0, 3]
    assert chosen_shapes([1, 1, 98], [10, 10, 10], 1) == [2]


def test_what_fails_or_finds_no_time_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_task(Task("nowhere", "rnn", {}), Clock(0)) == {"failed": "no time left"}
    with pytest.raises(SystemExit) as found:
        main(["--data", str(tmp_path)])
    assert found.value.code == 2
    assert "holds no finished dataset; make it with" in capsys.readouterr().err


@pytest.mark.slow
def test_a_smoke_run_fills_the_table(tmp_path: Path, repository: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC)
    rows = [{"series": [[row % 2, 0.1 * step] for step in range(1 + row % 9)], "label": row % 2} for row in range(80)]
    (tmp_path / "rows.jsonl").write_text(
        "".join(json.dumps({"id": str(n), **row}) + "\n" for n, row in enumerate(rows))
    )
    preprocess = [
        "--spec",
        f"{tmp_path}/spec.yaml",
        "--input",
        f"{tmp_path}/rows.jsonl",
        "--output",
        f"{tmp_path}/small",
    ]
    measure = ["--data", f"{tmp_path}/small", "--models", "rnn", "--smoke", "--json", f"{tmp_path}/all"]
    for command in (["-m", "pipeline", *preprocess], ["scripts/bench/accelerator.py", *measure]):
        done = subprocess.run(
            [sys.executable, *command],
            cwd=repository,
            env={name: value for name, value in os.environ.items() if name != "TF_USE_LEGACY_KERAS"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-2000:]
    last = done.stdout.splitlines()[-1].split()
    assert last[:3] == ["small", "rnn", "float32"]
    assert "scan: no GPU" in done.stdout and "passed (at most" in done.stdout
    ((_, _, found),) = json.loads((tmp_path / "all").read_text())
    assert found["device"]["check"]["passed"] and len(found["device"]["trained"]) == 2
    assert found["cpu"]["resident"].keys() <= found["device"]["resident"].keys()
