"""Times analysis when one span in eleven is new, against a full analysis.

    python scripts/bench/incremental.py [--data ../shared/data/imdb_train.parquet] [--copies 2] [--repeats 3]

IMDB's reviews, `copies` times over, in eleven files ("spans") of equal size. Measured is the analysis alone (tokenise,
count, merge, write vocabulary and cap), as the job runs it on the train rows, on batches that are read beforehand:

    full      eleven spans, no cache
    one new   eleven spans, a cache that holds ten of them: entries are read, checked, merged with the new span's counts

Each round starts from the same ten spans. Vocabulary, cap and counts of both must be the same bytes. Last, the whole
command is run three times: ten spans and then eleven with --cache, and eleven without it; digests and statistics.json
must be equal. Prints the ratio of medians (asked for: at most 30%). Exits with status 1 where anything differs; a
missed target is shown, and exits with 0. Takes about two minutes on two free cores.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[2]
if __package__ in (None, ""):  # run as a file: find the project instead of this directory
    sys.path[0] = str(ROOT)

from scripts.bench.baselines.reviews import ROWS_PER_GROUP, write_reviews  # noqa: E402

SPANS = 11
MOST_RATIO = 0.30
SPEC = ROOT / "schemas" / "imdb.yaml"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the benchmark; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = ROOT.parent / "shared" / "data" / "imdb_train.parquet"
    parser.add_argument("--data", type=Path, default=data, metavar="FILE", help="Parquet with id, text and label")
    parser.add_argument("--rows", type=int, metavar="N", help="reviews taken of it, for a quick trial (default: all)")
    parser.add_argument("--copies", type=int, default=2, metavar="N", help="copies of each review (default: 2)")
    parser.add_argument("--repeats", type=int, default=3, metavar="N", help="medians count (default: 3)")
    arguments = parser.parse_args(argv)
    if not arguments.data.is_file():
        parser.error(f"--data: received {arguments.data}, which is no file; expected Parquet with id, text and label")
    with tempfile.TemporaryDirectory(prefix="incremental-") as directory:
        folder = Path(directory)
        spans = write_spans(arguments.data, arguments.copies, arguments.rows, folder)
        times, same = measure_analysis(spans, folder, arguments.repeats)
        equal = compare_commands(spans, folder)
    show(times, same, equal)
    return 0 if same and equal else 1


def write_spans(data: Path, copies: int, rows: int | None, folder: Path) -> list[Path]:
    """Eleven files of equal size; their rows come to about `copies` times those of `data`."""
    whole = folder / "reviews.parquet"
    write_reviews(data, whole, copies, rows)
    table = parquet.read_table(whole)
    size = table.num_rows // SPANS
    spans = [folder / f"span-{number:02d}.parquet" for number in range(SPANS)]
    for number, path in enumerate(spans):
        parquet.write_table(table.slice(number * size, size), path, row_group_size=ROWS_PER_GROUP)
    return spans


def measure_analysis(
    spans: list[Path], folder: Path, repeats: int
) -> tuple[dict[str, list[tuple[float, float]]], bool]:
    """(wall, processor) seconds of every run by kind, and whether all found the same."""
    from pipeline.transform.analysis_cache import open_cache

    batches = [canonical_batches(span) for span in spans]
    every = [batch for part in batches for batch in part]
    held = folder / "held"
    analyse([batch for part in batches[:-1] for batch in part], folder / "ten", open_cache(str(held)))
    found: set[tuple[bytes, ...]] = set()
    times: dict[str, list[tuple[float, float]]] = {"full": [], "one new": []}
    for number in range(repeats):
        for kind in times:
            cache = None
            if kind == "one new":
                shutil.copytree(held, folder / f"cache-{number}")
                cache = open_cache(str(folder / f"cache-{number}"))
            target = folder / f"{kind.replace(' ', '-')}-{number}"
            times[kind].append(analyse(every, target, cache))
            found.add(tuple(path.read_bytes() for path in sorted(target.iterdir())))
    return times, len(found) == 1


def canonical_batches(span: Path) -> list[pa.RecordBatch]:
    """The train rows of a span as ingest gives them to the analysis."""
    from pipeline.ingest import discover, formats, resolve_spec
    from pipeline.ingest.needs import needed
    from pipeline.ingest.plain import prepare
    from pipeline.ingest.raw import Request
    from pipeline.ingest.reading import ROWS_PER_BATCH
    from pipeline.rows import SPLIT, canonical_schema
    from schemas.spec import load_spec

    spec = load_spec(SPEC)
    inputs = discover(spec, [str(span)])
    spec = resolve_spec(spec, inputs)
    request = Request({need.column: need.shape for need in needed(spec)}, ROWS_PER_BATCH, None)
    made = []
    for batch in formats.read(inputs.files[0], request):
        rows = prepare(spec, inputs, inputs.files[0], batch).rows.select(canonical_schema(spec).names)
        made.append(rows.filter(pa.compute.equal(rows.column(SPLIT), "train")))
    return made


def analyse(batches: list[pa.RecordBatch], target: Path, cache: object) -> tuple[float, float]:
    """(wall, processor) seconds of one analysis, which leaves its files in `target`."""
    from pipeline.transform.analyze import MergeAnalyzed, count_batch, finish
    from pipeline.transform.analyzers import make_analyzers
    from schemas.spec import load_spec

    target.mkdir()
    wall, processor = time.perf_counter(), time.process_time()
    analyzers = make_analyzers(load_spec(SPEC))
    merge = MergeAnalyzed(analyzers)
    gathered = merge.create_accumulator()
    for batch in batches:
        for analyzed in count_batch(batch, analyzers, cache):  # type: ignore[arg-type]  # None or an AnalysisCache
            gathered = merge.add_input(gathered, analyzed)
    finish(merge.extract_output(gathered), analyzers, str(target))
    return time.perf_counter() - wall, time.process_time() - processor


def compare_commands(spans: list[Path], folder: Path) -> bool:
    """Whether the whole command with a cache writes what it writes without one."""
    cache = ["--cache", str(folder / "cache")]
    runs = {"ten": (spans[:-1], cache), "eleven": (spans, cache), "full": (spans, [])}
    written = {}
    for name, (inputs, options) in runs.items():
        output = folder / f"out-{name}"
        command = [sys.executable, "-m", "pipeline", "--spec", str(SPEC), "--output", str(output), "--quiet"]
        command += ["--input", *map(str, inputs), *options]
        started = time.perf_counter()
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{' '.join(command)}\\nended with status {done.returncode}:\\n{done.stderr}")
        print(f"whole command, {name:6} {time.perf_counter() - started:6.1f} s", flush=True)
        shards = {path.relative_to(output): path.read_bytes() for path in output.rglob("*.tfrecord")}
        written[name] = (shards, (output / "statistics.json").read_bytes())
        shutil.rmtree(output)
    return written["eleven"] == written["full"]


def show(times: dict[str, list[tuple[float, float]]], same: bool, equal: bool) -> None:
    """Prints the table, the ratio last."""
    table = Table("analysis of 11 spans", "wall, s", "processor, s")
    medians = {}
    for kind, runs in times.items():
        medians[kind] = [statistics.median(run[part] for run in runs) for part in (0, 1)]
        table.add_row(kind, *(f"{value:.2f}" for value in medians[kind]))
    console = Console()
    console.print(table)
    ratio = medians["one new"][0] / medians["full"][0]
    processor = medians["one new"][1] / medians["full"][1]
    verdict = "reached" if ratio <= MOST_RATIO else "missed"
    console.print(f"load {os.getloadavg()[0]:.1f}; findings the same: {'yes' if same else 'NO'}", highlight=False)
    console.print(f"shards and statistics.json the same: {'yes' if equal else 'NO'}", highlight=False)
    console.print(
        f"one new span takes {ratio:.0%} of a full analysis, {processor:.0%} of its processor time "
        f"(at most {MOST_RATIO:.0%}: {verdict})",
        highlight=False,
    )


if __name__ == "__main__":
    sys.exit(main())
