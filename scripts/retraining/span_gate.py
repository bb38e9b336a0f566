"""Which spans a run uses: those whose content is known to be good, and those that are good when looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scripts.retraining.halves import Halves
from scripts.retraining.outcomes import Outcome, RunEnd
from scripts.retraining.plan import Plan
from scripts.retraining.run_state import Result, RunState
from scripts.retraining.settings import Settings
from scripts.retraining.span_check import CheckedSpans, Found, SpanChecker
from scripts.retraining.span_content import SettledSpan
from scripts.retraining.workspace import Workspace
from trainer.registry.versions import Version


class SpanGate:
    """Decides on spans for one run.

    Args:
      workspace: of the retraining.
      settings: what was asked for.
      plan: what the start found.
    """

    def __init__(self, workspace: Workspace, settings: Settings, plan: Plan) -> None:
        self._workspace, self._settings, self._plan = workspace, settings, plan
        self._checked = CheckedSpans(workspace.checked)
        self._identity = settings.identity()

    def checker(self, run: RunState, halves: Halves, champion: Version | None) -> SpanChecker:
        """Looks at spans for a run."""
        statistics = champion.statistics if champion is not None else None
        pattern, policy = self._settings.request.pattern, self._settings.policy
        return SpanChecker(run, halves, pattern, policy, self._identity, statistics)

    def unknown(self) -> list[str]:
        """Spans whose content was never looked at, or was set aside under other settings."""
        return [span.name for span in self._plan.selected if self._known(span) is None]

    def check(self, new: Sequence[str], checker: SpanChecker | None) -> Result:
        """Sets bad spans aside.

        Args:
          new: spans that were unknown when the run began; a crash may have come after some were looked at.
          checker: looks at spans whose content is not known; None takes them as they are.

        Raises:
          RunEnd: no span is left, or what is left is what the last run was made of.
        """
        if checker is not None:
            checker.check([span for span in self._plan.selected if self._known(span) is None], self._checked)
        found = {span.name: self._known(span) for span in self._plan.selected}
        aside = {name: item.problem for name, item in found.items() if item is not None and item.problem is not None}
        used = {span.name: span.digest for span in self._plan.selected if span.name not in aside}
        if aside and (not used or self._as_last_time(used)):
            names = [name for name in new if name in aside] or list(aside)
            problems = "; ".join(f"span {name}: {aside[name]}" for name in names[:3])
            raise RunEnd(Outcome.REFUSED, f"no new span can be used: {problems}")
        warnings = [f"span {name}: {text}" for name in new if (item := found[name]) for text in item.warnings]
        return {
            "looked": checker is not None,
            "used": list(used),
            "new": list(new),
            "set_aside": aside,
            "warnings": warnings,
        }

    def note_good(self, spans: Sequence[SettledSpan]) -> None:
        """Remembers that spans could be used, where nothing was known of them."""
        for span in spans:
            if self._known(span) is None:
                self._checked.note(span, Found(span.digest, None, (), self._identity))

    def _known(self, span: SettledSpan) -> Found | None:
        return self._checked.known(span, self._identity)

    def _as_last_time(self, used: dict[str, str]) -> bool:
        """Whether the last run that ended was made of the same spans under the same settings, and left a champion."""
        last = self._workspace.ledger.last_final()
        run = next((run for run in self._workspace.runs() if last is not None and run.name == last["run"]), None)
        if last is None or run is None or self._workspace.registry.champion() is None:
            return False
        before: dict[str, Any] = run.started_on()
        aside = last["spans"]["set_aside"]
        was_used = {name: digest for name, digest in before["spans"].items() if name not in aside}
        return before["settings"] == self._identity and was_used == used
