"""What an exported model says of itself: the spec it was trained on, its label, the shapes it pads to.

models/imdb/export/1/   saved_model.pb   variables/   assets/   assets.extra/lengthwise.json
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import InputError
from schemas.manifest import LabelInfo
from schemas.spec import DatasetSpec, parse_spec

DESCRIPTION = "assets.extra/lengthwise.json"


@dataclass(frozen=True)
class ExportedModel:
    """An exported model.

    Attributes:
      directory: the numeric version directory.
      spec: the resolved dataset spec that raw rows must meet.
      label: what is predicted.
      dataset_digest: of the dataset it was trained on.
    """

    directory: str
    spec: DatasetSpec
    label: LabelInfo
    dataset_digest: str


def open_exported_model(directory: str | Path) -> ExportedModel:
    """Reads the description of an exported model.

    Args:
      directory: a version directory; or the directory of the versions, whose highest one is taken; or the output of
        `python -m trainer`, which holds them under export/.

    Raises:
      InputError: no exported model there.
    """
    path = Path(directory)
    path = path / "export" if (path / "export").is_dir() else path
    versions = [entry for entry in path.iterdir() if entry.name.isdigit()] if path.is_dir() else []
    if versions and not (path / "saved_model.pb").exists():
        path = max(versions, key=lambda entry: int(entry.name))
    description = path / DESCRIPTION
    try:
        content = json.loads(description.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise InputError(
            f"{directory}: holds no exported model ({description}: {error}); expected what `python -m trainer` leaves "
            "under export/, such as models/imdb/export/1"
        ) from error
    return ExportedModel(
        directory=str(path),
        spec=parse_spec(content["spec"], str(description)),
        label=LabelInfo.model_validate(content["label"]),
        dataset_digest=content["dataset_digest"],
    )
