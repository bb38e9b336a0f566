"""The CronJob against Kubernetes' own schemas, its command in a real shell, and the image's Dockerfile.

The schemas say nothing of how fields fit together; what the server checks beyond them is checked here by hand.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.scripts.schedule.stand_in import (
    ALERTING_STATUSES,
    QUIET_STATUSES,
    RECIPES,
    REPOSITORY,
    Checkout,
    expected_arguments,
)

MANIFEST = RECIPES / "kubernetes-cronjob.yaml"

# The oldest that the file claims, and the newest that the pinned validator knows.
VERSIONS = ("1.31.0", "1.37.0")


@pytest.fixture(scope="module")
def cron_job() -> dict[str, Any]:
    [job] = [part for part in yaml.safe_load_all(MANIFEST.read_text()) if part["kind"] == "CronJob"]
    return job


@pytest.fixture(scope="module")
def pod(cron_job: dict[str, Any]) -> dict[str, Any]:
    return cron_job["spec"]["jobTemplate"]["spec"]["template"]["spec"]


@pytest.fixture(scope="module")
def container(pod: dict[str, Any]) -> dict[str, Any]:
    [container] = pod["containers"]
    return container


def validate(tools: Path, manifest: Path, version: str) -> subprocess.CompletedProcess[str]:
    command = [tools / "kubernetes-validate", "--strict", "--kubernetes-version", version, manifest]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_accepts_it(tools: Path, version: str) -> None:
    result = validate(tools, MANIFEST, version)
    assert result.returncode == 0, result.stdout + result.stderr
    assert (result.stdout + result.stderr).count(" passed for resource ") == 2


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("concurrencyPolicy:", "concurrentPolicy:"),
        ("backoffLimit: 1", "backoffLimit: one"),
        ("              operator: In\n", ""),
        ("mountPath: /spans", "path: /spans"),
    ],
)
def test_kubernetes_would_refuse_a_wrong_one(tools: Path, tmp_path: Path, right: str, wrong: str) -> None:
    text = MANIFEST.read_text()
    assert right in text
    changed = tmp_path / "wrong.yaml"
    changed.write_text(text.replace(right, wrong))
    assert validate(tools, changed, VERSIONS[-1]).returncode != 0


def test_the_fields_fit_together(cron_job: dict[str, Any], pod: dict[str, Any], container: dict[str, Any]) -> None:
    assert cron_job["spec"]["concurrencyPolicy"] == "Forbid"
    assert pod["restartPolicy"] == "Never"  # the server refuses podFailurePolicy with another
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
    claims = [part for part in yaml.safe_load_all(MANIFEST.read_text()) if part["kind"] == "PersistentVolumeClaim"]
    claimed = [volume.get("persistentVolumeClaim", {}).get("claimName") for volume in pod["volumes"]]
    assert {claim["metadata"]["name"] for claim in claims} <= set(claimed)


def test_every_path_of_a_run_is_mounted_and_only_two_are_writable(container: dict[str, Any]) -> None:
    values = {entry["name"]: entry["value"] for entry in container["env"]}
    mounts = {mount["mountPath"]: not mount.get("readOnly", False) for mount in container["volumeMounts"]}
    for name in ("LENGTHWISE_SPEC", "LENGTHWISE_INPUT", "LENGTHWISE_WORKSPACE"):
        assert any(values[name].startswith(f"{path}/") for path in mounts), values[name]
    assert {path for path, writable in mounts.items() if writable} == {"/workspace", "/tmp"}
    assert container["securityContext"]["readOnlyRootFilesystem"] is True


def run(checkout: Checkout, container: dict[str, Any], status: int, options: str = "") -> int:
    """The container's command, with the image's `python` and working directory; returns the container's exit status."""
    variables = {entry["name"]: entry["value"] for entry in container["env"]}
    variables |= {"LENGTHWISE_WORKSPACE": str(checkout.workspace(status)), "LENGTHWISE_OPTIONS": options}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    command = [*container["command"], *container["args"]]
    environment = {**variables, "PATH": path}
    return subprocess.run(command, cwd=checkout.root, env=environment, check=False, timeout=60).returncode


@pytest.mark.parametrize("status", QUIET_STATUSES + ALERTING_STATUSES)
def test_the_container_ends_as_a_job_should(checkout: Checkout, container: dict[str, Any], status: int) -> None:
    assert run(checkout, container, status) == (0 if status in QUIET_STATUSES else status)
    [call] = checkout.calls(status)
    assert call.arguments == expected_arguments(
        "/etc/lengthwise/spec.yaml", "/spans/{span}/*.parquet", checkout.workspace(status)
    )


def test_options_are_words_and_no_file_names(checkout: Checkout, container: dict[str, Any]) -> None:
    run(checkout, container, 0, options="--config * --dry-run")
    assert checkout.calls(0)[0].arguments[-3:] == ["--config", "*", "--dry-run"]


def test_only_what_may_pass_by_itself_is_tried_again(cron_job: dict[str, Any], container: dict[str, Any]) -> None:
    job = cron_job["spec"]["jobTemplate"]["spec"]
    [ignored, failed] = job["podFailurePolicy"]["rules"]
    assert ignored["action"] == "Ignore"
    assert failed["action"] == "FailJob"
    assert failed["onExitCodes"]["containerName"] == container["name"]
    assert set(failed["onExitCodes"]["values"]) == set(ALERTING_STATUSES) - {1}
    assert job["backoffLimit"] == 1


def instructions() -> list[list[str]]:
    text = (RECIPES / "Dockerfile").read_text().replace("\\\n", " ")
    return [shlex.split(line, comments=True) for line in text.splitlines() if line and not line.startswith("#")]


def test_the_image_has_what_the_job_starts(container: dict[str, Any]) -> None:
    copied = {word for name, *words in instructions() if name == "COPY" for word in words[:-1]}
    assert {"setup.py", "constraints.txt", "pipeline", "trainer", "schemas", "scripts"} == copied
    assert [word for word in copied if not (REPOSITORY / word).exists()] == []
    [python] = [words[0] for name, *words in instructions() if name == "FROM"]
    assert re.search(r"\(Python (3\.\d+),", (REPOSITORY / "constraints.txt").read_text()).group(1) in python
    [script] = re.findall(r"python (scripts/\S+)", container["args"][0])
    assert script == "scripts/retrain.py"
