"""What a run was asked for, and all that its outcome depends on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.spec import DatasetSpec, load_spec
from schemas.splits import HashSplit, InputSplit
from scripts.retraining.outcomes import SettingError
from scripts.retraining.policy import Policy, load_policy
from scripts.retraining.spans import check_pattern, select_spans
from trainer.config import TrainerConfig, load_config


@dataclass(frozen=True)
class Request:
    """The command line of `run`.

    Attributes:
      spec, config, policy: paths of YAML files.
      pattern: of the input.
      model: replaces the configuration's.
      selection: of spans.
    """

    spec: Path
    pattern: str
    config: Path | None
    policy: Path | None
    model: str | None
    selection: str


@dataclass(frozen=True)
class Settings:
    """The request, read and checked.

    Attributes:
      request: as given.
      spec: of the dataset.
      config: of the trainer; its warm start is the retraining's to choose.
      policy: of the retraining.
    """

    request: Request
    spec: DatasetSpec
    config: TrainerConfig
    policy: Policy

    def identity(self) -> str:
        """SHA-256 of everything but the data that a run's outcome depends on."""
        content: dict[str, Any] = {
            "spec": self.spec.fingerprint(),
            "config": self.config.fingerprint(),
            "policy": self.policy.deciding(),
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _check_spec(spec: DatasetSpec, path: Path) -> None:
    """Refuses a spec from which no champion can be chosen."""
    splits = spec.splits
    if spec.label is None:
        raise SettingError(f"{path}: has no label, so nothing can be learnt; add 'label'")
    if isinstance(splits, InputSplit):
        raise SettingError(
            f"{path}: splits are by input, expected rows of every split in each span; split by hash or time"
        )
    if isinstance(splits, HashSplit) and not splits.validation and not splits.test:
        raise SettingError(f"{path}: no row is held out; give 'splits' a test or validation share to compare models on")


def read_settings(request: Request) -> Settings:
    """Reads and checks everything that was asked for, before any work.

    Raises:
      LengthwiseError: with every wrong place of the file at fault.
    """
    check_pattern(request.pattern)
    select_spans((), request.selection)
    spec = load_spec(request.spec)
    _check_spec(spec, request.spec)
    config = load_config(request.config, {"model": request.model})
    return Settings(request, spec, config.model_copy(update={"warm_start": None}), load_policy(request.policy))
