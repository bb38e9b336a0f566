"""What to tell the user of an exception that came out of a runner.

Runners wrap what a worker raised: in the same type with "[while running 'Step']" behind the text, or, when the worker
was another process, in a RuntimeError whose text holds the worker's whole traceback.
"""

from __future__ import annotations

import contextlib
import re
import traceback
from collections.abc import Iterator

from schemas import errors
from schemas.errors import LengthwiseError

_WHILE_RUNNING = re.compile(r"\s*\[while running '[^']*'\]\s*$")
_NAMES = [
    name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, LengthwiseError)
]
_IN_TRACEBACK = re.compile(rf"schemas\.errors\.(?:{'|'.join(_NAMES)}): (.*?)(?:\n\n|\nTraceback|\Z)", re.DOTALL)


def user_message(error: BaseException) -> str | None:
    """The text of the error meant for the user inside `error`, or None if there is none."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        if isinstance(current, LengthwiseError):
            return _WHILE_RUNNING.sub("", str(current))
        current = current.__cause__ or current.__context__
    found = _IN_TRACEBACK.findall(str(error))
    return _WHILE_RUNNING.sub("", found[-1].strip()) if found else None


@contextlib.contextmanager
def told_to_user() -> Iterator[None]:
    """Turns what a runner raises into an error for the user, or into a traceback and exit status 1.

    Raises:
      LengthwiseError: the error for the user inside the runner's own.
      SystemExit: with status 1, when there is none.
    """
    try:
        yield
    except Exception as error:
        message = user_message(error)
        if message is None:
            traceback.print_exc()
            raise SystemExit(1) from error
        raise LengthwiseError(message) from error
