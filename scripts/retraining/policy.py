"""The policy file: all that a run decides by, in one frozen object. Every field has a default.

spans: {marker: _SUCCESS, grace_seconds: 300, accept: [2026-11-12]}
drift: {lengths: {warn: 0.1, stop: 0.3}, labels: {warn: 0.1, stop: null}}
promotion: {metric: accuracy, floor: 0.7, margin: 0.02, minimum_gain: 0}
keep: {versions: 5, runs: 50, datasets: 1}
warm_start: true
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError, field_validator

from pipeline.drift import DEFAULT_THRESHOLDS
from schemas.strict import Strict, explain, nearest_name
from scripts.retraining.outcomes import SettingError
from trainer.registry.promotion import PromotionRule


class Limits(Strict):
    """Distances from which a signal is told, and from which it stops the run; null never does."""

    warn: float | None = Field(ge=0)
    stop: float | None = Field(ge=0)


# A new class is what retraining is for; another division into splits would let the champion be judged on rows that it
# was trained on. Both are changes of the schema to pipeline.drift.
DEFAULT_LIMITS = {name: Limits(warn=limit.warn, stop=limit.fail) for name, limit in DEFAULT_THRESHOLDS.items()} | {
    "classes": Limits(warn=0.5, stop=None),
    "splits": Limits(warn=0.5, stop=0.5),
}


class SpanPolicy(Strict):
    """When a span is complete."""

    marker: str | None = Field(
        None, description="File that says a span is complete: a name beside its files, or a path with {span}."
    )
    grace_seconds: float = Field(300.0, ge=0, description="Without a marker: a span changed more recently waits.")
    accept: list[str] = Field(default_factory=list, description="Spans used whatever their drift.")

    @field_validator("accept", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        """YAML reads an unquoted 2026-11-12 as a date, and 7 as a number."""
        return [str(item) for item in value] if isinstance(value, list) else value


class Keep(Strict):
    """How much of the past stays on the disk."""

    versions: int = Field(5, ge=2, description="Highest versions; the champion and the one before always stay.")
    runs: int = Field(50, ge=2, description="Reports and logs of the last runs.")
    datasets: int = Field(1, ge=0, description="Datasets and checkpoints of the last runs.")


class Policy(Strict):
    """What a run decides by."""

    spans: SpanPolicy = Field(default_factory=SpanPolicy)
    drift: dict[str, Limits] = Field(default_factory=dict)
    promotion: PromotionRule = Field(default_factory=PromotionRule)
    keep: Keep = Field(default_factory=Keep)
    warm_start: bool = Field(True, description="Start from the champion's weights where model and features agree.")

    @field_validator("drift")
    @classmethod
    def _signals_exist(cls, value: dict[str, Limits]) -> dict[str, Limits]:
        for name in value:
            if name not in DEFAULT_LIMITS:
                near = nearest_name(name, DEFAULT_LIMITS)
                hint = f"did you mean {near!r}? " if near else ""
                raise ValueError(f"received the signal {name!r}; {hint}Known signals: {', '.join(DEFAULT_LIMITS)}")
        return value

    @property
    def limits(self) -> dict[str, Limits]:
        """Limits of every signal."""
        return DEFAULT_LIMITS | self.drift

    def deciding(self) -> str:
        """SHA-256 of what a run's outcome depends on."""
        content = self.model_dump(mode="json", include={"drift", "promotion", "warm_start"})
        content["accept"] = sorted(self.spans.accept)
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def load_policy(path: str | Path | None) -> Policy:
    """Reads a policy from YAML; the defaults without a file.

    Raises:
      SettingError: no such file, not YAML, or not a usable policy.
    """
    if path is None:
        return Policy()
    try:
        data = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"{path}: cannot read the policy ({error}); expected a YAML file") from error
    except yaml.YAMLError as error:
        raise SettingError(f"{path}: not YAML: {error}") from error
    data = {} if data is None else data
    if not isinstance(data, dict):
        raise SettingError(f"{path}: received {type(data).__name__}, expected a mapping such as 'warm_start: true'")
    try:
        return Policy.model_validate(data)
    except ValidationError as error:
        raise SettingError(f"{path} is not usable:\n{explain(error, Policy, data)}") from error
