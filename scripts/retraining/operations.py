"""What a person does to the registry: promote, rollback, gc. Each under the lock, each in the ledger."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from schemas.errors import LengthwiseError
from scripts.retraining.outcomes import Outcome
from scripts.retraining.policy import load_policy
from scripts.retraining.workspace import Workspace

# Cache entries that no run has read for so long belong to rows that have left the data.
_UNUSED_SECONDS = 90 * 24 * 3600.0


def promote(workspace: Workspace, number: int) -> dict[str, Any]:
    """Makes a version champion.

    Raises:
      LengthwiseError: there is no such version, or it is damaged; the champion is unchanged.
    """
    before = workspace.registry.champion_number()
    workspace.registry.promote(number, "chosen by an operator")
    if before == number:
        return {"champion": number, "reason": f"version {number} is champion already"}
    return _noted(workspace, Outcome.PROMOTED, before, f"an operator chose version {number}")


def rollback(workspace: Workspace) -> dict[str, Any]:
    """Makes the champion before this one champion again.

    Raises:
      LengthwiseError: there is none; the champion is unchanged.
    """
    before = workspace.registry.champion_number()
    version = workspace.registry.rollback()
    return _noted(workspace, Outcome.ROLLED_BACK, before, f"an operator rolled back to version {version.number}")


def collect(workspace: Workspace, policy: str | None) -> dict[str, Any]:
    """Removes what the policy does not keep.

    Raises:
      LengthwiseError: the policy cannot be used.
    """
    if not workspace.root.is_dir():
        raise LengthwiseError(f"{workspace.root}: no such workspace")
    keep = load_policy(policy).keep
    versions = workspace.registry.collect(keep.versions)
    runs = workspace.clean(keep.runs, keep.datasets)
    entries = _unused_entries(workspace.cache)
    for path in entries:
        path.unlink(missing_ok=True)
    shown = ", ".join(map(str, versions)) or "no version"
    reason = f"removed {shown}; {len(runs)} directories of runs; {len(entries)} cache entries"
    return {"versions": versions, "runs": runs, "cache_entries": len(entries), "reason": reason}


def _noted(workspace: Workspace, outcome: Outcome, before: int | None, reason: str) -> dict[str, Any]:
    """Notes a change, and ends an open run: its challenger was measured against another champion."""
    champion = workspace.registry.champion_number()
    line = {"outcome": outcome, "reason": reason, "champion": champion, "champion_before": before}
    run = workspace.open_run()
    workspace.ledger.append(line)
    if run is not None:
        note = {"run": run.name, "outcome": Outcome.ABANDONED, "champion": champion}
        workspace.ledger.append({**note, "reason": f"{reason} before it ended"})
    return line


def _unused_entries(cache: Path) -> list[Path]:
    """Cache entries not used for long, by access time, or by change where access times are not kept."""
    if not cache.is_dir():
        return []
    limit = time.time() - _UNUSED_SECONDS
    states = ((path, path.stat()) for path in cache.rglob("*") if path.is_file())
    return [path for path, state in states if max(state.st_atime, state.st_mtime) < limit]
