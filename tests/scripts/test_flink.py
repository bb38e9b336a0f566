"""scripts/flink.sh says what is missing before it fetches or starts anything; the cluster itself: tests/end_to_end."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

TOOLS = ("bash", "cat", "dirname", "env", "mkdir", "sed", "basename")


def run(repository: Path, folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["scripts/flink.sh", *arguments],
        cwd=repository,
        env=os.environ | {"LENGTHWISE_FLINK": str(folder / "home")} | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture
def bare_path(tmp_path: Path) -> Path:
    """A PATH with neither Java nor Maven."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in TOOLS:
        (tools / name).symlink_to(shutil.which(name))
    return tools


def test_without_java_or_maven_it_says_which(repository: Path, tmp_path: Path, bare_path: Path) -> None:
    done = run(repository, tmp_path, "job-server", PATH=str(bare_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert "found no java; install Java 17" in done.stderr
    java = bare_path / "java"
    java.write_text("#!/usr/bin/env bash\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n")
    java.chmod(0o755)
    assert "java is version 11, expected 17" in run(repository, tmp_path, "job-server", PATH=str(bare_path)).stderr
    java.write_text("#!/usr/bin/env bash\necho 'openjdk version \"17.0.1\" 2021-10-19' >&2\n")
    assert "found no mvn" in run(repository, tmp_path, "job-server", PATH=str(bare_path)).stderr


def test_a_given_job_server_must_exist_and_is_then_taken(repository: Path, tmp_path: Path, bare_path: Path) -> None:
    for name, text in (("java", "echo 'openjdk version \"17.0.1\"' >&2"), ("mvn", "exit 1")):
        (bare_path / name).write_text(f"#!/usr/bin/env bash\n{text}\n")
        (bare_path / name).chmod(0o755)
    jar = tmp_path / "job-server.jar"
    given = {"PATH": str(bare_path), "LENGTHWISE_FLINK_JOB_SERVER": str(jar)}
    refused = run(repository, tmp_path, "job-server", **given)
    assert refused.returncode == 2 and f"'{jar}'; expected a jar file" in refused.stderr
    jar.touch()
    assert run(repository, tmp_path, "job-server", **given).stdout == f"{jar}\n"
    del given["LENGTHWISE_FLINK_JOB_SERVER"]
    not_served = run(repository, tmp_path, "job-server", **given)
    assert not_served.returncode == 3 and "LENGTHWISE_FLINK_JOB_SERVER" in not_served.stderr


def test_commands_that_start_nothing(repository: Path, tmp_path: Path) -> None:
    assert "received 'start', expected up, run, status, down" in run(repository, tmp_path, "start").stderr
    assert run(repository, tmp_path, "--help").stdout.startswith("A real Apache Flink cluster")
    assert run(repository, tmp_path, "status").returncode == 1
    assert run(repository, tmp_path, "down").returncode == 0
