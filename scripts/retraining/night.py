"""One run, from the lock to the ledger.

    repair the pointer -> find spans -> [nothing new: end] -> check new spans -> preprocess -> drift -> train
      -> compare -> decide -> register -> promote -> report -> ledger -> clean

What a crash leaves: up to `register` only the run's own directory; between the registry's two renames a version that
is whole and not champion; after the pointer's, the new champion and a run that has yet to say so. The next start goes
on with the first step that has no result, so each of these ends as if nothing had happened.
"""

from __future__ import annotations

import contextlib
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console

from schemas.errors import LengthwiseError
from scripts.retraining.halves import Halves
from scripts.retraining.ledger_line import run_line
from scripts.retraining.outcomes import STATUS, Outcome, RunEnd, StepFailed
from scripts.retraining.plan import Plan, make_plan
from scripts.retraining.run_report import run_page
from scripts.retraining.run_state import Result, RunState
from scripts.retraining.settings import Settings
from scripts.retraining.span_gate import SpanGate
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
            self._say(f"waiting     span {name} is not complete yet")
        run = self._open_run()
        if run is None and self._plan.reason is None:
            self._clean()
            return self._nothing()
        run = run or self._workspace.new_run()
        spans_of = SpanGate(self._workspace, self._settings, self._plan)
        attempt = run.start({**self._inputs(), "new": spans_of.unknown()}, self._settings.request.spec)
        self._say(f"{run.name}  {self._plan.reason or 'goes on'}" + (f" (attempt {attempt})" if attempt > 1 else ""))
        try:
            self._work(run, spans_of)
        except RunEnd as end:
            return self._finish(run, end.outcome, end.reason)
        except (StepFailed, LengthwiseError, OSError) as error:
            line = self._line(run, Outcome.FAILED, str(error))
            with contextlib.suppress(OSError):  # where the disk is full, the terminal has to do
                self._ledger.append(line)
            if isinstance(error, LengthwiseError):
                raise
            return Ending(Outcome.FAILED, str(error), STATUS[Outcome.FAILED], {"run": run.name})
        return self._finish(run, *_result_of(run))

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
        self._say(f"repaired    {reason}")

    def _inputs(self) -> Result:
        return {"spans": self._plan.digests, "settings": self._settings.identity(), "champion": self._champion_number()}

    def _open_run(self) -> RunState | None:
        """The run that an earlier start left open, if its inputs are still the same; otherwise it is abandoned."""
        run = self._workspace.open_run()
        if run is None:
            return None
        before, now = run.started_on(), self._inputs()
        version = (run.result("register") or {}).get("version")
        is_champion = version is not None and version == now["champion"]
        same = before["spans"] == now["spans"] and before["settings"] == now["settings"]
        if same and (is_champion or before["champion"] == now["champion"]):
            return run
        if is_champion:
            self._finish(run, Outcome.PROMOTED, (run.result("decide") or {})["reason"])
        else:
            self._finish(run, Outcome.ABANDONED, "data, settings or champion changed before it ended")
        self._plan = make_plan(self._workspace, self._settings)
        return None

    def _champion_number(self) -> int | None:
        return self._registry.champion_number()

    def _champion_of(self, run: RunState) -> Version | None:
        """The champion that the run began with: its challenger may have been promoted before a crash."""
        number = run.started_on()["champion"]
        return self._registry.versions.open(number) if number is not None else None

    def _work(self, run: RunState, spans_of: SpanGate) -> None:
        champion = self._champion_of(run)
        steps = Steps(run, self._halves, self._settings.policy, champion)
        self._dataset(run, champion, steps, spans_of)
        self._step(run, "drift", steps.drift)
        self._step(run, "train", lambda: steps.train(self._settings.config))
        comparison = self._step(run, "compare", steps.compare)
        self._step(run, "decide", lambda: asdict(decide(comparison, self._settings.policy.promotion)))
        self._step(run, "register", lambda: self._register(run))
        self._step(run, "promote", lambda: self._promote(run))

    def _dataset(self, run: RunState, champion: Version | None, steps: Steps, spans_of: SpanGate) -> None:
        """Checks the new spans and makes the dataset.

        Without a champion there is no drift to look for: then spans are only looked at one by one when the dataset
        could not be made of all of them.
        """

        def preprocess() -> Result:
            used = set((run.result("check") or {})["used"])
            spans = [span for span in self._plan.selected if span.name in used]
            pattern, workspace = self._settings.request.pattern, self._workspace
            result = steps.preprocess(pattern, spans, workspace.cache, workspace.seen)
            spans_of.note_good(spans)
            return result

        new = run.started_on()["new"]
        checker = spans_of.checker(run, self._halves, champion)
        looks = champion is not None
        check = self._step(run, "check", lambda: spans_of.check(new, checker if looks else None))
        try:
            self._step(run, "preprocess", preprocess)
        except RunEnd as end:
            if end.outcome is not Outcome.REFUSED or check["looked"] or len(check["used"]) < 2:
                raise
            self._say("the data was refused together; looking at its spans one by one")
            run.forget("check")
            self._step(run, "check", lambda: spans_of.check(new, checker))
            self._step(run, "preprocess", preprocess)

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
        self._say(f"{name:<12}{'done before' if done is not None else _told(result)}")
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
        line = self._line(run, outcome, reason)
        write_atomically(run.report, run_page(line, run))
        self._ledger.append(line)
        self._clean()
        return Ending(outcome, reason, STATUS[outcome], line)

    def _clean(self) -> None:
        keep = self._settings.policy.keep
        for number in self._registry.collect(keep.versions):
            self._say(f"removed     version {number}")
        self._workspace.clean(keep.runs, keep.datasets)

    def _line(self, run: RunState, outcome: Outcome, reason: str) -> dict[str, Any]:
        return run_line(run, outcome, reason, self._champion_number(), self._plan.waiting)

    def _say(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)


def _result_of(run: RunState) -> tuple[Outcome, str]:
    """How a run ended whose steps are all done, and why."""
    decision, promotion = run.result("decide") or {}, run.result("promote") or {}
    outcome = Outcome.PROMOTED if promotion["promoted"] else Outcome.KEPT
    return outcome, promotion["reason"] or decision["reason"]


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
