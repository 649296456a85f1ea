"""Formats values from a file, which may be of any type, as text for a page."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any

NONE = "–"


def number(value: Any) -> float | None:
    """`value` if it is a finite number."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and abs(value) < 1e300 else None


def numbers(value: Any) -> list[float]:
    """The finite numbers of a list; empty for anything else."""
    parsed = map(number, value) if isinstance(value, list) else ()
    return [item for item in parsed if item is not None]


def short(value: float, digits: int = 3) -> str:
    """A number in few characters: 12.5M, 8.2k, 0.031, 5e-05."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size * 0.9995:
            return f"{value / size:.{digits}g}{letter}"
    return f"{value:.{digits}g}"


def show(value: Any, unit: str = "") -> str:
    """A number in few characters; a dash for anything else."""
    parsed = number(value)
    if parsed is None:
        return NONE
    return f"{parsed:.4g}{unit}" if abs(parsed) < 1e4 else f"{parsed:,.0f}{unit}"


def pair(mean: Any, error: Any) -> str:
    """A mean and its standard error."""
    center, spread = number(mean), number(error)
    if center is None:
        return NONE
    digits = 1 if abs(center) >= 10 else 2
    words = f"{center:.{digits}f}"
    return words if spread is None else f"{words} ± {spread:.{digits}f}"


def milliseconds(seconds: Any) -> str:
    """Seconds as ms."""
    parsed = number(seconds)
    return f"{1e3 * parsed:g} ms" if parsed is not None else NONE


def columns(rows: Sequence[Sequence[str]], numbers: Container[int]) -> list[str]:
    """Lines of a text table whose columns fit their cells; `numbers` are set to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]

    def line(row: Sequence[str]) -> str:
        cells = [
            cell.rjust(width) if i in numbers else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        return "  ".join(cells).rstrip()

    return [line(row) for row in rows]
