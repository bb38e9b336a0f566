"""Times the bucket planner and the padding, and shows what the plans save.

    python -m scripts.bench.plan [--data ../shared/data]

Prints milliseconds and padding efficiencies (real steps / padded steps, 1 = nothing padded) of

    boundaries   one feature, 5,000 distinct lengths, 32 buckets: at most 200 ms
    IMDB         the design's table: pad-to-max, equal-count and powers of two beside the optimum
    tuples       two and three features, some 100,000 distinct joint lengths, beside the best product grid
    stocks       tweets and prices of real rows, beside the best product grid
    padding      IMDB x 4 (100,000 rows) padded to 16 buckets: nanoseconds a real step

Exits with status 1 when the first misses its limit. Takes about a minute on one core. IMDB and stocks are left out
where their files are absent.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from pipeline import plan
from pipeline.padding import pad_ragged
from pipeline.plan.histogram import Integers

Result = TypeVar("Result")

MOST_MILLISECONDS = 200.0
ALIGN = 8


def timed(call: Callable[[], Result], repeats: int = 1) -> tuple[Result, float]:
    """The result of a call and the least wall-clock milliseconds of `repeats` runs."""
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        result = call()
        best = min(best, (time.perf_counter() - start) * 1e3)
    return result, best


def bench_boundaries() -> bool:
    """Times the exact programme at the size that the design names; says whether it kept its limit."""
    counts = np.random.default_rng(0).integers(1, 1000, 5000)
    _, milliseconds = timed(lambda: plan.optimal_boundaries(np.arange(5000), counts, 32), repeats=5)
    print(f"boundaries   5,000 lengths, 32 buckets: {milliseconds:.0f} ms (at most {MOST_MILLISECONDS:.0f})")
    return milliseconds <= MOST_MILLISECONDS


def bench_imdb(path: Path) -> None:
    """Prints the efficiency table of IMDB, and the speed of padding it four times over."""
    import pyarrow.parquet as parquet

    texts = parquet.read_table(path, columns=["text"])["text"].to_pylist()
    lengths = np.array([len(text.replace("<br />", " ").split()) for text in texts])
    values, counts = np.unique(lengths, return_counts=True)
    plans = {
        "pad to max": plan.pad_to_max(values, counts),
        "powers of two": plan.powers_of_two(values, counts),
        **{f"{k} equal count": plan.equal_count(values, counts, k) for k in (8, 16, 32)},
        **{f"{k} optimal": plan.optimal_boundaries(values, counts, k) for k in (8, 16, 32)},
        f"16 optimal, align {ALIGN}": plan.optimal_boundaries(values, counts, 16, ALIGN),
    }
    print(f"IMDB         {len(lengths):,} reviews, {lengths.sum():,} words, longest {lengths.max():,}")
    for name, boundaries in plans.items():
        efficiency = plan.padding_efficiency(int(lengths.sum()), plan.padded_steps(values, counts, boundaries))
        print(f"             {name:20} {len(boundaries):3} buckets   efficiency {efficiency:.3f}")
    bench_padding(np.tile(lengths, 4), plans[f"16 optimal, align {ALIGN}"])


def bench_padding(lengths: Integers, boundaries: Integers) -> None:
    """Times `pad_ragged` over rows sorted into their buckets, each bucket's values contiguous."""
    bucket = plan.assign(lengths[:, np.newaxis], boundaries[:, np.newaxis])
    for channels in (0, 8):
        ragged = []
        for index, boundary in enumerate(boundaries):
            offsets = np.concatenate([[0], np.cumsum(lengths[bucket == index])])
            shape = (offsets[-1], channels) if channels else (offsets[-1],)
            ragged.append((np.ones(shape, np.float32 if channels else np.int64), offsets, int(boundary)))
        for side in ("post", "pre"):
            # One bucket at a time, as the writer does: the padded rows of all would not fit the memory.
            milliseconds = sum(timed(partial(pad_ragged, *one, side))[1] for one in ragged)
            print(
                f"padding      {len(lengths):,} rows, {lengths.sum():,} steps of {max(channels, 1)} channels, {side}: "
                f"{milliseconds:.0f} ms, {milliseconds * 1e6 / lengths.sum():.1f} ns a step"
            )


def compare_tuples(name: str, joint: Integers, counts: Integers, buckets: int, align: int) -> None:
    """Prints one line: the joint plan beside the best product grid."""
    names = [f"feature_{index}" for index in range(joint.shape[1])]
    real = float((joint * counts[:, np.newaxis]).sum())
    chosen, milliseconds = timed(lambda: plan.plan_buckets(names, joint, counts, buckets, align))
    grid = plan.grid_tuples(plan.best_product_grid(joint, counts, buckets, align))
    grid_plan = plan.BucketPlan(tuple(names), tuple(map(tuple, grid.tolist())), align)
    _, assigning = timed(lambda: chosen.assign(joint), repeats=3)
    ours, grids = (plan.padding_efficiency(real, each.padded_cost(joint, counts)) for each in (chosen, grid_plan))
    print(
        f"{name:12} {len(joint):7,} joint lengths of {joint.shape[1]}, {buckets:3} buckets: {milliseconds:6.0f} ms, "
        f"efficiency {ours:.3f}, best grid {grids:.3f} ({len(grid)} cells); assign {assigning:.0f} ms"
    )


def bench_tuples() -> None:
    """Times the joint planner on lengths that go together and on lengths that do not."""
    random = np.random.default_rng(0)
    for features, spread, buckets in ((2, 0.25, 16), (2, 0.25, 32), (2, 0.65, 32), (3, 0.25, 32), (2, 0.25, 256)):
        # Spread 0.25 keeps features close to a common length; 0.65 with no common part makes them independent.
        common = random.lognormal(5.2, 0.65 if spread < 0.5 else 0.0, 200_000 if features == 2 else 110_000)
        columns = [common * random.lognormal(-0.3 * feature, spread, len(common)) for feature in range(features)]
        joint, counts = np.unique(np.stack(columns, axis=1).astype(np.int64), axis=0, return_counts=True)
        compare_tuples("tuples", joint, counts, buckets, ALIGN)


def bench_stocks(path: Path) -> None:
    """Compares plans on the real joint lengths of tweets and prices."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    lengths = np.array([(len(row["tweets"].split()), len(row["prices"])) for row in rows])
    joint, counts = np.unique(lengths, axis=0, return_counts=True)
    for buckets in (8, 16, 32):
        compare_tuples("stocks", joint, counts, buckets, ALIGN)


def main() -> int:
    """Runs all benchmarks; 0 when the limit was kept."""
    parser = argparse.ArgumentParser(description="Times the bucket planner and the padding.")
    default = Path(__file__).resolve().parents[2].parent / "shared" / "data"
    parser.add_argument(
        "--data", type=Path, default=default, help="directory of imdb_train.parquet, stocks_train.jsonl.gz"
    )
    data: Path = parser.parse_args().data
    kept = bench_boundaries()
    for name, bench in (("imdb_train.parquet", bench_imdb), ("stocks_train.jsonl.gz", bench_stocks)):
        if (data / name).exists():
            bench(data / name)
        else:
            print(f"{name}: absent from {data}, left out")
    bench_tuples()
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
