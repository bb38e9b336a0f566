"""The contract of a model, checked on some rows.

    reference        the rows in one batch, padded to the longest
    alone            each row by itself, without padding
    next to longest  each row beside the longest, in pairs
    N steps more     the batch padded further: by 1, 2 and 3 steps (grids of strided layers shift by parity)
    other bucket     the batch padded to twice the longest
    content          NaN and 7 in the padding, where the model is told the lengths
    length 0         rows without a single step give finite predictions

A deviation is the largest change of a prediction, relative to it where it is above 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import keras
import numpy as np

from trainer.invariance.leak import Leak, first_leak
from trainer.invariance.recorder import cause_of, predict, record
from trainer.invariance.rows import Rows, unpad

# Rounding of the sums; a leak moves a probability by 0.02 to 0.9 (measured on models from tutorials).
TOLERANCES = {"float32": 1e-5, "float64": 1e-9, "float16": 5e-3, "bfloat16": 2e-2}

# Recording runs eagerly, and an eager recurrent loop is slow; one leaking row is enough.
LEAK_ROWS = 4


@dataclass(frozen=True)
class CheckResult:
    """One check.

    Attributes:
      name: as in the module's table.
      deviation: largest change; infinite where a prediction is not finite or the model refuses the shape.
      passed: whether it is within the tolerance.
      remark: why not, where the number does not say it.
    """

    name: str
    deviation: float
    passed: bool
    remark: str = ""


@dataclass(frozen=True)
class InvarianceReport:
    """All checks of one model.

    Attributes:
      results: in order.
      tolerance: that the deviations were held against.
      leak: the first layer that leaks, None where all checks passed (or no layer can be blamed).
    """

    results: tuple[CheckResult, ...]
    tolerance: float
    leak: Leak | None

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(result.passed for result in self.results)

    @property
    def largest(self) -> float:
        """The largest deviation of all."""
        return max(result.deviation for result in self.results)


def check_padding_invariance(
    model: keras.Model,
    batch: Mapping[str, np.ndarray],
    lengths: Mapping[str, np.ndarray] | None = None,
    side: str = "post",
    tolerance: float | None = None,
) -> InvarianceReport:
    """Checks that padding, neighbours and buckets change no prediction of a model.

    Args:
      model: any Keras model.
      batch: its inputs by name, padded; some rows should be shorter than others. A model of one input may
        name it freely.
      lengths: name -> integer[rows] of the sequences, where the batch does not hold NAME_length.
      side: "post" or "pre", where the batch is padded.
      tolerance: largest change allowed; by the model's precision when None.

    Returns:
      The report, with the first leaking layer where a check failed.

    Raises:
      InputError: a batch without a sequence of known lengths.
    """
    return check_rows(model, unpad(batch, lengths, side), tolerance)


def check_rows(model: keras.Model, rows: Rows, tolerance: float | None = None) -> InvarianceReport:
    """As `check_padding_invariance`, of rows without padding."""
    if tolerance is None:
        tolerance = TOLERANCES[keras.backend.standardize_dtype(model.compute_dtype)]
    reference = _attempt(model, rows.pad(rows.longest()))
    fixed = isinstance(reference, str)
    if fixed:  # built for one padded length
        reference = _attempt(model, rows.pad(rows.padded))
    if isinstance(reference, str):
        return InvarianceReport((CheckResult("reference", float("inf"), False, reference),), tolerance, None)
    run = _Checks(model, rows, reference, tolerance)
    results = tuple(check() for check in run.all())
    report = InvarianceReport(results, tolerance, None)
    if report.passed:
        return report
    return InvarianceReport(results, tolerance, find_leak(model, rows, tolerance, rows.padded if fixed else None))


def find_leak(model: keras.Model, rows: Rows, tolerance: float, base: Mapping[str, int] | None = None) -> Leak | None:
    """The first layer that leaks, over all ways to pad.

    Args:
      model: any Keras model.
      rows: to send.
      tolerance: below which outputs are equal.
      base: padded lengths to start from; the longest rows when None.
    """
    base = dict(base or rows.longest())
    rows = rows.pick(np.unique(np.linspace(0, rows.count - 1, LEAK_ROWS).round().astype(int)).tolist())
    less = record(model, rows.pad(base))
    ways: list[tuple[Mapping[str, int], float | None]] = [
        (_longer(base, 2, 0), None),
        (_longer(base, 1, 1), None),
        (_longer(base, 1, 2), None),
        (_longer(base, 1, 3), None),
    ]
    if rows.length_inputs:
        ways.append((base, float("nan")))
    for steps, filling in ways:
        leak = first_leak(less, record(model, rows.pad(steps, filling)), rows, max(base.values()), tolerance)
        if leak is not None:
            return leak
    return None


class _Checks:
    """The checks of one model on some rows."""

    def __init__(self, model: keras.Model, rows: Rows, reference: np.ndarray, tolerance: float) -> None:
        self.model = model
        self.rows = rows
        self.reference = reference
        self.tolerance = tolerance

    def all(self) -> list[Callable[[], CheckResult]]:
        """Every check, in order."""
        longest = self.rows.longest()
        checks: list[Callable[[], CheckResult]] = [self.alone, self.beside_the_longest]
        for extra in (1, 2, 3):
            name = f"{extra} step{'s' * (extra > 1)} more"
            checks.append(partial(self.padded, name, _longer(longest, 1, extra)))
        checks.append(partial(self.padded, "other bucket", _longer(longest, 2, 0)))
        if self.rows.length_inputs:
            checks.append(partial(self.padded, "content 7", _longer(longest, 1, 2), 7.0))
            checks.append(partial(self.padded, "content NaN", _longer(longest, 1, 2), float("nan")))
        return [*checks, self.empty]

    def alone(self) -> CheckResult:
        """Each row by itself, without padding."""
        return self._by_row("alone", lambda row: self.rows.pick([row]))

    def beside_the_longest(self) -> CheckResult:
        """Each row in a batch of two with the longest."""
        total = np.sum([[len(row) for row in values] for values in self.rows.sequences.values()], axis=0)
        longest = int(np.argmax(total))
        return self._by_row("next to longest", lambda row: self.rows.pick([row, longest]))

    def padded(self, name: str, steps: Mapping[str, int], filling: float | None = None) -> CheckResult:
        """The batch in another padding."""
        return self._result(name, self.reference, _attempt(self.model, self.rows.pad(steps, filling)))

    def empty(self) -> CheckResult:
        """Rows without a step: finite."""
        rows = self.rows.emptied().pick([0])
        received = _attempt(self.model, rows.pad(rows.longest()))
        if isinstance(received, str):  # built for one padded length
            received = _attempt(self.model, rows.pad(self.rows.padded))
        if isinstance(received, str):
            return CheckResult("length 0", float("inf"), False, received)
        finite = bool(np.isfinite(received).all())
        remark = "" if finite else f"the prediction is {received[0].tolist()}"
        return CheckResult("length 0", 0.0 if finite else float("inf"), finite, remark)

    def _by_row(self, name: str, batch_of: Callable[[int], Rows]) -> CheckResult:
        worst = CheckResult(name, 0.0, True)
        for row in range(self.rows.count):
            rows = batch_of(row)
            received = _attempt(self.model, rows.pad(rows.longest()))
            one = received if isinstance(received, str) else received[:1]
            result = self._result(name, self.reference[row : row + 1], one)
            worst = max(worst, result, key=lambda candidate: candidate.deviation)
        return worst

    def _result(self, name: str, expected: np.ndarray, received: np.ndarray | str) -> CheckResult:
        if isinstance(received, str):
            return CheckResult(name, float("inf"), False, received)
        if expected.shape != received.shape:  # an output at every step: its real steps come first
            return CheckResult(name, float("inf"), False, f"shape {received.shape} for {expected.shape}")
        difference = np.abs(received - expected) / np.maximum(1.0, np.abs(expected))
        deviation = float(np.max(np.where(np.isfinite(difference), difference, np.inf)))
        return CheckResult(name, deviation, deviation <= self.tolerance)


def _longer(steps: Mapping[str, int], times: int, more: int) -> dict[str, int]:
    return {name: times * count + more for name, count in steps.items()}


def _attempt(model: keras.Model, inputs: Mapping[str, np.ndarray]) -> np.ndarray | str:
    """The prediction, or why there is none."""
    try:
        return predict(model, inputs)
    except Exception as error:  # noqa: BLE001 (whatever a user's layer raises is a finding)
        return f"the model refuses the shape: {cause_of(error)}"
