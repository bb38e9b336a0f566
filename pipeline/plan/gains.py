"""What one more tuple would save, exactly, for every value of one of its coordinates at once.

    cell    a distinct joint length, with the number of its rows
    tuple   a padded length for each feature: one bucket
    limit   the price that every cell pays without the tuple in question
    gain    what the tuple saves: sum over the cells it covers of rows * max(0, limit - its cost)
    sweep   a tuple with all coordinates fixed but one, which runs over candidate values v

A cell within the fixed coordinates gains, once v reaches its own length and until its room is used up,

    rows * (room - step cost * v)      room = limit - cost of the fixed coordinates

so the whole gain is piecewise linear in v. Two running totals, of rows and of rows * room over the cells that have
entered and not yet left, give it for all v in time linear in the cells:

    cell length 3, room 8    v   2  3  4  6  8      gain of 1 row, step cost 1
                                 0  5  4  2  0

Assumes cells of distinct lengths and at least one candidate value as large as every cell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.plan.assignment import assign
from pipeline.plan.histogram import Integers

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Cells:
    """What is to be covered.

    Attributes:
      lengths: int64[n, features], distinct.
      rows: int64[n], above 0.
      step_costs: float64[features].
    """

    lengths: Integers
    rows: Integers
    step_costs: Floats

    def prices(self, tuples: Integers) -> Floats:
        """What each cell would pay in each tuple: float64[tuples, n], inf where it is not covered."""
        covered = np.ones((len(tuples), len(self.lengths)), dtype=bool)
        for column, limits in zip(self.lengths.T, tuples.T, strict=True):
            covered &= column <= limits[:, np.newaxis]
        return np.where(covered, (tuples @ self.step_costs)[:, np.newaxis], np.inf)

    def cost(self, tuples: Integers) -> float:
        """The padded cost of all rows under a plan that covers every cell."""
        rows_of_tuple = np.bincount(assign(self.lengths, tuples, self.step_costs), self.rows, minlength=len(tuples))
        return float(tuples @ self.step_costs @ rows_of_tuple)


class Sweep:
    """One coordinate of some tuples, swept over candidate values; what does not depend on the limit is worked out once.

    Args:
      cells: what is to be covered.
      tuples: int64[tuples, features]; coordinate `feature` is ignored.
      feature: the coordinate that is swept.
      values: int64[values], strictly increasing; the lengths of `cells` in this feature are among them.
    """

    def __init__(self, cells: Cells, tuples: Integers, feature: int, values: Integers) -> None:
        self.tuples, self.feature, self.values = tuples, feature, values
        covered = np.ones((len(tuples), len(cells.lengths)), dtype=bool)
        for other, (column, limits) in enumerate(zip(cells.lengths.T, tuples.T, strict=True)):
            if other != feature:
                covered &= column <= limits[:, np.newaxis]
        self._tuple, self._cell = np.nonzero(covered)
        self._step_cost = cells.step_costs[feature]
        self._fixed_cost = (tuples @ cells.step_costs - tuples[:, feature] * self._step_cost)[self._tuple]
        self._enters = np.searchsorted(values, cells.lengths[:, feature])[self._cell]
        self._least_cost = self._fixed_cost + values[self._enters] * self._step_cost
        self._rows = cells.rows[self._cell].astype(np.float64)

    def gains(self, limit: Floats) -> Floats:
        """The gain of each tuple at each value.

        Args:
          limit: float64[n], what each cell pays without the tuple.

        Returns:
          float64[tuples, values].
        """
        useful = np.flatnonzero(limit[self._cell] > self._least_cost)
        room = limit[self._cell[useful]] - self._fixed_cost[useful]
        rows = self._rows[useful]
        columns = len(self.values) + 1
        first = self._tuple[useful] * columns
        leaves = np.searchsorted(self.values * self._step_cost, room, side="left")
        places = np.concatenate([first + self._enters[useful], first + leaves])

        def running_total(amounts: Floats) -> Floats:
            changes = np.bincount(places, np.concatenate([amounts, -amounts]), minlength=len(self.tuples) * columns)
            totals: Floats = np.cumsum(changes.reshape(-1, columns), axis=1)
            return totals[:, :-1]

        gains: Floats = running_total(rows * room) - running_total(rows) * (self.values * self._step_cost)
        return gains

    def best(self, limit: Floats) -> tuple[Integers, float]:
        """The tuple of greatest gain, int64[features], the first of equals, and its gain."""
        gains = self.gains(limit)
        which, value = np.unravel_index(int(np.argmax(gains)), gains.shape)
        chosen = self.tuples[which].copy()
        chosen[self.feature] = self.values[value]
        return chosen, float(gains[which, value])
