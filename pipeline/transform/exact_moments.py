"""Mean and standard deviation of float32 channels, exact, so that the order of rows cannot move a bit.

Floating-point sums depend on order; a dataset digest must not. A float32 is an integer of at most 24 bits times a
power of two, so sums of values and of squares are sums of integers. They are gathered by exponent (in float64, exact
below 2**53) and added up in Python integers, in units of 2**-172 (values) and 2**-344 (squares), the finest that a
float32 can need. Rounding happens once, at the end.

NaN means "not observed" and is left out. Subnormal values count as 0: libraries switch them off in some threads and
not in others, so nothing exact can be said of them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

_MANTISSA_BITS = 24
_LOWEST_EXPONENT = -172  # frexp of the smallest subnormal, 2**-149, gives 0.5 * 2**-148; less 24 mantissa bits
_LOW_BITS = 12
_SMALLEST_NORMAL = np.finfo(np.float32).tiny
# Rows gathered at once: 2**24 values of 2**24 stay below 2**53.
_BLOCK = 1 << 24


@dataclass(frozen=True)
class ExactMoments:
    """Sums of one channel.

    Attributes:
      count: observed values.
      missing: values that were NaN.
      total: sum of values, in units of 2**-172.
      squares: sum of squares, in units of 2**-344.
      minimum, maximum: of observed values; +inf and -inf without any.
    """

    count: int = 0
    missing: int = 0
    total: int = 0
    squares: int = 0
    minimum: float = math.inf
    maximum: float = -math.inf

    @property
    def mean(self) -> float:
        """Mean of observed values; 0 without any."""
        return float(Fraction(self.total, self.count) / 2**-_LOWEST_EXPONENT) if self.count else 0.0

    @property
    def standard_deviation(self) -> float:
        """Population standard deviation; 0 without values."""
        if not self.count:
            return 0.0
        variance = (Fraction(self.squares) - Fraction(self.total**2, self.count)) / self.count
        return math.sqrt(float(variance / 2 ** (-2 * _LOWEST_EXPONENT)))


def moments_of(values: np.ndarray) -> list[ExactMoments]:
    """Exact sums of every channel.

    Args:
      values: float32[steps, channels], NaN = not observed, no infinity.

    Returns:
      One ExactMoments a channel.
    """
    parts = [
        [_channel(values[start : start + _BLOCK, channel]) for channel in range(values.shape[1])]
        for start in range(0, max(len(values), 1), _BLOCK)
    ]
    return merge_moments(parts)


def _channel(values: np.ndarray) -> ExactMoments:
    observed = values[~np.isnan(values)]
    if not len(observed):
        return ExactMoments(missing=len(values))
    observed = np.where(np.abs(observed) < _SMALLEST_NORMAL, np.float32(0), observed)
    fraction, exponent = np.frexp(observed.astype(np.float64))
    mantissa = np.rint(np.abs(fraction) * (1 << _MANTISSA_BITS)).astype(np.int64)
    sign = np.sign(fraction)
    exponent = exponent.astype(np.int64) - _MANTISSA_BITS
    base = int(exponent.min())
    place = exponent - base
    high, low = mantissa >> _LOW_BITS, mantissa & ((1 << _LOW_BITS) - 1)
    total = _weigh(np.bincount(place, sign * mantissa), base - _LOWEST_EXPONENT, 1)
    shift = 2 * (base - _LOWEST_EXPONENT)
    squares = (
        (_weigh(np.bincount(place, high * high), shift, 2) << (2 * _LOW_BITS))
        + (_weigh(np.bincount(place, high * low), shift, 2) << (_LOW_BITS + 1))
        + _weigh(np.bincount(place, low * low), shift, 2)
    )
    return ExactMoments(
        count=len(observed),
        missing=len(values) - len(observed),
        total=total,
        squares=squares,
        minimum=float(observed.min()),
        maximum=float(observed.max()),
    )


def _weigh(sums: np.ndarray, shift: int, step: int) -> int:
    """Adds integer-valued float64 sums, the i-th in units of 2**(shift + step * i)."""
    return sum(int(value) << (shift + step * place) for place, value in enumerate(sums) if value)


def merge_moments(parts: Iterable[list[ExactMoments]]) -> list[ExactMoments]:
    """Channel by channel sums of all parts; an empty list of none.

    Raises:
      ValueError: parts with different numbers of channels.
    """
    merged: list[ExactMoments] = []
    for part in parts:
        if not merged:
            merged = part
            continue
        merged = [
            ExactMoments(
                count=a.count + b.count,
                missing=a.missing + b.missing,
                total=a.total + b.total,
                squares=a.squares + b.squares,
                minimum=min(a.minimum, b.minimum),
                maximum=max(a.maximum, b.maximum),
            )
            for a, b in zip(merged, part, strict=True)
        ]
    return merged


def moments_to_json(moments: list[ExactMoments]) -> str:
    """One object a channel; large integers as hexadecimal text."""
    return json.dumps(
        [
            [m.count, m.missing, hex(m.total), hex(m.squares), float(m.minimum).hex(), float(m.maximum).hex()]
            for m in moments
        ]
    )


def moments_from_json(text: str) -> list[ExactMoments]:
    """The inverse of moments_to_json."""
    return [
        ExactMoments(count, missing, int(total, 16), int(squares, 16), float.fromhex(low), float.fromhex(high))
        for count, missing, total, squares, low, high in json.loads(text)
    ]
