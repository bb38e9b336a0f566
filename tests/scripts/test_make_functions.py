"""The functions data set: one row a documented definition, no docstring in the series, the same rows every time."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pyarrow.parquet as parquet
import pytest

from scripts.make_functions import (
    EXCLUDED_PATHS,
    PACKAGES,
    PER_MODULE,
    Row,
    line_vector,
    main,
    package_directory,
    rows_of_package,
    rows_of_source,
    sample,
)

HALF = '''
def half(x):
  """Halves a number."""
  # Exact for floats.
  return x / 2
'''


def lengths(row: Row) -> list[float]:
    return [line[1] for line in row.lines]


def test_the_picture_of_the_module_docstring_is_true() -> None:
    (row,) = rows_of_source(HALF, "arithmetic", "arithmetic.halves")
    assert row == Row(
        id="arithmetic.halves:half",
        package="arithmetic",
        module="arithmetic.halves",
        docstring="Halves a number.",
        lines=((0, 12, 3, 3, 0, 0), (2, 21, 3, 2, 1, 0), (2, 14, 3, 1, 0, 0)),
    )


@pytest.mark.parametrize(
    ("line", "vector"),
    [
        ("", (0, 0, 0, 0, 0, 1)),
        ("    ", (0, 0, 0, 0, 0, 1)),
        ("\tx = 1  ", (8, 13, 2, 1, 0, 0)),
        ("    # note", (4, 10, 1, 1, 1, 0)),
        ("é = naïve_name", (0, 14, 2, 1, 0, 0)),
    ],
)
def test_line_vector(line: str, vector: tuple[float, ...]) -> None:
    assert line_vector(line) == vector


def test_no_docstring_is_in_the_lines_not_even_that_of_an_inner_definition() -> None:
    source = (
        "class Outer:\n"
        '  """A class.\n'
        "\n"
        "  With more to say.\n"
        '  """\n'
        "  def method(self):\n"
        '    """A method."""\n'
        "    return 1\n"
        "  value = 2\n"
    )
    outer, method = rows_of_source(source, "p", "p.m")
    assert outer.docstring == "A class.\n\nWith more to say."
    assert lengths(outer) == [12, 19, 12, 11]
    assert method.id == "p.m:Outer.method"
    assert lengths(method) == [19, 12]


def test_code_beside_a_docstring_stays() -> None:
    source = 'def brief(): "é says all"\ndef pair():\n  "Two."; return 2\n'
    brief, pair = rows_of_source(source, "p", "p.m")
    assert brief.docstring == "é says all"
    assert lengths(brief) == [len("def brief():")]
    assert lengths(pair) == [len("def pair():"), len("  ; return 2")]


def test_undocumented_and_blank_documented_definitions_are_no_rows() -> None:
    source = 'def one():\n  return 1\n\ndef two():\n  """ """\n\nclass Three:\n  x = "no docstring"\n'
    assert rows_of_source(source, "p", "p.m") == []


def test_a_decorator_belongs_to_the_definition() -> None:
    (row,) = rows_of_source("@cached\n@traced(1)\ndef f():\n  'Doc.'\n", "p", "p.m")
    assert lengths(row) == [len("@cached"), len("@traced(1)"), len("def f():")]


def test_definitions_of_one_name_get_a_number() -> None:
    source = "if fast:\n  def f():\n    'Fast.'\nelse:\n  def f():\n    'Slow.'\n"
    assert [row.id for row in rows_of_source(source, "p", "p.m")] == ["p.m:f", "p.m:f#2"]


def test_inner_functions_have_their_own_qualified_name() -> None:
    source = "def f():\n  'Outer.'\n  def g():\n    'Inner.'\n  async def h():\n    'Waits.'\n"
    names = [row.id for row in rows_of_source(source, "p", "p.m")]
    assert names == ["p.m:f", "p.m:f.<locals>.g", "p.m:f.<locals>.h"]


def test_a_form_feed_does_not_shift_the_lines() -> None:
    (row,) = rows_of_source("\x0c\ndef f():\n  'Doc.'\n  return 1\n", "p", "p.m")
    assert lengths(row) == [len("def f():"), len("  return 1")]


@pytest.mark.parametrize(
    "path",
    [
        "numpy/tests/test_core.py",
        "keras/src/layers/dense_test.py",
        "apache_beam/testing/util.py",
        "apache_beam/portability/api/beam_runner_api_pb2.py",
        "tensorflow/python/ops/gen_math_ops.py",
        "tensorflow/python/keras/layers/core.py",
        "tensorflow/lite/python/schema_py_generated.py",
        "keras/_tf_keras/keras/layers/__init__.py",
        "pydantic/v1/fields.py",
    ],
)
def test_tests_copies_and_generated_code_are_left_out(path: str) -> None:
    assert EXCLUDED_PATHS.search(path)


@pytest.mark.parametrize(
    "path", ["keras/src/layers/attention/attention.py", "numpy/lib/_latest.py", "apache_beam/generators.py"]
)
def test_ordinary_modules_are_not_left_out(path: str) -> None:
    assert not EXCLUDED_PATHS.search(path)


def test_a_package_is_its_files_without_those_that_do_not_parse(tmp_path: Path) -> None:
    package = tmp_path / "shapes"
    (package / "tests").mkdir(parents=True)
    (package / "__init__.py").write_text("class Shape:\n  'A shape.'\n")
    (package / "round.py").write_bytes("# coding: latin-1\ndef circle():\n  'Círculo.'\n".encode("latin-1"))
    (package / "template.py").write_text("def {{ name }}():\n")
    (package / "binary.py").write_bytes(b"\xff\xfe\x00")
    (package / "tests" / "round.py").write_text("def f():\n  'Not this one.'\n")
    rows = rows_of_package("shapes", package)
    assert [(row.id, row.docstring) for row in rows] == [
        ("shapes.round:circle", "Círculo."),
        ("shapes:Shape", "A shape."),
    ]


def test_the_sample_does_not_depend_on_the_order_and_grows_by_adding() -> None:
    rows = [Row(f"m{number % 5}:f{number}", "p", f"m{number % 5}", "Doc.", ()) for number in range(50)]
    ten = sample(rows, 10)
    assert ten == sample(rows[::-1], 10)
    assert set(ten) < set(sample(rows, 11))
    assert sample(rows, 100) == sorted(rows, key=lambda row: row.id)


def test_a_module_gives_no_more_than_its_share() -> None:
    large = [Row(f"large:f{number}", "p", "large", "Doc.", ()) for number in range(PER_MODULE + 30)]
    small = [Row(f"small:f{number}", "p", "small", "Doc.", ()) for number in range(3)]
    assert Counter(row.module for row in sample(large + small, 1000)) == {"large": PER_MODULE, "small": 3}
    assert len(sample(large + small, PER_MODULE + 1)) == PER_MODULE + 1


def test_parquet_and_json_lines_hold_the_same_rows_and_a_second_run_the_same_bytes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a.parquet", "b.parquet", "a.jsonl"):
        assert main(["--packages", "rich", "yaml", "--per-package", "25", "--output", str(tmp_path / name)]) == 0
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    rows = parquet.read_table(tmp_path / "a.parquet").to_pylist()
    assert rows == [json.loads(line) for line in (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len({row["id"] for row in rows}) == len(rows)
    assert {row["package"] for row in rows} == {"rich", "yaml"}
    assert sum(row["package"] == "rich" for row in rows) == 25
    assert all(len(line) == 6 for row in rows for line in row["lines"])
    assert capsys.readouterr().out.count(f"{len(rows)} rows in") == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jsonl", "a.parquet", "b.parquet"]


@pytest.mark.parametrize("package", PACKAGES)
def test_the_default_packages_are_installed_with_the_project(package: str) -> None:
    assert (package_directory(package) / "__init__.py").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--packages", "no_such_package"], "expected the name of an installed package"),
        (["--packages", "../numpy"], "expected the name of an installed package"),
        (["--packages", "yaml", "--output", "functions.csv"], "ends in .parquet or .jsonl"),
    ],
)
def test_wrong_arguments_end_with_status_2_and_no_file(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    given = arguments if "--output" in arguments else [*arguments, "--output", "functions.parquet"]
    assert main(given) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_packages_are_not_imported(tmp_path: Path) -> None:
    program = (
        "import sys; from scripts.make_functions import main; "
        f"main(['--packages', 'pydantic', 'numpy', '--per-package', '5', '--output', {str(tmp_path / 'f.jsonl')!r}]); "
        "print('imported:', 'pydantic' in sys.modules)"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert "imported: False" in done.stdout
