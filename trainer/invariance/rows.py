"""A batch as rows without padding, to be padded again in any way.

    batch  {"text": [[7 2 0 0]      lengths {"text": [2 4]}   ->   text  [[7 2], [1 1 3 5]]
                     [1 1 3 5]]}

A sequence's lengths are the input NAME_length where the batch has one, or are given beside it. Inputs without lengths
are context: they stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from schemas.errors import InputError

LENGTH_SUFFIX = "_length"


@dataclass(frozen=True)
class Rows:
    """Rows of a batch.

    Attributes:
      sequences: name -> one array [length] or [length, channels] for each row.
      context: name -> array with a first axis of rows.
      length_inputs: sequences whose lengths the model is told, as input NAME_length.
      side: "post" or "pre", where padding stands.
      padded: name -> padded length that the batch came with.
      value: what stands in the padding.
    """

    sequences: Mapping[str, Sequence[np.ndarray]]
    context: Mapping[str, np.ndarray]
    length_inputs: frozenset[str]
    side: str
    padded: Mapping[str, int]
    value: float = 0.0

    @property
    def count(self) -> int:
        """Number of rows."""
        return len(next(iter(self.sequences.values())))

    def longest(self) -> dict[str, int]:
        """The longest row of every sequence, at least 1."""
        return {name: max(1, *(len(row) for row in rows)) for name, rows in self.sequences.items()}

    def pick(self, rows: Sequence[int]) -> Rows:
        """Some rows, in the order given."""
        sequences = {name: [values[row] for row in rows] for name, values in self.sequences.items()}
        context = {name: values[list(rows)] for name, values in self.context.items()}
        return Rows(sequences, context, self.length_inputs, self.side, self.padded, self.value)

    def emptied(self) -> Rows:
        """The same rows without a single step."""
        sequences = {name: [row[:0] for row in rows] for name, rows in self.sequences.items()}
        return Rows(sequences, self.context, self.length_inputs, self.side, self.padded, self.value)

    def pad(self, steps: Mapping[str, int], filling: float | None = None) -> dict[str, np.ndarray]:
        """Model inputs.

        Args:
          steps: padded length of every sequence.
          filling: what stands in the padding; `value` when None. Integers cannot hold NaN and get 1 for it.
        """
        filling = self.value if filling is None else filling
        inputs = dict(self.context)
        for name, rows in self.sequences.items():
            dtype = rows[0].dtype
            fill = 1 if np.issubdtype(dtype, np.integer) and not np.isfinite(filling) else filling
            values = np.full((len(rows), steps[name], *rows[0].shape[1:]), fill).astype(dtype)
            for target, row in zip(values, rows, strict=True):
                place = slice(0, len(row)) if self.side == "post" else slice(steps[name] - len(row), steps[name])
                target[place] = row
            inputs[name] = values
            if name in self.length_inputs:
                inputs[f"{name}{LENGTH_SUFFIX}"] = np.array([len(row) for row in rows], np.int32)
        return inputs


def unpad(
    batch: Mapping[str, np.ndarray],
    lengths: Mapping[str, np.ndarray] | None = None,
    side: str = "post",
    value: float = 0.0,
) -> Rows:
    """Takes a padded batch apart.

    Args:
      batch: model inputs, [rows, steps] or [rows, steps, channels] for a sequence.
      lengths: name -> integer[rows], for sequences whose lengths the model is not told.
      side: "post" or "pre", where the batch is padded.
      value: what its padding holds.

    Raises:
      InputError: no sequence, lengths of no input, or lengths beyond the padded axis.
    """
    told = {
        name.removesuffix(LENGTH_SUFFIX): np.asarray(values)
        for name, values in batch.items()
        if name.endswith(LENGTH_SUFFIX) and name.removesuffix(LENGTH_SUFFIX) in batch
    }
    known = {**told, **{name: np.asarray(values) for name, values in (lengths or {}).items()}}
    unknown = [name for name in known if name not in batch]
    if unknown or not known:
        raise InputError(
            f"received the inputs {', '.join(batch)} and lengths of {', '.join(known) or 'none'}; expected the lengths "
            "of at least one of the inputs, as NAME_length in the batch or in `lengths`"
        )
    sequences = {}
    for name, counts in known.items():
        values = np.asarray(batch[name])
        if counts.shape != values.shape[:1] or counts.min() < 0 or counts.max() > values.shape[1]:
            raise InputError(
                f"{name}: received lengths {counts.tolist()} for a batch of shape {values.shape}, expected one number "
                f"from 0 to {values.shape[1]} for each row"
            )
        sequences[name] = [
            row[:count] if side == "post" else row[len(row) - count :]
            for row, count in zip(values, counts, strict=True)
        ]
    own = {f"{name}{LENGTH_SUFFIX}" for name in told}
    context = {name: np.asarray(values) for name, values in batch.items() if name not in sequences and name not in own}
    padded = {name: np.asarray(batch[name]).shape[1] for name in sequences}
    return Rows(sequences, context, frozenset(told), side, padded, value)
