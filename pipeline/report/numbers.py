"""Numbers as a person reads them."""

from __future__ import annotations


def count(value: int) -> str:
    """24,904"""
    return f"{value:,}"


def compact(value: float) -> str:
    """950, 12.3 k, 5.9 M, 2 G"""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e4)):
        if abs(value) >= size:
            return f"{value / (1e3 if unit == 'k' else size):.3g} {unit}"
    return f"{value:,.0f}"


def share(value: float, digits: int = 1) -> str:
    """92.5%; never 0% or 100% of what is not."""
    text = f"{value:.{digits}%}"
    least = 10**-digits
    if value > 0 and float(text[:-1]) == 0:
        return f"<{least:g}%"
    if value < 1 and float(text[:-1]) == 100:
        return f">{100 - least:g}%"
    return text


def number(value: float | None) -> str:
    """A measured value to four digits; a dash for none."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if value == int(value) and abs(value) < 1e6 else f"{value:.4g}"


def plural(value: int, word: str) -> str:
    """1 row, 2 rows, 3 classes"""
    ending = "" if value == 1 else "es" if word.endswith("s") else "s"
    return f"{value:,} {word}{ending}"
