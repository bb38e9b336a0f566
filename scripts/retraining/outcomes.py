"""How a run ends, and the exit status that tells a scheduler."""

from __future__ import annotations

from enum import StrEnum

from schemas.errors import LengthwiseError


class Outcome(StrEnum):
    """The end of a run, as the ledger names it."""

    PROMOTED = "promoted"
    KEPT = "kept"
    REFUSED = "refused"
    GATE_FAILED = "gate_failed"
    FAILED = "failed"
    ABANDONED = "abandoned"
    NOTHING = "nothing"
    ROLLED_BACK = "rolled_back"
    REPAIRED = "repaired"


STATUS = {
    Outcome.PROMOTED: 0,
    Outcome.NOTHING: 0,
    Outcome.ROLLED_BACK: 0,
    Outcome.REPAIRED: 0,
    Outcome.ABANDONED: 0,
    Outcome.FAILED: 1,
    Outcome.KEPT: 10,
    Outcome.REFUSED: 11,
    Outcome.GATE_FAILED: 12,
}
USAGE, LOCKED = 2, 13

# A run that ended so is over: only new data or other settings start the next one.
FINAL = frozenset({Outcome.PROMOTED, Outcome.KEPT, Outcome.REFUSED, Outcome.GATE_FAILED, Outcome.ABANDONED})

STATUS_HELP = """\
exit status:
   0  a new champion was promoted, or there was nothing to do
   1  an unexpected failure; the champion is unchanged, and the next start goes on where this one stopped
   2  a usage or configuration error that you can act on
  10  the champion was kept: the challenger is not good enough
  11  the data was refused: unreadable, other columns, too many rejects, or drift past a stop threshold
  12  the challenger failed the export gate (padding or training-serving skew)
  13  another run holds the lock
"""


class RunEnd(Exception):
    """Ends a run before its last step.

    Args:
      outcome: how.
      reason: one sentence.
    """

    def __init__(self, outcome: Outcome, reason: str) -> None:
        super().__init__(reason)
        self.outcome, self.reason = outcome, reason


class StepFailed(Exception):
    """A step that failed for no reason of the data or the settings; the next start tries it again."""


class SettingError(LengthwiseError):
    """Settings of the retraining that cannot be used."""
