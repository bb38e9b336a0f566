"""scripts/environment.sh, with a stand-in for pip: made once, reused, made anew when half made or out of date."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]

# Acts as the Python that makes the environment, and as the one within it. It makes nothing real: it notes each
# installation in a file, and fails or dawdles when it is told to.
STAND_IN = f"""#!/usr/bin/env bash
case "$1 $2" in
    "-m venv") mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
    "-m pip")
        echo "${{@: -1}}" >>"$INSTALLED"
        sleep "${{PIP_SECONDS:-0}}"
        exit "${{PIP_STATUS:-0}}" ;;
    *) exec {sys.executable} "$@" ;;
esac
"""


@dataclass(frozen=True)
class Checkout:
    """A copy of what the script reads, and a log of what was installed."""

    root: Path
    installed: Path

    @property
    def environment(self) -> Path:
        return self.root / ".venv"

    def command(self, **variables: str) -> subprocess.Popen[str]:
        python = str(self.root.parent / "stand_in_python")
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("LENGTHWISE_")}
        settings = {**inherited, "LENGTHWISE_PYTHON": python, "INSTALLED": str(self.installed), **variables}
        script = [str(self.root / "scripts" / "environment.sh")]
        return subprocess.Popen(script, env=settings, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self, **variables: str) -> tuple[int, str, str]:
        process = self.command(**variables)
        output, errors = process.communicate(timeout=60)
        return process.returncode, output, errors

    def installations(self) -> int:
        """How often the checkout was installed."""
        lines = self.installed.read_text().splitlines() if self.installed.exists() else []
        return sum(line.endswith("[jax,test]") for line in lines)


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    root = tmp_path / "a checkout"
    (root / "scripts").mkdir(parents=True)
    for name in ("constraints.txt", "setup.py", "scripts/environment.sh"):
        shutil.copy(REPOSITORY / name, root / name)
    stand_in = tmp_path / "stand_in_python"
    stand_in.write_text(STAND_IN)
    stand_in.chmod(0o755)
    return Checkout(root, tmp_path / "installed")


def test_it_is_made_once_and_then_reused(checkout: Checkout) -> None:
    status, output, errors = checkout.run()
    assert (status, output) == (0, f"{checkout.environment}/bin/python\n"), errors
    status, output, errors = checkout.run()
    assert (status, output) == (0, f"{checkout.environment}/bin/python\n")
    assert "reusing" in errors
    assert checkout.installations() == 1


def test_a_half_made_one_is_made_anew(checkout: Checkout) -> None:
    status, output, _ = checkout.run(PIP_STATUS="7")
    assert (status, output) == (7, "")
    leftover = checkout.environment / "leftover"
    leftover.touch()
    assert checkout.run()[0] == 0
    assert not leftover.exists()


@pytest.mark.parametrize("changed", ["constraints.txt", "setup.py"])
def test_changed_pins_make_it_anew(checkout: Checkout, changed: str) -> None:
    checkout.run()
    with (checkout.root / changed).open("a") as file:
        file.write("# a change\n")
    assert checkout.run()[0] == 0
    assert checkout.installations() == 2


def test_two_at_once_make_one(checkout: Checkout) -> None:
    first, second = checkout.command(PIP_SECONDS="1"), checkout.command(PIP_SECONDS="1")
    errors = [process.communicate(timeout=60)[1] for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0)
    assert checkout.installations() == 1
    assert "waiting" in "".join(errors)


def test_it_goes_where_it_is_told(checkout: Checkout, tmp_path: Path) -> None:
    elsewhere = tmp_path / "else" / "where"
    status, output, _ = checkout.run(LENGTHWISE_VENV=str(elsewhere))
    assert (status, output) == (0, f"{elsewhere}/bin/python\n")
    assert not checkout.environment.exists()


def test_the_environment_of_another_checkout_is_left_alone(checkout: Checkout, tmp_path: Path) -> None:
    elsewhere = str(tmp_path / "shared")
    assert checkout.run(LENGTHWISE_VENV=elsewhere)[0] == 0
    other = Checkout(tmp_path / "another", tmp_path / "installed elsewhere")
    shutil.copytree(checkout.root, other.root)
    status, output, errors = other.run(LENGTHWISE_VENV=elsewhere)
    assert (status, output, other.installations()) == (1, "", 0)
    assert f"{elsewhere} is that of the checkout {checkout.root}; set LENGTHWISE_VENV" in errors
    assert checkout.run(LENGTHWISE_VENV=elsewhere)[0] == 0
    assert checkout.installations() == 1


def test_a_directory_of_somebody_else_is_left_alone(checkout: Checkout) -> None:
    checkout.environment.mkdir()
    (checkout.environment / "pyvenv.cfg").write_text("mine")
    status, output, errors = checkout.run()
    assert (status, output) == (1, "")
    assert "was not made by this script" in errors
    assert [path.name for path in checkout.environment.iterdir()] == ["pyvenv.cfg"]


def test_an_unusable_python_is_named(checkout: Checkout, tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    status, output, errors = checkout.run(LENGTHWISE_PYTHON=str(old))
    assert (status, output) == (1, "")
    assert f"LENGTHWISE_PYTHON is '{old}'; expected a Python 3.11" in errors
    assert not checkout.environment.exists()


def test_without_a_python_it_says_what_to_install(checkout: Checkout, tmp_path: Path) -> None:
    commands = tmp_path / "commands"
    commands.mkdir()
    for name in ("bash", "dirname", "env", "ls", "mkdir", "cat"):
        (commands / name).symlink_to(str(shutil.which(name)))
    script = checkout.root / "scripts" / "environment.sh"
    script.write_text(script.read_text().replace("/usr/bin/python3.11", "/nowhere/python3.11"))
    status, output, errors = checkout.run(PATH=str(commands), LENGTHWISE_PYTHON="")
    assert (status, output) == (1, "")
    assert "install Python 3.11" in errors
