"""Spans: found by a pattern, ordered by the numbers in their names, known by their content."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from scripts.retraining.outcomes import SettingError
from scripts.retraining.policy import SpanPolicy, load_policy
from scripts.retraining.span_content import SpanContents, digest_of, marker_path
from scripts.retraining.spans import Span, find_spans, order_of, select_spans

NOW = SpanPolicy(grace_seconds=0)


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def spans(*names: str) -> list[Span]:
    return [Span(name, order_of(name), ()) for name in names]


@pytest.mark.parametrize(
    ("pattern", "files", "names", "passed_over"),
    [
        ("{span}/*.csv", ["9/a.csv", "10/a.csv", "10/b.csv", "10/c.txt"], ["9", "10"], []),
        ("s/{span}/*.csv", ["s/2026-11-10/a.csv", "s/2026-11-9/a.csv"], ["2026-11-9", "2026-11-10"], []),
        ("s/{span}/*.csv", ["s/2026-11-10/a.csv", "s/tmp/a.csv"], ["2026-11-10"], ["tmp"]),
        ("day-{span}.csv", ["day-20261110.csv", "day-20261109.csv", "day-x.csv"], ["20261109", "20261110"], ["x"]),
        ("{span}/{span}.csv", ["7/7.csv", "7/8.csv"], ["7"], []),
        ("{span}/**/*.csv", ["7/a.csv", "7/x/y/b.csv"], ["7"], []),
        ("{span}/*.csv", ["7/_SUCCESS.csv", "7/.hidden.csv", "8/a.csv"], ["8"], []),
        ("{span}/[ab]?.csv", ["7/a1.csv", "7/c1.csv"], ["7"], []),
        ("{span}/*.csv", ["2026-W45/a.csv", "2026-W9/a.csv"], ["2026-W9", "2026-W45"], []),
    ],
)  # fmt: skip
def test_spans_are_found_and_ordered(
    tmp_path: Path, pattern: str, files: list[str], names: list[str], passed_over: list[str]
) -> None:
    touch(tmp_path, *files)
    found = find_spans(str(tmp_path / pattern))
    assert [span.name for span in found.spans] == names
    assert list(found.passed_over) == passed_over


def test_relative_patterns_are_of_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "spans/1/a.csv")
    monkeypatch.chdir(tmp_path)
    for pattern in ("spans/{span}/*.csv", "./spans/{span}/*.csv"):
        assert [span.name for span in find_spans(pattern).spans] == ["1"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["1/a.csv", "2026-11-10/a.csv"], "cannot be ordered"),
        (["2026-11-10/a.csv", "2026_11_10/a.csv"], "two names for one span"),
    ],
)
def test_names_that_make_no_order_are_refused(tmp_path: Path, files: list[str], message: str) -> None:
    touch(tmp_path, *files)
    with pytest.raises(SettingError, match=message):
        find_spans(str(tmp_path / "{span}/*.csv"))


@pytest.mark.parametrize(
    ("selection", "names"),
    [
        ("all", ["2026-11-01", "2026-11-02", "2026-11-05"]),
        ("last:2", ["2026-11-02", "2026-11-05"]),
        ("days:4", ["2026-11-02", "2026-11-05"]),
        ("days:1", ["2026-11-05"]),
        ("from:2026-11-02", ["2026-11-02", "2026-11-05"]),
        ("2026-11-01..2026-11-02", ["2026-11-01", "2026-11-02"]),
    ],
)
def test_selections(selection: str, names: list[str]) -> None:
    given = spans("2026-11-01", "2026-11-02", "2026-11-05")
    assert [span.name for span in select_spans(given, selection)] == names


@pytest.mark.parametrize("selection", ["", "last", "last:0", "last:-1", "days:x", "newest", "a..b"])
def test_other_selections_are_refused(selection: str) -> None:
    with pytest.raises(SettingError, match="expected all, last:N"):
        select_spans(spans("1"), selection)


def test_content_counts_not_time(tmp_path: Path) -> None:
    touch(tmp_path, "1/a.csv", "1/b.csv")
    pattern = str(tmp_path / "{span}/*.csv")
    (span,) = find_spans(pattern).spans
    contents = SpanContents(tmp_path / "seen.json")
    first = contents.settled(span, NOW, pattern)
    contents.save()
    os.utime(tmp_path / "1/a.csv", (1, 1))
    again = SpanContents(tmp_path / "seen.json").settled(span, NOW, pattern)
    assert first is not None and again is not None and first.digest == again.digest
    (tmp_path / "1/a.csv").write_text("1/A.csv")  # the same size
    os.utime(tmp_path / "1/a.csv", (1, 1))
    changed = SpanContents(tmp_path / "seen.json").settled(span, NOW, pattern)
    assert changed is not None and changed.digest != first.digest


def test_a_digest_is_not_computed_again_while_nothing_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "1/a.csv")
    pattern = str(tmp_path / "{span}/*.csv")
    (span,) = find_spans(pattern).spans
    monkeypatch.setattr("scripts.retraining.span_content._TICK_SECONDS", 0.0)
    contents = SpanContents(tmp_path / "seen.json")
    contents.settled(span, NOW, pattern)
    contents.save()
    monkeypatch.setattr("scripts.retraining.span_content.digest_of", lambda span: pytest.fail("computed again"))
    assert SpanContents(tmp_path / "seen.json").settled(span, NOW, pattern) is not None
    assert digest_of is not None


def test_where_a_marker_stands() -> None:
    (span,) = spans("2026-11-07")
    assert marker_path(span, "_SUCCESS", "s/{span}/*.csv") == Path("s/2026-11-07/_SUCCESS")
    assert marker_path(span, "done/{span}.ok", "s/{span}.csv") == Path("done/2026-11-07.ok")
    with pytest.raises(SettingError, match="has no directory a span"):
        marker_path(span, "_SUCCESS", "s/{span}.csv")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("drift: {length: {warn: 0.1, stop: 0.2}}", "did you mean 'lengths'"),
        ("drift: {lengths: {warn: 0.1}}", "missing"),
        ("promotion: {margin: 2}", "margin"),
        ("keep: {version: 3}", "did you mean 'versions'"),
        ("[1]", "expected a mapping"),
        ("a: [", "not YAML"),
    ],
)
def test_a_policy_that_cannot_be_used(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "policy.yaml").write_text(text)
    with pytest.raises(SettingError, match=message):
        load_policy(tmp_path / "policy.yaml")


def test_accepted_spans_may_be_written_as_yaml_reads_them(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text("spans: {accept: [2026-11-12, 7, x]}")
    assert load_policy(tmp_path / "policy.yaml").spans.accept == ["2026-11-12", "7", "x"]
