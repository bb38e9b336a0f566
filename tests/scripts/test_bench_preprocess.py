"""The preprocessing benchmark: its baselines write what our pipeline writes, and its numbers mean what they say."""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from rich.console import Console

from scripts.bench.baselines.agreement import SampledRow, Written, disagreements
from scripts.bench.baselines.plain_loop import words_of
from scripts.bench.baselines.reviews import write_reviews
from scripts.bench.measuring import Measurement, measure
from scripts.bench.preprocess import Contest, parse_arguments, run_rounds
from scripts.bench.preprocess_results import Results, Runs, print_results

SENTENCES = (
    "It's GOOD<br /><br />über-gut!",
    "'quoted' rock'n'roll o''clock _under_score_ 'tis",
    "Café Naïve Ünïcödé ÀÉÎ 10/10",
    "A plain ASCII review, with the usual words; the end.",
    "",
    "東京 日本 the the the",
)


@pytest.fixture(scope="module")
def reviews(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """25 reviews of 0 to 120 words."""
    texts = [" ".join(SENTENCES[(row + step) % 6] for step in range(row // 2)) for row in range(25)]
    table = pa.table(
        {"id": [f"r{row}" for row in range(25)], "text": texts, "label": [row % 2 for row in range(25)]},
        schema=pa.schema([("id", pa.string()), ("text", pa.string()), ("label", pa.int64())]),
    )
    path = tmp_path_factory.mktemp("reviews") / "reviews.parquet"
    parquet.write_table(table, path)
    return path


@pytest.mark.timeout(600)  # three commands that import TensorFlow: 25 s alone, minutes beside other work
def test_all_contestants_write_the_same(reviews: Path, tmp_path: Path) -> None:
    # 25 words are fewer than the reviews have, and their end falls among words of equal frequency.
    contest = Contest(tmp_path, reviews, vocabulary_size=25)
    assert contest.add_input("x2", 2)[0] == 50
    contestants = ["ours", "stock", "plain"]
    for contestant in contestants:
        measured = contest.run(contestant, "x2")
        assert measured.peak_bytes > 2**26  # TensorFlow alone is larger
    assert contest.differences(contestants, "x2", every=1) == {"stock": [], "plain": []}


def test_copies_are_rows_of_their_own(reviews: Path, tmp_path: Path) -> None:
    rows, size = write_reviews(reviews, tmp_path / "copies.parquet", copies=2, rows=5)
    table = parquet.read_table(tmp_path / "copies.parquet").to_pydict()
    assert rows == 10 and size > 0
    assert table["id"] == [f"r{row}-{copy}" for copy in (1, 2) for row in (0, 5, 10, 15, 20)]
    assert [words_of(text)[-1] for text in table["text"]] == ["copy1"] * 5 + ["copy2"] * 5
    assert table["label"] == [0, 1, 0, 1, 0] * 2


def test_words_keep_inner_apostrophes() -> None:
    assert words_of(SENTENCES[1]) == ["quoted", "rock'n'roll", "o''clock", "under", "score", "tis"]


COUNTS = Counter({"the": 9, "it's": 4, "gut": 2, "über": 2})
OURS = Written(["the", "it's", "gut"], Counter({8: 1}), 3, {"a": SampledRow(1, 8, (2, 3, 1))})


def test_equally_frequent_words_may_change_places() -> None:
    assert disagreements(OURS, replace(OURS, vocabulary=["the", "it's", "über"]), COUNTS) == []
    with_the_other = {"a": SampledRow(1, 8, (2, 3, 4))}
    assert disagreements(OURS, replace(OURS, vocabulary=["the", "it's", "über"], sample=with_the_other), COUNTS) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: replace(data, vocabulary=["the", "gut", "über"]), "vocabularies: 3 and 3 words; differ in it's"),
        (lambda data: replace(data, vocabulary=["it's", "the", "gut"]), "not in order of frequency"),
        (lambda data: replace(data, vocabulary=["the", "it's", "it's"]), "stands twice"),
        (lambda data: replace(data, rows=Counter({16: 1})), r"rows by padded length: \[\(8, 1\)\] and \[\(16, 1\)\]"),
        (lambda data: replace(data, real_steps=4), "real steps: 3 and 4"),
        (lambda data: replace(data, sample={}), "keys: 1 stand in one"),
        (lambda data: replace(data, sample={"a": SampledRow(0, 8, (2, 3, 1))}), "row a: "),
        (lambda data: replace(data, sample={"a": SampledRow(1, 8, (3, 2, 1))}), "row a: "),
    ],
)
def test_a_difference_is_named(change: Callable[[Written], Written], message: str) -> None:
    found = disagreements(OURS, change(OURS), COUNTS)
    assert any(re.search(message, text) for text in found), found


def test_measures_the_command_alone(tmp_path: Path) -> None:
    program = "import time; held = bytearray(300 << 20); time.sleep(0.2); sum(range(2_000_000))"
    measured = measure([sys.executable, "-c", program], tmp_path / "log", tmp_path, dict(os.environ))
    assert measured.seconds > 0.2
    assert 0 < measured.processor_seconds
    assert measured.peak_bytes > 300 << 20


def test_a_failing_command_shows_its_last_words(tmp_path: Path) -> None:
    program = "raise SystemExit('no such reviews')"
    with pytest.raises(RuntimeError, match="status 1(.|\n)*no such reviews"):
        measure([sys.executable, "-c", program], tmp_path / "log", tmp_path, dict(os.environ))


def test_rounds_are_interleaved_after_a_run_that_is_not_counted() -> None:
    class Recorder:
        runs: list[tuple[str, str]] = []

        def run(self, contestant: str, name: str) -> Measurement:
            self.runs.append((contestant, name))
            return Measurement(float(len(self.runs)), 0.0, 0)

    found = run_rounds(Recorder(), ["ours", "stock"], 4, repeats=2, baseline_repeats=1)  # type: ignore[arg-type]
    ours = [("ours", name) for name in ("startup", "x1", "x2", "x4")]
    assert Recorder.runs == [("ours", "startup"), ("stock", "startup"), *ours, ("stock", "x4"), *ours]
    assert [run.seconds for run in found["ours"]["startup"]] == [3.0, 8.0]
    assert [run.seconds for run in found["stock"]["x4"]] == [7.0]


def runs_of(seconds: dict[str, dict[str, list[float]]]) -> Runs:
    return {
        contestant: {name: [Measurement(value, value, 2**30) for value in values] for name, values in by_input.items()}
        for contestant, by_input in seconds.items()
    }


RUNS = runs_of(
    {
        "ours": {"startup": [8.0], "x1": [12.0, 12.0, 50.0], "x2": [16.0, 15.0, 16.0], "x4": [30.0, 20.0, 24.0]},
        "stock": {"startup": [9.0], "x4": [96.0, 90.0, 99.0]},
        "plain": {"startup": [5.0], "x4": [24.0, 24.0, 30.0]},
    }
)


def test_targets_are_ratios_of_medians_with_the_start_up_subtracted_from_slopes() -> None:
    results = Results("x4", 100, 2**30, 2, 0.0, RUNS, {"stock": [], "plain": []})
    found = {target.name: (target.value, target.reached) for target in results.targets()}
    assert found == {
        "stock tf.Transform / ours": (4.0, True),
        "plain Python loop / ours": (1.0, False),
        "ours, x2 / x1, less start-up": (2.0, True),
        "ours, x4 / x2, less start-up": (2.0, True),
        "ours, peak memory": (1024.0, True),
    }


def test_the_table_says_whether_results_agree(capsys: pytest.CaptureFixture[str]) -> None:
    results = Results("x4", 100, 2**30, 2, 0.0, RUNS, {"stock": ["real steps: 3 and 4"], "plain": []})
    print_results(results, Console(width=100))
    printed = capsys.readouterr().out
    assert "ours and stock tf.Transform differ: real steps: 3 and 4" in printed
    assert printed.rstrip().splitlines()[-1].split()[-1] == "no"


def test_an_absent_data_file_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        parse_arguments(["--data", "nowhere.parquet"])
    assert raised.value.code == 2
    assert "--data: received nowhere.parquet, which is no file" in capsys.readouterr().err
