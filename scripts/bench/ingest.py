"""Times ingest alone: reading, checking, splitting and the search for duplicates, without tf.Transform.

    python scripts/bench/ingest.py [--data ../shared/data] [--repeats 3]

    reviews    IMDB's 25,000 reviews once, twice and four times over (distinct), Parquet: text, key and label
    events     1.67 million intensive-care events into 4,000 stays, outcomes joined
    floor      the same files only read by Arrow, nothing checked
    loop       four times the reviews, a plain Python loop: rows as dicts, one hashlib call each for split and content

Prints the median wall and processor seconds of each, and the ratios between them. Takes about a minute on a free core.
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[2]
if __package__ in (None, ""):  # run as a file: find the project instead of this directory
    sys.path.insert(0, str(ROOT))

from schemas.spec import DatasetSpec, load_spec  # noqa: E402 (after the path is set)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the benchmark; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", metavar="DIR")
    parser.add_argument("--repeats", type=int, default=3, metavar="N")
    arguments = parser.parse_args(argv)
    reviews, events = arguments.data / "imdb_train.parquet", arguments.data / "icu_events_train.parquet"
    for path in (reviews, events):
        if not path.exists():
            print(f"error: {path}: not there; name the directory of the real data with --data", file=sys.stderr)
            return 2
    with tempfile.TemporaryDirectory() as folder:
        files = {factor: write_reviews(reviews, factor, Path(folder)) for factor in (1, 2, 4)}
        imdb, icu = load_spec(ROOT / "schemas" / "imdb.yaml"), load_spec(ROOT / "schemas" / "icu.yaml")
        tasks: dict[str, Callable[[], object]] = {
            "reviews x 1": lambda: ingest(imdb, files[1]),
            "reviews x 2": lambda: ingest(imdb, files[2]),
            "reviews x 4": lambda: ingest(imdb, files[4]),
            "floor: reviews x 4": lambda: pq.read_table(files[4], use_threads=False),
            "loop: reviews x 4": lambda: plain_loop(files[4]),
            "events": lambda: ingest(icu, events),
            "floor: events": lambda: pq.read_table(events, use_threads=False),
        }
        tasks["reviews x 1"]()  # imports and file cache
        show({name: measure(task, arguments.repeats) for name, task in tasks.items()}, Console())
    return 0


def write_reviews(source: Path, factor: int, folder: Path) -> Path:
    """The reviews `factor` times over, each copy with keys and texts of its own."""
    table = pq.read_table(source, columns=["id", "text", "label"])
    copies = []
    for number in range(factor):
        mark = pa.scalar(f" {number}")
        copy = table.set_column(0, "id", pc.binary_join_element_wise(table["id"], mark, ""))
        copies.append(copy.set_column(1, "text", pc.binary_join_element_wise(table["text"], mark, "")))
    path = folder / f"reviews-{factor}.parquet"
    pq.write_table(pa.concat_tables(copies), path, row_group_size=5_000)
    return path


def ingest(spec: DatasetSpec, path: Path) -> None:
    """Ingests one file and throws the rows away."""
    import apache_beam as beam

    from pipeline.beam_options import beam_options
    from pipeline.ingest import Ingest, discover, resolve_spec

    inputs = discover(spec, [str(path)])
    spec = resolve_spec(spec, inputs)
    with beam.Pipeline(options=beam_options([])) as pipeline:
        output = pipeline | Ingest(spec, inputs)
        _ = output.rows | beam.Map(lambda rows: rows.num_rows)


def plain_loop(path: Path) -> int:
    """What a script would do: keep the first of equal contents, split by a hash of the key."""
    seen, kept = set(), {"train": 0, "validation": 0}
    for row in pq.read_table(path, use_threads=False).to_pylist():
        if not row["text"] or row["label"] not in (0, 1):
            continue
        content = hashlib.blake2b(f"{row['label']}\0{row['text']}".encode(), digest_size=16).digest()
        if content in seen:
            continue
        seen.add(content)
        place = int.from_bytes(hashlib.blake2b(row["id"].encode(), digest_size=8).digest(), "big") / 2**64
        kept["train" if place < 0.9 else "validation"] += 1
    return sum(kept.values())


def measure(task: Callable[[], object], repeats: int) -> tuple[float, float]:
    """(median wall seconds, median processor seconds) of a task."""
    walls, processors = [], []
    for _ in range(repeats):
        wall, processor = time.perf_counter(), time.process_time()
        task()
        walls.append(time.perf_counter() - wall)
        processors.append(time.process_time() - processor)
    return statistics.median(walls), statistics.median(processors)


def show(found: dict[str, tuple[float, float]], console: Console) -> None:
    """Prints the times and the ratios between them."""
    table = Table("task", "wall, s", "processor, s")
    for name, seconds in found.items():
        table.add_row(name, *(f"{value:.2f}" for value in seconds))
    console.print(table)
    processor = {name: value for name, (_, value) in found.items()}
    more = processor["reviews x 4"] - processor["reviews x 2"]
    less = processor["reviews x 2"] - processor["reviews x 1"]
    console.print(
        f"twice the reviews: {more / less:.2f} times the time, start-up subtracted (at most 2.1)\n"
        f"the plain loop takes {processor['loop: reviews x 4'] / processor['reviews x 4']:.2f} times as long\n"
        f"reading alone is {processor['floor: reviews x 4'] / processor['reviews x 4']:.0%} of it",
        highlight=False,
    )


if __name__ == "__main__":
    sys.exit(main())
