"""Statistics of whole datasets: what they say is what a plain count of the rows says."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.plan import BucketPlan
from pipeline.statistics.efficiency import compare_plans
from pipeline.statistics.lengths import LengthTable
from pipeline.statistics.reject_examples import EXAMPLES, describe_rejects
from schemas.errors import ManifestError
from schemas.manifest import FeatureInfo
from schemas.statistics import Statistics, load_statistics
from tests.pipeline.report.samples import CAP, sample
from tests.pipeline.statistics.test_accumulators import transformed


def test_lengths_and_truncation_are_exact() -> None:
    lengths = [0, 0, 3, 60, 50, 51, 7, 7, 7, 9]
    _, statistics = sample(lengths=lengths)
    parts = statistics.feature("text").splits
    train, held_out = parts["train"].lengths, parts["validation"].lengths
    # Every fifth row is in validation: 50 and 9.
    assert held_out.raw_histogram.lengths == [9, 50]
    assert (train.raw.rows, train.raw.empty, train.raw.shortest, train.raw.longest) == (8, 2, 0, 60)
    assert (train.raw.total_steps, train.raw.mean) == (135, 135 / 8)
    assert (train.truncated_rows, train.lost_steps) == (2, 11)
    assert train.lost_share == 11 / 135
    assert train.kept.longest == CAP
    assert (train.kept_histogram.lengths, train.kept_histogram.rows) == ([0, 3, 7, CAP], [2, 1, 3, 2])
    assert train.raw.quantiles["0.5"] == 7
    by_class = train.by_class
    assert sum(part.rows for part in by_class.values()) == 8
    assert sum(part.total_steps for part in by_class.values()) == train.kept.total_steps


def test_ours_is_never_worse_than_another_way_on_train() -> None:
    for seed in range(5):
        _, statistics = sample(rows=300, seed=seed)
        ours = statistics.plan.strategy("lengthwise").splits["train"]
        for strategy in statistics.plan.strategies:
            assert strategy.buckets <= 4
            assert strategy.splits["train"].real == ours.real
            assert strategy.splits["train"].padded >= ours.padded
            total = strategy.total
            assert total.padded == sum(part.padded for part in strategy.splits.values())
            assert total.efficiency == total.real / total.padded


def test_the_written_plan_is_priced_as_the_manifest_counts_it() -> None:
    manifest, statistics = sample(rows=200)
    for split, info in manifest.splits.items():
        priced = statistics.plan.strategy("lengthwise").splits[split]
        assert priced.rows == info.rows
        assert priced.padded == sum(sum(bucket.padded_steps.values()) for bucket in info.buckets)
        assert priced.real == sum(sum(bucket.real_steps.values()) for bucket in info.buckets)


def test_other_ways_cover_rows_longer_than_any_in_train() -> None:
    info = FeatureInfo(name="text", kind="ids", source_kind="text", dtype="int64", is_sequence=True, raw=[])
    rows = [
        (key, split, "film " * length, [], [], 0.0, "", [0.0, 0.0], 0.0)
        for key, split, length in (("a", "train", 2), ("b", "train", 9), ("c", "validation", 100))
    ]
    table = LengthTable.of(transformed(rows), [info], None)
    plan = BucketPlan(("text",), ((4,), (12,)), 4).extended_for([[100]])
    compared = compare_plans(plan, table, ["train", "validation"])
    shapes = {strategy.name: strategy.shapes for strategy in compared.strategies}
    assert shapes == {
        "lengthwise": [[4], [12], [100]],
        "pad_to_max": [[12], [100]],
        "equal_count": [[4], [12], [100]],
        "powers_of_two": [[4], [12], [100]],
    }
    assert compared.strategy("pad_to_max").splits["train"].padded == 24


def test_channels_keep_the_train_bins_in_every_split() -> None:
    _, statistics = sample(rows=200)
    splits = statistics.feature("vitals").splits
    for train, held_out in zip(splits["train"].channels, splits["validation"].channels, strict=True):
        assert train.histogram.edges == held_out.histogram.edges
        counted = sum(held_out.histogram.counts) + held_out.histogram.below + held_out.histogram.above
        assert counted == held_out.observed


def test_label_counts_name_every_class() -> None:
    _, statistics = sample(classes=["a", "b", "never"], lengths=[4, 5])
    assert statistics.label.splits["train"].counts == {"a": 1, "b": 1, "never": 0}


def test_regression_has_values_and_a_predictor() -> None:
    _, statistics = sample(label="regression", rows=300)
    values = statistics.label.splits["train"].values
    labels = np.array([i % 7 for i in range(300) if i % 5 != 4])
    assert (values.observed, values.mean) == (240, labels.mean())
    assert values.standard_deviation == pytest.approx(labels.std())
    assert {p.feature: p.verdict for p in statistics.length_predictors} == {"text": "none", "vitals": "none"}


def test_predictor_is_scored_on_held_out_rows() -> None:
    _, statistics = sample(leak=True)
    by_feature = {predictor.feature: predictor for predictor in statistics.length_predictors}
    assert (by_feature["text"].scored_split, by_feature["text"].verdict) == ("validation", "strong")
    assert by_feature["text"].auc > 0.99
    assert by_feature["vitals"].verdict == "none"


def test_reject_examples_do_not_depend_on_files() -> None:
    def lines(order: list[int], file: str) -> list[bytes]:
        return [
            b'{"reason": "range", "detail": "d%d", "file": "%s", "position": %d, "key": null, "row": {"a": %d}}'
            % (i, file.encode(), position, i)
            for position, i in enumerate(order)
        ]

    forward = describe_rejects(lines(list(range(900)), "x"), {"range": 900, "other": 1}, 1000)
    backward = describe_rejects(lines(list(range(900))[::-1], "y"), {"other": 1, "range": 900}, 1000)
    assert forward == backward
    assert [(r.reason, r.count, r.share, len(r.examples)) for r in forward] == [
        ("range", 900, 0.9, EXAMPLES),
        ("other", 1, 0.001, 0),
    ]
    assert forward[0].examples[0].row == '{"a": 0}'
    assert describe_rejects([], {}, 0) == []


def test_statistics_that_cannot_be_read_say_what_to_do(tmp_path) -> None:
    with pytest.raises(ManifestError, match="cannot read the statistics"):
        load_statistics(tmp_path)
    path = tmp_path / "statistics.json"
    path.write_text("{")
    with pytest.raises(ManifestError, match="not JSON"):
        load_statistics(tmp_path)
    path.write_text('{"format_version": 99}')
    with pytest.raises(ManifestError, match="received format version 99"):
        load_statistics(tmp_path)
    path.write_text('{"format_version": 1, "name": 3}')
    with pytest.raises(ManifestError, match="damaged"):
        load_statistics(path)


def test_statistics_are_frozen_and_refuse_unknown_keys() -> None:
    _, statistics = sample()
    with pytest.raises(ValueError, match="frozen"):
        statistics.name = "other"  # type: ignore[misc]
    with pytest.raises(ValueError, match="extra"):
        Statistics.model_validate(statistics.model_dump() | {"extra": 1})
