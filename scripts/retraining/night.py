"""One run, from the lock to the ledger.

    repair the pointer -> find spans -> [nothing new: end] -> check new spans -> preprocess -> drift -> train
      -> compare -> decide -> register -> promote -> report -> ledger -> clean

What a crash leaves: up to `register` only the run's own directory; between the registry's two renames a version that
is whole and not champion; after the pointer's, the new champion and a run that has yet to say so. The next start goes
on with the first step that has no result, so each of these ends as if nothing had happened.
"""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console

from scripts.retraining.halves import Halves
from scripts.retraining.outcomes import STATUS, Outcome, RunEnd, StepFailed
from scripts.retraining.plan import Plan, make_plan
from scripts.retraining.run_report import run_page
from scripts.retraining.run_state import Result, RunState
from scripts.retraining.settings import Settings
from scripts.retraining.span_check import CheckedSpans, SpanChecker
from scripts.retraining.steps import Steps
from scripts.retraining.workspace import Workspace
from trainer.output_directory import write_atomically
from trainer.registry.promotion import decide
from trainer.registry.versions import Version


@dataclass(frozen=True)
class Ending:
    """How a start ended.

    Attributes:
      outcome: as the ledger names it.
      reason: one sentence.
      status: of the process.
      line: of the ledger; empty when nothing was noted.
    """

    outcome: Outcome
    reason: str
    status: int
    line: dict[str, Any]


class Night:
    """One start of the retraining, under the lock.

    Args:
      workspace: of the retraining.
      settings: what was asked for.
      halves: runs commands.
      console: where to say what is going on.
    """

    def __init__(self, workspace: Workspace, settings: Settings, halves: Halves, console: Console) -> None:
        self._workspace, self._settings, self._halves, self._console = workspace, settings, halves, console
        self._registry, self._ledger = workspace.registry, workspace.ledger
        self._plan: Plan

    def play(self) -> Ending:
        """Does what there is to do.

        Raises:
          LengthwiseError: an error that the user can act on; the run, if one began, stays open.
        """
        self._repair()
        self._plan = make_plan(self._workspace, self._settings)
        for name in self._plan.waiting:
            self._say(f"waiting   span {name} is not complete yet")
        run = self._open_run()
        if run is None and self._plan.reason is None:
            return self._nothing()
        run = run or self._workspace.new_run()
        attempt = run.start(self._inputs())
        if attempt == 1:
            shutil.copyfile(self._settings.request.spec, run.path / "spec.yaml")
        self._say(f"{run.name}   {self._plan.reason or 'goes on'}" + (f" (attempt {attempt})" if attempt > 1 else ""))
        try:
            self._work(run)
        except RunEnd as end:
            return self._finish(run, end.outcome, end.reason)
        except (StepFailed, OSError) as error:
            reason = str(error)
            self._ledger.append(self._line(run, Outcome.FAILED, reason))
            return Ending(Outcome.FAILED, reason, STATUS[Outcome.FAILED], {"run": run.name})
        decision = run.result("decide") or {}
        outcome = Outcome.PROMOTED if (run.result("promote") or {}).get("promoted") else Outcome.KEPT
        return self._finish(run, outcome, (run.result("promote") or {}).get("reason") or decision["reason"])

    def _repair(self) -> None:
        """Points away from a champion that was damaged or removed, before anything relies on it."""
        number = self._registry.champion_number()
        if number is None or self._registry.champion() is not None:
            return
        problem = self._registry.versions.problems(number)[0]
        sound = self._registry.repair()
        now = f"version {sound.number} is champion again" if sound else "no earlier champion is sound, so there is none"
        reason = f"champion version {number} is damaged ({problem}); {now}"
        champion = sound.number if sound else None
        self._ledger.append({"outcome": Outcome.REPAIRED, "reason": reason, "champion": champion})
        self._say(f"repaired  {reason}")

    def _inputs(self) -> Result:
        return {"spans": self._plan.digests, "settings": self._settings.identity(), "champion": self._champion_number()}

    def _open_run(self) -> RunState | None:
        """The run that an earlier start left open, if its inputs are still the same; otherwise it is abandoned."""
        run = self._workspace.open_run()
        if run is None:
            return None
        before = run.started_on()
        promoted = (run.result("register") or {}).get("version")
        same = all(before[name] == self._inputs()[name] for name in ("spans", "settings"))
        if same and self._champion_number() in (before["champion"], promoted):
            return run
        self._finish(run, Outcome.ABANDONED, "data, settings or champion changed before it ended")
        return None

    def _champion_number(self) -> int | None:
        return self._registry.champion_number()

    def _champion_of(self, run: RunState) -> Version | None:
        """The champion that the run began with: its challenger may have been promoted before a crash."""
        number = run.started_on()["champion"]
        return self._registry.versions.open(number) if number is not None else None

    def _work(self, run: RunState) -> None:
        champion = self._champion_of(run)
        policy, workspace, pattern = self._settings.policy, self._workspace, self._settings.request.pattern
        steps = Steps(run, self._halves, policy, champion)
        used = set(self._step(run, "check", lambda: self._check(run, champion))["used"])
        spans = [span for span in self._plan.selected if span.name in used]
        self._step(run, "preprocess", lambda: steps.preprocess(pattern, spans, workspace.cache, workspace.seen))
        self._step(run, "drift", steps.drift)
        self._step(run, "train", lambda: steps.train(self._settings.config))
        comparison = self._step(run, "compare", steps.compare)
        self._step(run, "decide", lambda: asdict(decide(comparison, policy.promotion)))
        self._step(run, "register", lambda: self._register(run))
        self._step(run, "promote", lambda: self._promote(run))

    def _check(self, run: RunState, champion: Version | None) -> Result:
        """Sets bad spans aside.

        Raises:
          RunEnd: no new span is good.
        """
        identity = self._settings.identity()
        checked = CheckedSpans(self._workspace.checked)
        new = [span for span in self._plan.selected if checked.known(span, identity) is None]
        statistics = champion.statistics if champion is not None else None
        SpanChecker(
            run, self._halves, self._settings.request.pattern, self._settings.policy, identity, statistics
        ).check(new, checked)
        found = {span.name: checked.known(span, identity) for span in self._plan.selected}
        aside = {name: item.problem for name, item in found.items() if item is not None and item.problem is not None}
        used = [name for name in found if name not in aside]
        names = [span.name for span in new]
        for name, problem in aside.items():
            self._say(f"set aside span {name}: {problem}")
        if not used or (names and all(name in aside for name in names)):
            problems = "; ".join(f"span {name}: {aside[name]}" for name in (names or list(aside))[:3])
            raise RunEnd(Outcome.REFUSED, f"no new span can be used: {problems}")
        warnings = [f"span {span.name}: {text}" for span in new if (item := found[span.name]) for text in item.warnings]
        return {"used": used, "new": names, "set_aside": aside, "warnings": warnings}

    def _register(self, run: RunState) -> Result:
        decision = run.result("decide") or {}
        noted = {"promote": decision["promote"], "reason": decision["reason"]}
        version = self._registry.versions.register(run.name, run.model, run.data, {"decision": noted})
        return {"version": version.number}

    def _promote(self, run: RunState) -> Result:
        decision, number = run.result("decide") or {}, (run.result("register") or {})["version"]
        if not decision["promote"]:
            return {"promoted": False, "reason": None}
        if self._champion_number() not in (run.started_on()["champion"], number):
            return {"promoted": False, "reason": "another champion was chosen while the challenger was measured"}
        self._registry.promote(number, decision["reason"])
        return {"promoted": True, "reason": None}

    def _step(self, run: RunState, name: str, work: Any) -> Result:
        done = run.result(name)
        result = run.step(name, work)
        self._say(f"{name:<10}{'done before' if done is not None else _told(result)}")
        return result

    def _nothing(self) -> Ending:
        last = self._ledger.last_final()
        if last is None:
            return Ending(Outcome.NOTHING, "nothing to do: every span still waits", 0, {})
        outcome = Outcome(last["outcome"])
        before = f"{last['run']} ({outcome}: {last['reason']})"
        if outcome in (Outcome.REFUSED, Outcome.GATE_FAILED):  # a retry must not turn an alarm green
            return Ending(outcome, f"nothing is new since {before}", STATUS[outcome], {})
        return Ending(Outcome.NOTHING, f"nothing is new since {before}", 0, {})

    def _finish(self, run: RunState, outcome: Outcome, reason: str) -> Ending:
        line = self._ledger.final(run.name)
        if line is None:
            line = self._line(run, outcome, reason)
            write_atomically(run.report, run_page(line, run))
            self._ledger.append(line)
        keep = self._settings.policy.keep
        for number in self._registry.collect(keep.versions):
            self._say(f"removed   version {number}")
        self._workspace.clean(keep.runs, keep.datasets)
        return Ending(outcome, reason, STATUS[outcome], line)

    def _line(self, run: RunState, outcome: Outcome, reason: str) -> dict[str, Any]:
        from scripts.retraining.ledger_line import run_line

        return run_line(run, outcome, reason, self._champion_number(), self._plan.waiting)

    def _say(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)


def _told(result: Result) -> str:
    """The few figures of a result that a person wants to see pass by."""
    parts = []
    if "rows" in result and isinstance(result["rows"], dict):
        parts.append(", ".join(f"{count:,} {name}" for name, count in result["rows"].items()))
    if "reason" in result and result["reason"]:
        parts.append(("promote: " if result.get("promote") else "keep: ") + result["reason"])
    if "version" in result:
        parts.append(f"version {result['version']}")
    if result.get("set_aside"):
        parts.append(f"{len(result['set_aside'])} spans set aside")
    if result.get("warnings"):
        parts.append(f"{len(result['warnings'])} warnings")
    return "; ".join([*parts, f"{result['seconds']:.1f} s"])
