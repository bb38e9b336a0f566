"""What a training run leaves behind, and which directory it may write into.

models/imdb/
  model.keras  training.json  evaluation.json  report.html
  checkpoints/  logs/  export/1/
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.errors import OutputError

OWN_NAMES = frozenset(
    {"model.keras", "training.json", "evaluation.json", "report.html", "checkpoints", "logs", "export", "vocabularies"}
)


@dataclass(frozen=True)
class OutputDirectory:
    """Paths of one run's output.

    Attributes:
      path: of the directory.
    """

    path: Path

    @property
    def model(self) -> Path:
        """The Keras model, weights and all."""
        return self.path / "model.keras"

    @property
    def training(self) -> Path:
        """History, configuration, dataset and environment of the run."""
        return self.path / "training.json"

    @property
    def evaluation(self) -> Path:
        """Metrics of every split."""
        return self.path / "evaluation.json"

    @property
    def report(self) -> Path:
        """The page that shows them."""
        return self.path / "report.html"

    @property
    def checkpoints(self) -> Path:
        """States to resume from."""
        return self.path / "checkpoints"

    @property
    def logs(self) -> Path:
        """TensorBoard's event files."""
        return self.path / "logs"

    @property
    def vocabularies(self) -> Path:
        """The dataset's vocabularies, so that a later model can be warm-started by token."""
        return self.path / "vocabularies"

    @property
    def export(self) -> Path:
        """Numeric version directories as TensorFlow Serving reads them."""
        return self.path / "export"

    def prepare(self, resume: bool) -> None:
        """Makes the directory, or makes sure that an existing one is a run's; a new run clears the old one's results.

        Args:
          resume: keep what is there.

        Raises:
          OutputError: it holds something else, or cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            foreign = sorted(
                p.name for p in self.path.iterdir() if p.name not in OWN_NAMES and ".partial" not in p.name
            )
            if foreign:
                shown = ", ".join(foreign[:3]) + (" and more" if len(foreign) > 3 else "")
                raise OutputError(f"{self.path}: holds {shown}, which is no training output; choose another directory")
            if not resume:
                for path in (self.model, self.training, self.evaluation, self.report):
                    path.unlink(missing_ok=True)
                for path in (self.checkpoints, self.logs, self.vocabularies):
                    shutil.rmtree(path, ignore_errors=True)
        except OSError as error:
            raise OutputError(f"{self.path}: cannot be written ({error.strerror}); choose another directory") from error


def write_atomically(path: Path, content: str | bytes) -> None:
    """Writes a file beside its name and renames it, so that readers see the old content or the new.

    Raises:
      OutputError: the disk is full or cannot be written.
    """
    temporary = path.with_name(f"{path.name}.partial")
    try:
        data = content.encode() if isinstance(content, str) else content
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise OutputError(f"{path}: cannot be written ({error.strerror}); what was there is unchanged") from error


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Writes indented JSON atomically; a number that is not finite becomes null, as JSON has none.

    Raises:
      OutputError: the disk is full or cannot be written.
    """
    write_atomically(path, json.dumps(_finite(content), indent=2, allow_nan=False) + "\n")


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value


def save_model(model: Any, path: Path) -> None:
    """Saves a Keras model atomically.

    Raises:
      OutputError: the disk is full or cannot be written.
    """
    temporary = path.with_name(f"{path.stem}.partial.keras")
    try:
        model.save(temporary)
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise OutputError(f"{path}: cannot save the model ({error.strerror})") from error
