"""Everything a training run can be told, in one frozen object.

It is read from a YAML file (`--config`), overlaid with the flags of the command line, and checked before TensorFlow
is imported. Every field has a default that needs no tuning.

    model: rnn                       # rnn, cnn, multimodal, attention
    features: [text]                 # all of the dataset's when absent
    architecture: {units: 64}        # options of the model builder
    epochs: 5
    batch_tokens: 16384              # padded steps a batch
    learning_rate: 0.001
    early_stopping: {metric: loss, patience: 3}
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator

from schemas.errors import LengthwiseError
from schemas.strict import Strict, explain
from schemas.yaml_file import read_yaml

MODEL_NAMES = ("rnn", "cnn", "multimodal", "attention")


class ConfigError(LengthwiseError):
    """A training configuration that cannot be used."""


class EarlyStopping(Strict):
    """When training ends before its last epoch; the best epoch's weights are kept either way."""

    metric: str = Field("loss", description="A validation metric, such as loss, accuracy, auc, macro_f1 or rmse.")
    patience: int | None = Field(
        None,
        ge=1,
        description="Epochs without improvement after which training stops; a fifth of all, at least 3, when absent.",
    )
    minimum_change: float = Field(0.0, ge=0, description="An improvement smaller than this is none.")
    restore_best: bool = Field(True, description="Keep the weights of the best epoch rather than the last one's.")


class Checkpoints(Strict):
    """How often the state of a run is written, and how many states are kept."""

    every_seconds: float | None = Field(60.0, gt=0, description="Seconds between checkpoints within an epoch.")
    every_steps: int | None = Field(None, ge=1, description="Steps between checkpoints within an epoch.")
    keep: int = Field(3, ge=1, description="The last N checkpoints are kept.")


class TrainerConfig(Strict):
    """One training run."""

    model: Literal["rnn", "cnn", "multimodal", "attention"] = "rnn"
    architecture: dict[str, Any] = Field(default_factory=dict, description="Options of the model builder.")
    features: list[str] | None = Field(None, description="Features the model reads; all when absent.")
    epochs: int | None = Field(
        None, ge=1, description="Passes over the train split; when absent, enough for some 2,000 steps (3 to 60)."
    )
    batch_tokens: int | None = Field(
        None, ge=1, description="Padded steps a batch; when absent, chosen from the size of the train split."
    )
    seed: int = Field(0, ge=0, lt=2**31)
    learning_rate: float = Field(1e-3, gt=0, description="Peak learning rate of the Adam optimizer.")
    schedule: Literal["cosine", "constant"] = Field("cosine", description="How the rate falls after the warm-up.")
    warm_up: float = Field(0.05, ge=0, le=1, description="Share of all steps over which the rate rises from 0.")
    weight_decay: float = Field(0.0, ge=0, description="Decoupled weight decay of the AdamW optimizer.")
    clip_norm: float | None = Field(
        1.0, gt=0, description="Largest global norm of the gradient; no clipping when null."
    )
    class_weights: Literal["none", "balanced"] | dict[str, float] = Field(
        "none", description="Weight of the rows of each class: none, balanced, or {class: weight}."
    )
    early_stopping: EarlyStopping | None = Field(default_factory=EarlyStopping)
    checkpoints: Checkpoints = Field(default_factory=Checkpoints)
    precision: Literal["auto", "float32", "mixed_bfloat16", "mixed_float16"] = Field(
        "auto", description="auto: mixed_bfloat16 where the accelerator computes in it, else float32."
    )
    jit: Literal["auto"] | bool = Field("auto", description="XLA compilation: auto, true or false.")
    devices: int | Literal["all"] = Field(1, description="Accelerators that share every batch (data parallel).")
    deterministic: bool = Field(True, description="Same weights, bit for bit, from the same data, config and hardware.")
    memory_limit_megabytes: int = Field(
        4096,
        ge=0,
        description="Decoded splits up to this size are held in memory; larger ones are read from the shards.",
    )
    warm_start: str | None = Field(
        None, description="Directory of a trained model whose weights are the starting point."
    )
    bootstrap_samples: int = Field(1000, ge=10, description="Resamples behind the intervals of the evaluation.")

    @field_validator("features")
    @classmethod
    def _features_are_distinct(cls, value: list[str] | None) -> list[str] | None:
        if value is not None and (not value or len(set(value)) != len(value)):
            raise ValueError(f"received {value!r}, expected at least one feature and none twice")
        return value

    @field_validator("devices")
    @classmethod
    def _at_least_one_device(cls, value: int | str) -> int | str:
        if isinstance(value, int) and value < 1:
            raise ValueError(f"received {value}, expected a number of at least 1, or 'all'")
        return value

    def fingerprint(self) -> str:
        """SHA-256 of all that the trained weights depend on: a run is resumed only under the same one."""
        content = self.model_dump(mode="json", exclude={"checkpoints", "bootstrap_samples", "memory_limit_megabytes"})
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def parse_config(data: Any, origin: str = "the configuration") -> TrainerConfig:
    """Checks a loaded mapping and makes a TrainerConfig of it.

    Args:
      data: what the YAML held, with the command line's flags laid over it.
      origin: how to name it in errors, usually the file's path.

    Raises:
      ConfigError: with every wrong place, what was received, what was expected.
    """
    if not isinstance(data, Mapping):
        raise ConfigError(f"{origin}: received {type(data).__name__}, expected a mapping such as 'epochs: 5'")
    try:
        return TrainerConfig.model_validate(data)
    except ValidationError as error:
        raise ConfigError(f"{origin} is not usable:\n{explain(error, TrainerConfig, data)}") from error


def load_config(path: str | Path | None, overrides: Mapping[str, Any] | None = None) -> TrainerConfig:
    """Reads a configuration from YAML and lays the command line's values over it.

    Args:
      path: a YAML file, or None for defaults alone.
      overrides: values that win over the file; None values are ignored.

    Raises:
      ConfigError: no such file, not YAML, or not a usable configuration.
    """
    data: Any = {}
    if path is not None:
        data = read_yaml(path, "the configuration", ConfigError)
        data = {} if data is None else data
        if not isinstance(data, Mapping):
            raise ConfigError(f"{path}: received {type(data).__name__}, expected a mapping such as 'epochs: 5'")
    given = {key: value for key, value in (overrides or {}).items() if value is not None}
    return parse_config({**data, **given}, str(path) if path is not None else "the command line")
