"""The `functions` data set: real variable-length data, in two modalities, without a download.

Every documented function and class of some installed Python packages is one row. The question is which package it
comes from. The packages are parsed with `ast`, never imported. They are requirements of Lengthwise itself, so the
data is there wherever the project is installed, and is the same wherever the same versions are.

Columns:
  id         string, "keras.src.ops.nn:relu"; a second definition of a name in its module ends in "#2", and so on.
  package    string, the label.
  module     string, the group: rows of one module belong in one split, for they share words and habits.
  docstring  string, without its indentation.
  lines      list<list<float32>>[lines, 6], one vector a source line, see CHANNELS.

Picture: a function, and its `lines` [indentation, length, words, punctuation, comment, blank]

    def half(x):                [[0, 12, 3, 3, 0, 0],
      '''Halves a number.'''                              (the docstring is not in the series)
      # Exact for floats.        [2, 21, 3, 2, 1, 0],
      return x / 2               [2, 14, 3, 1, 0, 0]]

What makes the label learnable: the words of a docstring, among them the package's own name ("a Keras layer", "tf.");
and the shape of the lines, for the packages indent by two or four spaces, wrap at other widths and comment at other
rates. No docstring, of the definition or of one inside it, is in its `lines`: the two modalities share no characters.

A module gives at most 40 rows: modules are what the splits are made of, and one of 150 would tip a split's balance.
Left out: tests, generated code, and copies of other packages' code, which would carry the wrong label.
"""

from __future__ import annotations

import argparse
import ast
import functools
import hashlib
import importlib.util
import json
import os
import re
import sys
import tokenize
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet

CHANNELS = ("indentation", "length", "words", "punctuation", "comment", "blank")
PER_MODULE = 40
PACKAGES = ("apache_beam", "keras", "numpy", "pydantic", "rich", "tensorflow", "tensorflow_transform")

# pydantic/v1, tensorflow/python/keras and keras/src/legacy repeat other code; the rest is written by generators.
EXCLUDED_PATHS = re.compile(
    r"(^|/)([^/]*tests?|testing|testlib|test_[^/]*|[^/]*_test\.py|conftest\.py"
    r"|_?vendor(ed)?|third_party|generated|_api|_tf_keras|gen_[^/]*|[^/]*_pb2(_[^/]*)?\.py"
    r"|[^/]*_generated\.py|clients|portability/api|pydantic/v1|tensorflow/python/keras|keras/src/legacy)(/|$)"
)

TEXTS = ("id", "package", "module", "docstring")
SCHEMA = pa.schema({**dict.fromkeys(TEXTS, pa.string()), "lines": pa.list_(pa.list_(pa.float32()))})

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class Row:
    """One documented function or class; the fields are the columns described above."""

    id: str
    package: str
    module: str
    docstring: str
    lines: tuple[tuple[float, ...], ...]


@functools.lru_cache(maxsize=2**16)  # a line of a nested definition is in its outer one too
def line_vector(line: str) -> tuple[float, ...]:
    """One source line as numbers, float32[6]; see CHANNELS.

    Args:
      line: without its line end. Tabs count to the next multiple of eight, trailing blanks do not count.
    """
    text = line.rstrip().expandtabs(8)
    code = text.lstrip()
    words, punctuation = len(re.findall(r"\w+", code)), len(re.findall(r"[^\w\s]", code))
    numbers = (len(text) - len(code), len(text), words, punctuation, code.startswith("#"), not code)
    return tuple(float(number) for number in numbers)


def rows_of_source(source: str, package: str, module: str) -> list[Row]:
    """The documented functions and classes of one module, in the order of the source.

    Args:
      source: the module's text, with "\\n" at line ends.
      package: the label.
      module: dotted name, the group and the first part of the ids.

    Raises:
      SyntaxError: the text is not Python of this interpreter's version.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # invalid escapes in other people's strings
        tree = ast.parse(source)
    code_lines = _without_docstrings(source, tree)
    seen: Counter[str] = Counter()
    rows = []
    for name, node in _definitions(tree, ""):
        docstring = (ast.get_docstring(node) or "").strip()
        if not docstring:
            continue
        seen[name] += 1
        suffix = f"#{seen[name]}" if seen[name] > 1 else ""
        first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
        kept = [code_lines[number] for number in range(first, (node.end_lineno or first) + 1) if number in code_lines]
        lines = tuple(line_vector(line) for line in kept)
        rows.append(Row(f"{module}:{name}{suffix}", package, module, docstring, lines))
    return rows


def _definitions(node: ast.AST, prefix: str) -> Iterator[tuple[str, Definition]]:
    """Every function and class below `node` with its qualified name, in source order."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, DEFINITIONS):
            name = prefix + child.name
            yield name, child
            inner = "." if isinstance(child, ast.ClassDef) else ".<locals>."
            yield from _definitions(child, name + inner)
        else:
            yield from _definitions(child, prefix)


def _without_docstrings(source: str, tree: ast.AST) -> dict[int, str]:
    """The source's lines by their number, from 1, without any docstring and the lines that hold nothing else."""
    lines = dict(enumerate(source.split("\n"), start=1))
    for node in ast.walk(tree):
        if not isinstance(node, (*DEFINITIONS, ast.Module)) or ast.get_docstring(node, clean=False) is None:
            continue
        literal = node.body[0]
        first, last = literal.lineno, literal.end_lineno or literal.lineno
        # ast counts columns in bytes of UTF-8.
        before = lines[first].encode()[: literal.col_offset].decode()
        after = lines[last].encode()[literal.end_col_offset :].decode()
        for number in range(first, last + 1):
            del lines[number]
        if before.strip() or after.strip(" ;"):  # `def f(): "docstring"` keeps its first half
            lines[first] = before + after
    return lines


def rows_of_package(package: str, directory: Path) -> list[Row]:
    """All rows of a package below its directory, sorted by id. Files that cannot be parsed are left out."""
    rows = []
    for path in sorted(directory.rglob("*.py")):
        relative = path.relative_to(directory.parent)
        if EXCLUDED_PATHS.search(relative.as_posix()):
            continue
        module = ".".join(relative.with_suffix("").parts).removesuffix(".__init__")
        try:
            with tokenize.open(path) as file:
                rows += rows_of_source(file.read(), package, module)
        except (SyntaxError, UnicodeDecodeError):  # templates, and code for other versions of Python
            continue
    return sorted(rows, key=lambda row: row.id)


def package_directory(package: str) -> Path:
    """Where an installed package lies; it is found, not imported.

    Raises:
      ValueError: it is not installed, or is a single file.
    """
    spec = importlib.util.find_spec(package) if re.fullmatch(r"\w+", package) else None
    if spec is None or not spec.submodule_search_locations:
        raise ValueError(
            f"received package {package!r}, expected the name of an installed package such as 'numpy'; "
            "install it, or name others with --packages"
        )
    return Path(next(iter(spec.submodule_search_locations)))


def sample(rows: Sequence[Row], limit: int) -> list[Row]:
    """At most `limit` rows, and PER_MODULE of a module, chosen by a digest of their ids: the same everywhere."""
    taken: Counter[str] = Counter()
    chosen = []
    for row in sorted(rows, key=lambda row: hashlib.sha256(row.id.encode()).digest()):
        taken[row.module] += 1
        if taken[row.module] <= PER_MODULE:
            chosen.append(row)
    return sorted(chosen[:limit], key=lambda row: row.id)


def write(rows: Sequence[Row], output: Path) -> None:
    """Writes Parquet or JSON lines, by the suffix, complete or not at all.

    Raises:
      ValueError: the suffix is another one.
    """
    if output.suffix not in (".parquet", ".jsonl"):
        raise ValueError(f"received output {str(output)!r}, expected a name that ends in .parquet or .jsonl")
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = output.with_name(f".{output.name}.{os.getpid()}.partial")
    try:
        if output.suffix == ".parquet":
            table = pa.Table.from_pylist([asdict(row) for row in rows], schema=SCHEMA)
            parquet.write_table(table, partial, compression="zstd")
        else:
            with partial.open("w", encoding="utf-8") as file:
                file.writelines(json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in rows)
        partial.replace(output)
    finally:
        partial.unlink(missing_ok=True)


def print_summary(rows: Sequence[Row], found: dict[str, int], output: Path) -> None:
    """Prints what was written, a line a package."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title="functions: which package is it from?")
    for column in ("package", "documented", "rows", "modules", "words a docstring", "lines a row"):
        table.add_column(column, justify="left" if column == "package" else "right")
    for package, documented in found.items():
        own = [row for row in rows if row.package == package]
        words = sum(len(row.docstring.split()) for row in own) / max(len(own), 1)
        lines = sum(len(row.lines) for row in own) / max(len(own), 1)
        modules = len({row.module for row in own})
        table.add_row(package, f"{documented:,}", f"{len(own):,}", f"{modules:,}", f"{words:.0f}", f"{lines:.0f}")
    console = Console()
    console.print(table)
    console.print(f"{len(rows):,} rows in {output}", highlight=False, soft_wrap=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Makes the data set; returns the exit status, 2 for a wrong argument."""
    parser = argparse.ArgumentParser(description="Builds the `functions` data set from installed Python packages.")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="a .parquet or .jsonl file")
    parser.add_argument("--packages", nargs="+", default=PACKAGES, metavar="NAME", help="default: %(default)s")
    parser.add_argument("--per-package", type=int, default=1200, metavar="N", help="most rows of one package (1200)")
    arguments = parser.parse_args(argv)
    if arguments.per_package < 1:
        parser.error(f"received --per-package {arguments.per_package}, expected at least 1")
    rows: list[Row] = []
    found = {}
    try:
        for package in sorted(set(arguments.packages)):
            documented = rows_of_package(package, package_directory(package))
            found[package] = len(documented)
            rows += sample(documented, arguments.per_package)
        write(rows, arguments.output)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print_summary(rows, found, arguments.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
