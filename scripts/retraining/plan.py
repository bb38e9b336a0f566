"""What a start would do: which spans are complete, which are new, and whether there is a reason to train."""

from __future__ import annotations

from dataclasses import dataclass

from scripts.retraining.outcomes import SettingError
from scripts.retraining.settings import Settings
from scripts.retraining.span_content import SettledSpan, SpanContents
from scripts.retraining.spans import find_spans, select_spans
from scripts.retraining.workspace import Workspace


@dataclass(frozen=True)
class Plan:
    """What a start found.

    Attributes:
      selected: complete spans of the selection, in order.
      waiting: spans that are not complete yet.
      passed_over: what stands in the place of a span and is none.
      reason: why a model should be trained; None when nothing is new.
    """

    selected: tuple[SettledSpan, ...]
    waiting: tuple[str, ...]
    passed_over: tuple[str, ...]
    reason: str | None

    @property
    def digests(self) -> dict[str, str]:
        """Digest by span."""
        return {span.name: span.digest for span in self.selected}


def make_plan(workspace: Workspace, settings: Settings, remember: bool = True) -> Plan:
    """Looks at the spans and at what the last run was made of.

    Args:
      workspace: of the retraining.
      settings: what was asked for.
      remember: keep the digests for the next start.

    Raises:
      SettingError: nothing matches the pattern, or the selection leaves nothing.
    """
    pattern = settings.request.pattern
    found = find_spans(pattern)
    if not found.spans:
        passed = f"; {', '.join(found.passed_over[:5])} is no date and no number" if found.passed_over else ""
        raise SettingError(
            f"--input: nothing matches {pattern!r}{passed}; expected files such as "
            f"{pattern.replace('{span}', '2026-11-07')!r}"
        )
    contents = SpanContents(workspace.seen)
    waiting: set[str] = set()
    while True:  # a span that waits takes no place in last:N
        chosen = select_spans([span for span in found.spans if span.name not in waiting], settings.request.selection)
        settled = {span.name: contents.settled(span, settings.policy.spans, pattern) for span in chosen}
        late = {name for name, content in settled.items() if content is None}
        if not late:
            break
        waiting |= late
    if remember:
        contents.save()
    selected = tuple(content for content in settled.values() if content is not None)
    if not selected and not waiting:
        names = f"{found.spans[0].name} to {found.spans[-1].name}"
        raise SettingError(f"--spans {settings.request.selection}: leaves none of the {len(found.spans)} spans {names}")
    reason = _reason(workspace, settings, {span.name: span.digest for span in selected}, waiting)
    return Plan(selected, tuple(sorted(waiting)), found.passed_over, reason)


def _reason(workspace: Workspace, settings: Settings, digests: dict[str, str], waiting: set[str]) -> str | None:
    if not digests:
        return None
    last = workspace.ledger.last_final()
    before = next((run for run in workspace.runs() if last is not None and run.name == last["run"]), None)
    if last is None or before is None:
        return f"the first run, on {_listed(list(digests))}"
    if last.get("champion") is not None and workspace.registry.champion() is None:
        return "the champion is gone, and no earlier one is left"
    inputs = before.started_on()
    old = inputs["spans"]
    new = [name for name in digests if name not in old]
    changed = [name for name in digests if name in old and old[name] != digests[name]]
    gone = [name for name in old if name not in digests and name not in waiting]
    parts = [
        f"{word} {_listed(names)}" for word, names in (("new", new), ("changed", changed), ("gone", gone)) if names
    ]
    if inputs["settings"] != settings.identity():
        parts.append("the settings changed")
    return "; ".join(parts) or None


def _listed(names: list[str]) -> str:
    if len(names) == 1:
        return f"span {names[0]}"
    return f"{len(names)} spans, {names[0]} to {names[-1]}"
