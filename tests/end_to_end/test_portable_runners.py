"""The unchanged job through Beam's portable runners, with workers in processes of their own: the dataset of any runner.

Flink runs where Java and Maven are found and Maven serves Beam's job server (scripts/flink.sh). Prism, Beam's own
portable runner, is a Go program, and runs where a Go toolchain is found. Both get the same pipeline proto, stage the
same files and ask the same worker pool for workers.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import apache_beam
import pytest

from schemas.manifest import load_manifest

PRISM = f"github.com/apache/beam/sdks/v2/go/cmd/prism@v{apache_beam.__version__}"
NOT_SERVED = 3
REPOSITORY = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Path:
    """A few rows of `functions`, and in `direct` the dataset that the DirectRunner makes of them."""
    folder = tmp_path_factory.mktemp("portable")
    rows = str(folder / "functions.parquet")
    make = [sys.executable, "scripts/make_functions.py", "--output", rows, "--per-package", "40"]
    subprocess.run([*make, "--packages", "numpy", "rich", "keras"], cwd=repository, check=True, capture_output=True)
    preprocess([sys.executable, "-m", "pipeline"], folder, "direct", repository)
    return folder


def preprocess(command: list[str], folder: Path, name: str, repository: Path, *options: str) -> str:
    """Runs the job on `data`; the digest of what it wrote."""
    spec = ["--spec", "schemas/functions.yaml", "--input", str(folder / "functions.parquet")]
    done = subprocess.run(
        [*command, *spec, "--output", str(folder / name), *options],
        cwd=repository,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=580,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    return load_manifest(folder / name).digest


def environment() -> dict[str, str]:
    # The worker pool starts the first `python` on the PATH.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {"PATH": path, "PYTHONPATH": str(REPOSITORY), "LENGTHWISE_FLINK_PYTHON": sys.executable}


@contextlib.contextmanager
def worker_pool(repository: Path) -> Iterator[int]:
    """Beam's worker pool, which starts a process for each worker that a runner asks for; its port."""
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    command = [sys.executable, "-m", "apache_beam.runners.worker.worker_pool_main", f"--service_port={port}"]
    pool = subprocess.Popen(
        command, cwd=repository, env=environment(), start_new_session=True, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 120
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("localhost", port), 1):
                break
            assert pool.poll() is None, "the worker pool ended"
            assert time.monotonic() < deadline, "the worker pool did not come up"
            time.sleep(0.2)
        yield port
    finally:
        os.killpg(pool.pid, signal.SIGTERM)
        pool.wait(30)


@pytest.fixture(scope="session")
def prism() -> str:
    """The program prism of this Beam version, made by the Go toolchain; made once, then found again."""
    if shutil.which("go") is None:
        pytest.skip("no Go toolchain: go is not on the PATH")
    folder = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "lengthwise"
    program = folder / f"prism-{apache_beam.__version__}"
    if not program.exists():
        made = folder / f"making-{os.getpid()}"
        done = subprocess.run(
            ["go", "install", PRISM],
            env=os.environ | {"GOBIN": str(made)},
            capture_output=True,
            text=True,
            check=False,
            timeout=560,
        )
        if done.returncode:
            pytest.skip(f"go install {PRISM} failed: {done.stderr.strip().splitlines()[-1]}")
        os.replace(made / "prism", program)
        made.rmdir()
    return str(program)


def test_prism_writes_the_dataset_of_the_direct_runner(data: Path, prism: str, repository: Path) -> None:
    with worker_pool(repository) as port:
        pipeline = [sys.executable, "-m", "pipeline"]
        options = ["--runner=PrismRunner", f"--prism_location={prism}"]
        workers = ["--environment_type=EXTERNAL", f"--environment_config=localhost:{port}"]
        digest = preprocess(pipeline, data, "prism", repository, *options, *workers)
    assert digest == load_manifest(data / "direct").digest
    files = {name: files_of(data / name) for name in ("direct", "prism")}
    assert files["prism"] == files["direct"]


def files_of(dataset: Path) -> set[str]:
    return {path.relative_to(dataset).as_posix() for path in dataset.rglob("*")}


@pytest.fixture(scope="module")
def flink(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Iterator[Path]:
    """A running Flink cluster; its directory."""
    for tool in ("java", "mvn"):
        if shutil.which(tool) is None:
            pytest.skip(f"no {tool} on the PATH")
    home = tmp_path_factory.mktemp("flink")
    os.environ["LENGTHWISE_FLINK"] = str(home)
    try:
        up = script(repository, "up")
        assert up.returncode == 0, up.stderr
        yield home
    finally:
        down = script(repository, "down")
        del os.environ["LENGTHWISE_FLINK"]
    assert down.returncode == 0
    assert list(home.glob("run/*.pid")) == []


def script(repository: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["scripts/flink.sh", *arguments],
        cwd=repository,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )


def overview(repository: Path) -> dict[str, int]:
    """What the job manager says of its cluster."""
    import urllib.request

    address = script(repository, "status").stdout.split("dashboard ")[1].split()[0]
    with urllib.request.urlopen(f"{address}/overview", timeout=20) as answer:
        return json.load(answer)


def kill_task_manager(home: Path) -> None:
    os.kill(int((home / "run" / "task-manager-1.pid").read_text()), signal.SIGKILL)


@pytest.fixture
def job_server(flink: Path, repository: Path) -> None:
    """Beam's job server, without which Flink cannot be given a Beam job."""
    found = script(repository, "job-server")
    if found.returncode == NOT_SERVED:
        pytest.skip(found.stderr.strip().splitlines()[-1].removeprefix("[flink] error: "))
    assert found.returncode == 0, found.stderr


@pytest.mark.usefixtures("job_server")
def test_flink_writes_the_dataset_of_the_direct_runner(data: Path, repository: Path) -> None:
    digest = preprocess(["scripts/flink.sh", "run"], data, "flink", repository)
    assert digest == load_manifest(data / "direct").digest


@pytest.mark.usefixtures("job_server")
def test_a_flink_task_manager_killed_in_the_middle_changes_nothing(data: Path, flink: Path, repository: Path) -> None:
    spec = ["--spec", "schemas/functions.yaml", "--input", str(data / "functions.parquet")]
    command = ["scripts/flink.sh", "run", *spec, "--output", str(data / "recovered")]
    job = subprocess.Popen(command, cwd=repository, env=environment(), stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 300
    while not list(data.glob("recovered.staging-*/.job/graph-*")):
        assert job.poll() is None and time.monotonic() < deadline, "the job never came to its transform graph"
        time.sleep(0.1)
    kill_task_manager(flink)
    assert job.wait(400) == 0
    assert load_manifest(data / "recovered").digest == load_manifest(data / "direct").digest


def test_a_cluster_has_two_task_managers_and_is_refused_a_second_time(flink: Path, repository: Path) -> None:
    """Runs last: it loses a task manager for good."""
    again = script(repository, "up")
    assert again.returncode == 2
    assert "is up already" in again.stderr
    if (flink / "run" / "task-manager-1.pid").exists() and overview(repository)["taskmanagers"] == 2:
        assert overview(repository)["slots-total"] == 4
        kill_task_manager(flink)
    deadline = time.monotonic() + 60
    while overview(repository)["taskmanagers"] != 1:
        assert time.monotonic() < deadline, "the job manager never noticed that a task manager was lost"
        time.sleep(0.5)
    assert overview(repository)["slots-total"] == 2, "no slots are left for a job to go on in"
