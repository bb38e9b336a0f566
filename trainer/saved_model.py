"""A trained model as its output directory holds it: the Keras model, and what it was trained on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from schemas.errors import InputError
from schemas.manifest import load_manifest
from trainer.config import TrainerConfig
from trainer.output_directory import OutputDirectory


@dataclass(frozen=True)
class TrainingRecord:
    """What training.json says.

    Attributes:
      content: all of it.
      config: of the run, with the batch size that it settled on.
      data: the dataset's directory, as the run was told.
      digest: of the dataset.
    """

    content: dict[str, Any]
    config: TrainerConfig
    data: Path
    digest: str


def load_record(directory: str | Path) -> TrainingRecord:
    """Reads training.json of a trained model's directory.

    Raises:
      InputError: no such file, or not one of a finished run.
    """
    path = OutputDirectory(Path(directory)).training
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return TrainingRecord(
            content=content,
            # One device looks at a trained model: this machine may have fewer than the one it was trained on.
            config=TrainerConfig.model_validate(content["config"]).model_copy(update={"devices": 1}),
            data=Path(content["dataset"]["path"]),
            digest=content["dataset"]["digest"],
        )
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); expected the output directory of a finished run of the trainer"
        ) from error
    except (json.JSONDecodeError, KeyError, ValidationError) as error:
        raise InputError(f"{path}: damaged ({error}); train again") from error


def load_model(directory: str | Path) -> Any:
    """Loads the Keras model of a trained model's directory.

    Raises:
      InputError: no model there, or one that cannot be read.
    """
    import keras

    _register_layers()
    path = OutputDirectory(Path(directory)).model
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected the output directory of a finished `python -m trainer`")
    try:
        return keras.models.load_model(path, compile=False)
    except (ValueError, TypeError, OSError, KeyError) as error:
        raise InputError(f"{path}: cannot be read ({str(error).splitlines()[0]}); train again") from error


def check_dataset(record: TrainingRecord, data: Path) -> str | None:
    """A remark where a model meets another dataset than it was trained on.

    Args:
      record: of the model.
      data: the dataset's directory.

    Returns:
      None where the digests agree.
    """
    digest = load_manifest(data).digest
    if digest == record.digest:
        return None
    return f"{data} (digest {digest[:12]}) is not the dataset that the model was trained on ({record.digest[:12]})"


def _register_layers() -> None:
    """Importing the models makes Keras know their layers by name."""
    import trainer.models  # noqa: F401 (imported for its registrations)
