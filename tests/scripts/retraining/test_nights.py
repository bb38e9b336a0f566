"""What a start does, night by night, with stand-ins for the halves."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.scripts.retraining.conftest import SPEC, Retraining


def test_the_first_night_makes_a_champion_and_the_same_night_again_does_nothing(retraining: Retraining) -> None:
    assert retraining.run() == 0
    assert retraining.champion == 1 and retraining.outcomes() == ["promoted"]
    assert retraining.halves.commands == ["pipeline", "trainer", "trainer.compare"]
    assert retraining.run() == 0
    assert retraining.outcomes() == ["promoted"] and len(retraining.halves.commands) == 3


def test_a_new_span_is_looked_at_alone_then_all_are_trained_on_warm(seasoned: Retraining) -> None:
    seasoned.halves.commands.clear()
    assert seasoned.run() == 0
    assert seasoned.halves.commands == ["pipeline", "pipeline", "trainer", "trainer.compare"]
    line = seasoned.lines()[-1]
    assert (line["champion_before"], line["champion"], line["version"]) == (2, 3, 3)
    assert line["spans"] == {"used": 3, "new": ["3"], "set_aside": {}, "waiting": []}
    assert line["warm_start"]["tokens"]["text"] == {"kept": 2, "new": 0, "dropped": 1}
    page = (seasoned.workspace.root / "runs/run-000003/report.html").read_text()
    assert "Promoted version 3: accuracy 0.8000 against 0.7900 on 200 test rows" in page.splitlines()[0]
    assert "text: 2 kept, 0 new, 1 dropped" in page
    assert seasoned.workspace.registry.versions.numbers() == [2, 3], "keep.versions is 2"


@pytest.mark.parametrize(
    ("words", "status", "outcome", "reason"),
    [
        ("garbage", 11, "refused", "cannot be read as Parquet"),
        ("columns", 11, "refused", "no column 'text'"),
        ("drift", 11, "refused", "drift: lengths of text (train)"),
        ("gate", 12, "gate_failed", "padding: probe 'k'"),
        ("worse", 10, "kept", "not worse: low end -0.3000, at least -0.0158"),
        ("crash", 1, "failed", "trainer ended with status 1: MemoryError"),
    ],
)
def test_a_bad_night_keeps_the_champion_and_says_why(
    seasoned: Retraining, words: str, status: int, outcome: str, reason: str
) -> None:
    seasoned.span("3", words)
    assert seasoned.run() == status
    line = seasoned.lines()[-1]
    assert line["outcome"] == outcome and reason in line["reason"]
    assert seasoned.champion == 2
    if outcome != "failed":
        first = (seasoned.workspace.root / "runs/run-000003/report.html").read_text().splitlines()[0]
        assert line["reason"].split("'")[0][:40] in first


@pytest.mark.parametrize(("words", "again"), [("garbage", 11), ("gate", 12), ("worse", 0)])
def test_a_retry_without_news_does_not_turn_an_alarm_green(seasoned: Retraining, words: str, again: int) -> None:
    seasoned.span("3", words)
    seasoned.run()
    seasoned.halves.commands.clear()
    assert seasoned.run() == again
    assert seasoned.halves.commands == [] and len(seasoned.lines()) == 3


def test_a_bad_span_is_set_aside_until_its_content_changes(seasoned: Retraining) -> None:
    seasoned.span("3", "garbage")
    assert seasoned.run() == 11
    seasoned.span("4", "four")
    assert seasoned.run() == 0
    assert seasoned.lines()[-1]["spans"]["set_aside"].keys() == {"3"}
    assert seasoned.lines()[-1]["spans"]["used"] == 3
    seasoned.span("3", "mended")
    assert seasoned.run() == 0
    assert seasoned.lines()[-1]["spans"] == {"used": 4, "new": ["3"], "set_aside": {}, "waiting": []}


def test_a_good_span_beside_a_bad_one_is_used(seasoned: Retraining) -> None:
    seasoned.span("4", "garbage")
    assert seasoned.run() == 0
    assert seasoned.lines()[-1]["spans"]["set_aside"].keys() == {"4"}


def test_garbage_in_the_first_night_costs_only_itself(retraining: Retraining) -> None:
    retraining.span("2", "garbage")
    assert retraining.run() == 0
    assert retraining.lines()[-1]["spans"]["set_aside"].keys() == {"2"}


def test_drift_can_be_accepted(seasoned: Retraining) -> None:
    seasoned.span("3", "drift")
    assert seasoned.run() == 11
    limits = {"lengths": {"warn": 0.1, "stop": None}, "tokens": {"warn": None, "stop": None}}
    seasoned.policy(spans={"grace_seconds": 0, "accept": [3]}, keep={"versions": 2}, drift=limits)
    assert seasoned.run() == 0
    assert any("lengths of text" in warning for warning in seasoned.lines()[-1]["warnings"])


def test_a_changed_span_and_other_settings_start_a_run(seasoned: Retraining) -> None:
    assert seasoned.run() == 0
    seasoned.span("1", "one, but late")
    assert seasoned.run() == 0
    assert seasoned.lines()[-1]["spans"]["new"] == ["1"]
    assert seasoned.run("--model", "cnn") == 0
    assert len(seasoned.lines()) == 5
    assert seasoned.lines()[-1]["warm_start"] is None, "an rnn is no start for a cnn"


def test_a_span_that_is_still_being_written_waits(seasoned: Retraining, as_json: Callable[[], Any]) -> None:
    seasoned.policy(spans={"grace_seconds": 3600})
    assert seasoned.run("--json") == 0
    assert as_json()["outcome"] == "nothing"
    assert len(seasoned.lines()) == 2
    seasoned.policy(spans={"marker": "_SUCCESS"})
    for name in "12":
        (seasoned.folder / "spans" / name / "_SUCCESS").touch()
    assert seasoned.run() == 0 and len(seasoned.lines()) == 2
    (seasoned.folder / "spans" / "3" / "_SUCCESS").touch()
    assert seasoned.run() == 0 and seasoned.lines()[-1]["spans"]["new"] == ["3"]


def test_a_clock_that_was_moved_back_only_lets_a_span_wait_for_the_second_start(seasoned: Retraining) -> None:
    seasoned.policy(spans={"grace_seconds": 60}, keep={"versions": 2})
    tomorrow = time.time() + 86400
    for path in (seasoned.folder / "spans").rglob("*.jsonl"):
        os.utime(path, (tomorrow, tomorrow))
    assert seasoned.run() == 0 and len(seasoned.lines()) == 2
    assert seasoned.run() == 0
    assert seasoned.outcomes() == ["promoted"] * 3 and seasoned.lines()[-1]["spans"]["used"] == 3


def test_runs_are_ordered_by_number_whatever_the_clock_says(
    seasoned: Retraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_000_000_000.0)
    assert seasoned.run() == 0
    assert [line["run"] for line in seasoned.lines()] == ["run-000001", "run-000002", "run-000003"]


@pytest.mark.parametrize("damage", ["remove", "change", "truncate"])
def test_a_damaged_champion_is_replaced_by_the_one_before_it(seasoned: Retraining, damage: str) -> None:
    path = seasoned.workspace.registry.versions.directory / "2"
    if damage == "remove":
        import shutil

        shutil.rmtree(path)
    elif damage == "change":
        (path / "serving/2/saved_model.pb").write_text("other")
    else:
        (path / "version.json").write_text("{")
    assert seasoned.run() == 0
    assert seasoned.outcomes() == ["promoted", "promoted", "repaired", "promoted"]
    assert seasoned.lines()[2]["champion"] == 1 and "version 1 is champion again" in seasoned.lines()[2]["reason"]
    assert seasoned.lines()[3]["champion_before"] == 1


def test_without_any_sound_version_a_new_champion_is_trained(retraining: Retraining) -> None:
    import shutil

    assert retraining.run() == 0
    shutil.rmtree(retraining.workspace.registry.versions.directory)
    assert retraining.run() == 0
    assert retraining.outcomes() == ["promoted", "repaired", "promoted"]
    assert retraining.champion is not None


def test_rollback_and_promote(seasoned: Retraining, as_json: Callable[[], Any]) -> None:
    assert seasoned.does("rollback", "--json") == 0
    assert as_json() == {
        "outcome": "rolled_back", "champion": 1, "champion_before": 2, "reason": "an operator rolled back to version 1"
    }  # fmt: skip
    assert seasoned.does("rollback") == 2, "nothing was champion before version 1"
    assert seasoned.champion == 1
    assert seasoned.does("promote", "2") == 0 and seasoned.champion == 2
    assert seasoned.does("promote", "9") == 2 and seasoned.champion == 2
    assert seasoned.run() == 0 and seasoned.lines()[-1]["champion_before"] == 2


def test_a_challenger_that_was_kept_out_can_be_promoted_by_hand(seasoned: Retraining) -> None:
    seasoned.span("3", "worse")
    assert seasoned.run() == 10
    assert seasoned.does("promote", "3") == 0 and seasoned.champion == 3
    assert seasoned.does("status") == 0


def test_an_operators_choice_ends_an_open_run(seasoned: Retraining) -> None:
    seasoned.span("3", "crash")
    assert seasoned.run() == 1
    assert seasoned.does("rollback") == 0
    assert seasoned.outcomes()[-2:] == ["rolled_back", "abandoned"]
    assert seasoned.workspace.open_run() is None


def test_new_data_abandons_an_open_run(seasoned: Retraining) -> None:
    seasoned.span("3", "crash")
    assert seasoned.run() == 1
    seasoned.span("3", "three")
    assert seasoned.run() == 0
    assert seasoned.outcomes() == ["promoted", "promoted", "failed", "abandoned", "promoted"]


def test_dry_run_says_what_would_be_done_and_does_nothing(
    seasoned: Retraining, as_json: Callable[[], Any], tmp_path: Path
) -> None:
    before = {path: path.stat().st_mtime_ns for path in seasoned.workspace.root.rglob("*")}
    assert seasoned.run("--dry-run", "--json") == 0
    found = as_json()
    assert found["would_run"] and found["reason"] == "new span 3" and found["spans"] == ["1", "2", "3"]
    assert {path: path.stat().st_mtime_ns for path in seasoned.workspace.root.rglob("*")} == before
    fresh = [part if part != str(seasoned.workspace.root) else str(tmp_path / "none") for part in seasoned.command]
    from scripts.retraining.command_line import main

    assert main([*fresh, "--dry-run"]) == 0
    assert not (tmp_path / "none").exists()


def test_sigterm_interrupts_a_run_and_only_a_run(seasoned: Retraining, monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(seasoned.halves, "_trainer", lambda flags: os.kill(os.getpid(), signal.SIGTERM))
    assert seasoned.run() == 130
    assert signal.getsignal(signal.SIGTERM) is before
    assert seasoned.workspace.open_run() is not None and seasoned.champion == 2
    monkeypatch.undo()
    assert seasoned.run() == 0 and seasoned.lines()[-1]["attempts"] == 2


def test_windows(seasoned: Retraining) -> None:
    assert seasoned.run("--spans", "last:2") == 0
    assert seasoned.lines()[-1]["spans"]["used"] == 2
    assert seasoned.run("--spans", "last:2") == 0 and len(seasoned.lines()) == 3


def test_status_history_and_gc(seasoned: Retraining, capsys: pytest.CaptureFixture[str]) -> None:
    assert seasoned.run() == 0
    for command in ("status", "history"):
        assert seasoned.does(command) == 0
        shown = capsys.readouterr().out
        assert shown.count("promoted") >= 3
    assert seasoned.does("status", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["champion"], found["previous"], found["versions"]) == (3, 2, [2, 3])
    assert seasoned.does("gc") == 0
    assert "removed no version" in capsys.readouterr().out


def test_the_second_of_two_leaves_at_once(seasoned: Retraining, capsys: pytest.CaptureFixture[str]) -> None:
    from scripts.retraining.lock import lock

    with lock(seasoned.workspace.root, "run"):
        assert seasoned.run() == 13
        assert f"process {os.getpid()}" in capsys.readouterr().err
        assert seasoned.does("rollback") == 13
        assert seasoned.does("status") == 0
    assert len(seasoned.lines()) == 2
    assert seasoned.run() == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label": None}, "has no label"),
        ({"splits": {"by": "input"}}, "splits are by input"),
        ({"splits": {"train": 1.0}}, "no row is held out"),
    ],
)
def test_a_spec_from_which_no_champion_can_be_chosen(
    retraining: Retraining, change: dict[str, Any], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (retraining.folder / "spec.yaml").write_text(yaml.safe_dump(SPEC | change))
    assert retraining.run() == 2
    assert message in capsys.readouterr().err and not retraining.workspace.root.exists()


def test_a_line_that_was_cut_off_is_no_line(seasoned: Retraining) -> None:
    ledger = seasoned.workspace.root / "ledger.jsonl"
    with ledger.open("a") as file:
        file.write('{"time": "2026", "outcome": "promo')
    assert seasoned.outcomes() == ["promoted"] * 2
    assert seasoned.run() == 0
    assert seasoned.outcomes() == ["promoted"] * 3
    assert len(ledger.read_text().splitlines()) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--input", "spans/*.parquet"], "expected {span} in it"),
        (["--input", "nowhere/{span}/*.parquet"], "nothing matches"),
        (["--spans", "newest"], "expected all, last:N"),
        (["--spans", "days:3"], "expected dates"),
        (["--policy", "no.yaml"], "cannot read the policy"),
        (["--spec", "no.yaml"], "no.yaml"),
    ],
)
def test_settings_that_cannot_be_used_end_with_2_and_touch_nothing(
    seasoned: Retraining, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert seasoned.run(*arguments) == 2
    assert message in capsys.readouterr().err
    assert len(seasoned.lines()) == 2 and seasoned.workspace.open_run() is None
