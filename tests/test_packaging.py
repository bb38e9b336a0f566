"""The distribution holds every module and spec, works as Beam's --setup_file, and all that it needs is pinned."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGES = ("pipeline", "trainer", "schemas")
EXTRAS = ("jax", "test")
CACHES = shutil.ignore_patterns("__pycache__", "*.pyc")


@pytest.fixture(scope="module")
def source_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive that Beam sends to its workers, made by the command that Beam uses, from a copy of the checkout."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in PACKAGES:
        shutil.copytree(REPOSITORY / name, copy / name, ignore=CACHES)
    for name in ("setup.py", "pyproject.toml", "LICENSE", "README.md"):
        if (REPOSITORY / name).exists():
            shutil.copy(REPOSITORY / name, copy / name)
    target = tmp_path_factory.mktemp("archive")
    run([sys.executable, "setup.py", "sdist", "--dist-dir", str(target)], cwd=copy)
    (archive,) = target.glob("*.tar.gz")
    return archive


@pytest.fixture(scope="module")
def wheel(source_archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that a worker makes of the archive, made without a network."""
    target = tmp_path_factory.mktemp("wheel")
    options = ["--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", str(target)]
    run([sys.executable, "-m", "pip", "wheel", *options, str(source_archive)], cwd=target)
    (built,) = target.glob("lengthwise-*.whl")
    return built


def run(command: list[str], cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def requirements(wheel: Path) -> list[Requirement]:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        lines = archive.read(name).decode().splitlines()
    return [Requirement(line.removeprefix("Requires-Dist: ")) for line in lines if line.startswith("Requires-Dist: ")]


def pins() -> dict[str, str]:
    lines = (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return {
        canonicalize_name(name): version
        for name, version in (line.split("==") for line in lines if line and not line.startswith("#"))
    }


def test_every_directory_of_modules_is_a_package() -> None:
    """setup.py finds packages by __init__.py: without one, modules would be missing on every worker."""
    directories = {path.parent for name in PACKAGES for path in (REPOSITORY / name).rglob("*.py")}
    assert [str(path) for path in sorted(directories) if not (path / "__init__.py").exists()] == []


def test_the_wheel_holds_the_packages_the_specs_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    shipped = {
        path.relative_to(REPOSITORY).as_posix()
        for name in PACKAGES
        for path in (REPOSITORY / name).rglob("*")
        if path.suffix == ".py" or (name == "schemas" and path.suffix in (".yaml", ".json"))
    }
    assert held == shipped


def test_the_archive_carries_the_licence(source_archive: Path) -> None:
    with tarfile.open(source_archive) as archive:
        assert any(name.endswith("/LICENSE") for name in archive.getnames())


def test_an_installed_copy_finds_its_own_specs(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    program = (
        "import pathlib, schemas\n"
        "from schemas.spec import load_spec\n"
        "folder = pathlib.Path(schemas.__file__).parent\n"
        "print(folder, *sorted(load_spec(path).name for path in folder.glob('*.yaml')))"
    )
    folder, *names = run([sys.executable, "-c", program], cwd=tmp_path).split()
    assert Path(folder) == tmp_path / "schemas"
    assert {"imdb", "vowels", "icu", "stocks", "functions"} <= set(names)


@pytest.mark.slow
def test_a_worker_can_import_the_job_from_the_archive_alone(source_archive: Path, tmp_path: Path) -> None:
    with tarfile.open(source_archive) as archive:
        archive.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.iterdir()
    program = "import pipeline.job, pipeline.transform.bind, pipeline.prediction.job; print(pipeline.job.__file__)"
    assert run([sys.executable, "-c", program], cwd=unpacked).strip() == str(unpacked / "pipeline" / "job.py")


def test_constraints_are_plain_pins_each_of_another_package() -> None:
    lines = (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").splitlines()
    entries = [line for line in lines if line and not line.startswith("#")]
    assert [line for line in entries if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+]+", line)] == []
    assert len(pins()) == len(entries)


def test_all_that_the_distribution_and_its_extras_need_is_pinned_within_their_ranges(wheel: Path) -> None:
    pinned = pins()
    problems = []
    waiting: list[tuple[str, Requirement]] = [("lengthwise", requirement) for requirement in requirements(wheel)]
    environments = [{"extra": extra} for extra in ("", *EXTRAS)]
    done: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        origin, requirement = waiting.pop()
        if requirement.marker and not any(requirement.marker.evaluate(values) for values in environments):
            continue
        name = canonicalize_name(requirement.name)
        if name not in pinned or not requirement.specifier.contains(pinned[name], prereleases=True):
            problems.append(f"{origin} needs {requirement}, pinned is {pinned.get(name)}")
        key = (name, frozenset(requirement.extras))
        if key in done:
            continue
        done.add(key)
        wanted = [{"extra": extra} for extra in ("", *requirement.extras)]
        for text in metadata.requires(requirement.name) or []:
            inner = Requirement(text)
            if inner.marker is None or any(inner.marker.evaluate(values) for values in wanted):
                waiting.append((name, Requirement(f"{inner.name}{_extras(inner)}{inner.specifier}")))
    assert problems == []
    assert len(done) > 100


def _extras(requirement: Requirement) -> str:
    return f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""


def test_scripts_for_a_person_can_be_run_and_read() -> None:
    scripts = [REPOSITORY / ".ci" / "run", *sorted((REPOSITORY / "scripts").rglob("*.sh"))]
    assert len(scripts) >= 6
    for script in scripts:
        assert script.stat().st_mode & 0o111, f"{script} is not executable"
        assert script.read_text(encoding="utf-8").startswith("#!/usr/bin/env bash\n")
        run(["bash", "-n", str(script)], cwd=REPOSITORY)
