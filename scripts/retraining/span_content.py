"""What spans hold, by content, and whether they are complete.

    digest     SHA-256 over the names, sizes and checksums of a span's files: a late or rewritten span has another one
    signature  sizes and times of its files: while it is the same, the digest is not computed again
    waiting    a span that has no marker yet, or was changed within the grace period

The clock decides nothing but how long a new span waits. A file from the future (the clock was moved back) counts as
settled as soon as two starts have seen the same signature.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.retraining.outcomes import SettingError
from scripts.retraining.policy import SpanPolicy
from scripts.retraining.spans import PLACE, Span
from trainer.output_directory import write_json
from trainer.registry.files import checksum

Signature = list[list[Any]]
# A file may be written twice within a tick of its file system's clock: a digest is remembered once the file is older.
_TICK_SECONDS = 2.0


@dataclass(frozen=True)
class SettledSpan:
    """A complete span and its content."""

    span: Span
    digest: str

    @property
    def name(self) -> str:
        """Of the span."""
        return self.span.name


class SpanContents:
    """Digests of spans, remembered in a file between starts.

    Args:
      path: of the file; a missing or damaged one only costs time.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: dict[str, dict[str, Any]] = {}
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            self._seen = content if isinstance(content, dict) else {}
        except (OSError, ValueError):
            pass

    def settled(self, span: Span, policy: SpanPolicy, pattern: str) -> SettledSpan | None:
        """The span with its digest; None while it waits.

        Args:
          span: to look at.
          policy: when a span is complete.
          pattern: that it was found by.
        """
        try:
            signature = signature_of(span)
            seen = self._seen.get(span.name, {})
            if seen.get("signature") == signature and seen.get("digest"):
                return SettledSpan(span, seen["digest"])
            waits = _waits(span, policy, pattern, signature, seen)
            self._seen[span.name] = {"signature": signature}
            if waits:
                return None
            digest = digest_of(span)
            if signature_of(span) != signature:
                return None  # it changed while it was read
        except FileNotFoundError:
            return None  # a file went away while it was looked at: the span is being rewritten
        age = time.time() - max(max(mtime, ctime) for _, _, mtime, ctime, _ in signature) / 1e9
        if age >= _TICK_SECONDS:
            self._seen[span.name]["digest"] = digest
        return SettledSpan(span, digest)

    def save(self) -> None:
        """Writes what was seen."""
        write_json(self._path, self._seen)


def signature_of(span: Span) -> Signature:
    """Name, size, times in nanoseconds and inode of every file."""
    found: Signature = []
    for path in span.files:
        state = path.stat()
        found.append([str(path), state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino])
    return found


def digest_of(span: Span) -> str:
    """SHA-256 over names and contents of its files."""
    content = [[path.name, checksum(path)["sha256"]] for path in span.files]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def marker_path(span: Span, marker: str, pattern: str) -> Path:
    """Where a span's marker stands.

    Raises:
      SettingError: a bare name, and spans that are no directories.
    """
    if PLACE in marker:
        return Path(marker.replace(PLACE, span.name))
    parts = pattern.split("/")
    place = next(index for index, part in enumerate(parts) if PLACE in part)
    if parts[place] != PLACE:
        raise SettingError(
            f"spans.marker: received {marker!r}, but {pattern!r} has no directory a span; expected a path with "
            f"{PLACE}, such as '{'/'.join([*parts[:place], PLACE])}.done'"
        )
    return Path("/".join([*parts[:place], span.name, marker]))


def _waits(span: Span, policy: SpanPolicy, pattern: str, signature: Signature, seen: dict[str, Any]) -> bool:
    if policy.marker is not None:
        return not marker_path(span, policy.marker, pattern).exists()
    if not policy.grace_seconds:
        return False
    age = time.time() - max(mtime for _, _, mtime, _, _ in signature) / 1e9
    if age < 0:
        return bool(seen.get("signature") != signature)
    return age < policy.grace_seconds
