"""Reading a YAML file that a user wrote: what can go wrong is said in one sentence, with the file's name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from schemas.errors import LengthwiseError


def read_yaml(path: str | Path, what: str, error: type[LengthwiseError], advice: str = "expected a YAML file") -> Any:
    """What a YAML file holds: usually a mapping, None where it is empty.

    Args:
      path: the file.
      what: what it should hold, such as "the spec".
      error: raised when it cannot be read.
      advice: what to do about a file that is missing.

    Raises:
      LengthwiseError: of the given class: no such file, not UTF-8, or not YAML.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as problem:
        raise error(f"{path}: cannot read {what} ({problem.strerror}); {advice}") from problem
    except UnicodeDecodeError as problem:
        raise error(
            f"{path}: not UTF-8 text ({problem.reason} at byte {problem.start}); expected a YAML file"
        ) from problem
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as problem:
        raise error(f"{path}: not YAML: {problem}") from problem
