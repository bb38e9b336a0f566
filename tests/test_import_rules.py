"""Who may import whom: schemas imports neither half, and pipeline and trainer meet only in schemas.

The trainer imports neither apache_beam nor tensorflow_transform: the latter switches Keras to its legacy version for
the whole process. The rules hold for imports inside functions too, so the source is read, and they hold through third
parties, so everything is imported once in a fresh process.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]

FORBIDDEN = {
    "schemas": ("pipeline", "trainer", "scripts", "tests", "tensorflow", "keras", "apache_beam"),
    "pipeline": ("trainer", "scripts", "tests"),
    "trainer": ("pipeline", "scripts", "tests", "apache_beam", "tensorflow_transform"),
}


def python_files(*directories: str) -> list[Path]:
    return sorted(path for directory in directories for path in (REPOSITORY / directory).rglob("*.py"))


def imported_names(source: str, package: str) -> Iterator[tuple[int, str]]:
    """Every import of a module, wherever it stands, as (line, absolute dotted name).

    Args:
      source: the module's text.
      package: dotted name of the package that the module is in, for relative imports.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*parents, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in ("import_module", "__import__"):
                yield node.lineno, str(node.args[0].value)


def violations(source: str, package: str) -> list[tuple[int, str]]:
    """The imports of a module that its half forbids."""
    forbidden = FORBIDDEN[package.split(".")[0]]
    return [(line, name) for line, name in imported_names(source, package) if name.split(".")[0] in forbidden]


@pytest.mark.parametrize("half", FORBIDDEN)
def test_no_module_imports_what_its_half_forbids(half: str) -> None:
    files = python_files(half)
    assert files
    wrong = []
    for path in files:
        package = ".".join(path.parent.relative_to(REPOSITORY).parts)
        for line, name in violations(path.read_text(encoding="utf-8"), package):
            wrong.append(f"{path.relative_to(REPOSITORY)}:{line} imports {name}")
    assert not wrong


@pytest.mark.parametrize(
    ("package", "source", "name"),
    [
        ("trainer.input", "import apache_beam as beam", "apache_beam"),
        ("trainer.input", "import os, tensorflow_transform.tf_metadata", "tensorflow_transform.tf_metadata"),
        ("trainer", "def late():\n  if True:\n    from pipeline.padding import pad", "pipeline.padding.pad"),
        ("trainer.fit", "import importlib\nimportlib.import_module('pipeline.rows')", "pipeline.rows"),
        ("trainer", "module = __import__('apache_beam')", "apache_beam"),
        ("pipeline.plan", "try:\n  from trainer import config\nexcept ImportError:\n  pass", "trainer.config"),
        ("schemas", "from pipeline import rows", "pipeline.rows"),
        ("schemas", "import tensorflow as tf", "tensorflow"),
    ],
)
def test_a_forbidden_import_is_found_in_every_form(package: str, source: str, name: str) -> None:
    assert [found for _, found in violations(source, package)] == [name]


@pytest.mark.parametrize(
    ("package", "source"),
    [
        ("trainer.input", "from schemas.manifest import Manifest\nimport tensorflow as tf"),
        ("trainer.fit.steps", "from ..loop import Loop\nfrom . import pipeline"),  # trainer.fit.steps.pipeline
        ("pipeline.plan", "import apache_beam\nfrom pipeline import padding"),
        ("trainer", "name = 'apache_beam'\nprint('import pipeline')"),
    ],
)
def test_an_allowed_import_is_not_reported(package: str, source: str) -> None:
    assert violations(source, package) == []


def test_relative_imports_are_resolved() -> None:
    assert [name for _, name in imported_names("from . import a\nfrom ..b import c", "trainer.fit.steps")] == [
        "trainer.fit.steps.a",
        "trainer.fit.b.c",
    ]


def loaded_by(half: str, unwanted: tuple[str, ...]) -> tuple[set[str], int]:
    """Imports all modules of a half in a fresh process: the unwanted ones that were loaded, and how many it has."""
    modules = [
        ".".join(path.relative_to(REPOSITORY).with_suffix("").parts).removesuffix(".__init__")
        for path in python_files(half)
        if path.name != "__main__.py"
    ]
    program = (
        "import importlib, sys\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        f"print('loaded:', *(name for name in {unwanted!r} if name in sys.modules))"
    )
    # A test before this one may have imported tensorflow_transform, which sets this variable for all of its children.
    settings = {name: value for name, value in os.environ.items() if name != "TF_USE_LEGACY_KERAS"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, env=settings, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    last = next(line for line in done.stdout.splitlines() if line.startswith("loaded:"))
    return set(last.split()[1:]), len(modules)


@pytest.mark.parametrize("half", ["schemas", "trainer"])
def test_nothing_forbidden_is_loaded_through_another_package(half: str) -> None:
    loaded, count = loaded_by(half, (*FORBIDDEN[half], "tf_keras"))
    assert count > 5
    assert loaded == set()


def test_the_tests_are_no_package() -> None:
    assert list((REPOSITORY / "tests").rglob("__init__.py")) == []


def test_a_helper_lives_with_the_idea_it_serves() -> None:
    files = python_files("schemas", "pipeline", "trainer", "scripts", "tests")
    assert [path for path in files if path.name in ("utils.py", "util.py", "helpers.py", "common.py", "misc.py")] == []
