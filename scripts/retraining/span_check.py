"""New spans are looked at alone before they join the others, so that one bad span costs itself and not the run.

A span is set aside when it cannot be read, lacks columns, has too many rejects, or has drifted from the champion's
data past a stop limit. What was found is remembered by content: a span that is written again is looked at again, and
so is one that was set aside under other settings. `spans.accept` in the policy takes a span whatever its drift.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from pipeline.drift import compare_statistics
from schemas.statistics import load_statistics
from scripts.retraining.drift import OF_A_SPAN, judge
from scripts.retraining.halves import Halves, is_out_of_space, last_words
from scripts.retraining.outcomes import StepFailed
from scripts.retraining.policy import Policy
from scripts.retraining.run_state import RunState
from scripts.retraining.span_content import SettledSpan
from scripts.retraining.spans import PLACE
from trainer.output_directory import write_json


@dataclass(frozen=True)
class Found:
    """What is known of one span's content.

    Attributes:
      digest: of the content.
      problem: why it is set aside; None when it is good.
      warnings: drift past a warn limit.
      settings: that it was judged under.
    """

    digest: str
    problem: str | None
    warnings: tuple[str, ...]
    settings: str


class CheckedSpans:
    """What was found of each span, remembered in a file.

    Args:
      path: of the file; a missing or damaged one only means that spans are looked at again.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._found: dict[str, Found] = {}
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            self._found = {
                name: Found(item["digest"], item["problem"], tuple(item["warnings"]), item["settings"])
                for name, item in content.items()
            }
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            pass

    def known(self, span: SettledSpan, settings: str) -> Found | None:
        """What was found of this content; None when it must be looked at."""
        found = self._found.get(span.name)
        if found is None or found.digest != span.digest:
            return None
        return found if found.problem is None or found.settings == settings else None

    def note(self, span: SettledSpan, found: Found) -> None:
        """Remembers, and writes."""
        self._found[span.name] = found
        content = {
            name: {"digest": f.digest, "problem": f.problem, "warnings": list(f.warnings), "settings": f.settings}
            for name, f in self._found.items()
        }
        write_json(self._path, content)


@dataclass(frozen=True)
class SpanChecker:
    """Looks at spans with the pipeline.

    Attributes:
      run: whose directory and log are used.
      halves: runs the pipeline.
      pattern: of the input.
      policy: limits, and spans to accept.
      settings: identity of the settings.
      champion_statistics: of the champion's data; None without a champion, and then there is no drift.
    """

    run: RunState
    halves: Halves
    pattern: str
    policy: Policy
    settings: str
    champion_statistics: Path | None

    def check(self, spans: Sequence[SettledSpan], checked: CheckedSpans) -> None:
        """Looks at spans together, and at each alone when something is wrong with them together."""
        if not spans:
            return
        together = self._look(spans)
        if together.problem is None or len(spans) == 1:
            for span in spans:
                checked.note(span, replace(together, digest=span.digest))
            return
        for span in spans:
            checked.note(span, self._look([span]))

    def _look(self, spans: Sequence[SettledSpan]) -> Found:
        directory = self.run.path / "check"
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        spec = directory / "spec.yaml"
        spec.write_text(yaml.safe_dump(_all_in_train(self.run.path / "spec.yaml")), encoding="utf-8")
        arguments = ["--spec", str(spec), "--output", str(directory / "dataset")]
        arguments += ["--input", *globs(self.pattern, spans)]
        log = self.run.log("check")
        status = self.halves.run("pipeline", arguments, log)
        words = last_words(log) if status else ""
        if status not in (0, 2) or is_out_of_space(words):
            raise StepFailed(f"check: python -m pipeline ended with status {status}: {words}; see {log}")
        problem, warnings = (words, ()) if status else self._drift(directory / "dataset", spans)
        shutil.rmtree(directory, ignore_errors=True)
        return Found(spans[0].digest, problem, warnings, self.settings)

    def _drift(self, dataset: Path, spans: Sequence[SettledSpan]) -> tuple[str | None, tuple[str, ...]]:
        if self.champion_statistics is None:
            return None, ()
        comparison = compare_statistics(load_statistics(self.champion_statistics), load_statistics(dataset))
        verdict = judge(comparison, self.policy.limits, OF_A_SPAN)
        if not verdict.stops:
            return None, tuple(verdict.warnings)
        if {span.name for span in spans} <= set(self.policy.spans.accept):
            return None, tuple(f"accepted by the policy: {text}" for text in verdict.stops)
        return f"drift: {'; '.join(verdict.stops[:3])}", tuple(verdict.warnings)


def globs(pattern: str, spans: Sequence[SettledSpan]) -> list[str]:
    """The pattern of each span's files."""
    return [pattern.replace(PLACE, span.name) for span in spans]


def _all_in_train(spec: Path) -> dict[str, Any]:
    """The spec with all rows in the train split: a small span need not have rows for every split."""
    content: dict[str, Any] = yaml.safe_load(spec.read_text(encoding="utf-8"))
    return {**content, "splits": {"train": 1.0}}
