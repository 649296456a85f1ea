"""Reads tables of numbers as spreadsheets and people write them.

A byte order mark, UTF-16 (Excel's "Unicode text"), `;` or tabs between cells, a decimal comma, a
first line `sep=;`, spaces, empty lines and empty last columns are all accepted.
"""

from __future__ import annotations

import codecs
import csv
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from ..errors import DataError
from ..files import read_text

SEPARATORS = (";", "\t", ",")
"""By priority: a decimal comma makes `,` common in a table with another separator."""


@dataclass(frozen=True)
class Table:
    """Named columns; an empty cell is NaN."""

    path: Path
    names: list[str]
    """(n,) names of the columns."""
    rows: list[tuple[int, list[str]]]
    """(T,) line in the file, and cells."""
    decimal: str
    """The decimal separator besides the point."""

    @cached_property
    def values(self) -> np.ndarray:
        """(T, n). Raises DataError for a row of another length, or a cell that is no number."""
        numbers = [self._numbers(line, row) for line, row in self.rows]
        return np.array(numbers, np.float64).reshape(-1, len(self.names))

    def take(self, names: list[str]) -> np.ndarray:
        """(T, len(names)): the columns of these names. Raises DataError unless all are finite."""
        values = self._columns(names)
        for row, column in np.argwhere(~np.isfinite(values))[:1]:
            raise DataError(
                f"{self.path}: line {self.rows[row][0]}: {names[column]}:"
                f" got {values[row, column]}, allowed: a finite number"
            )
        return values

    def take_if_complete(self, names: list[str]) -> np.ndarray | None:
        """As `take`; None unless all numbers are finite, for quantities that few measure."""
        values = self._columns(names)
        return values if np.isfinite(values).all() else None

    def _columns(self, names: list[str]) -> np.ndarray:
        return self.values[:, [self.names.index(name) for name in names]]

    def _numbers(self, line: int, row: list[str]) -> list[float]:
        width = len(self.names)
        row = row if any(row[width:]) else row[:width]
        if len(row) != width:
            raise DataError(f"{self.path}: line {line}: got {len(row)} cells, allowed: {width}")
        numbers = []
        for name, cell in zip(self.names, row, strict=True):
            try:
                numbers.append(float(cell.replace(self.decimal, ".") or "nan"))
            except ValueError as error:
                raise DataError(
                    f"{self.path}: line {line}: {name}: got {cell!r}, allowed: numbers"
                ) from error
        return numbers


def read_table(path: Path) -> Table:
    """Read the table. Raises DataError if the file cannot be read."""
    lines = read_text(path, encoding=_encoding(path)).splitlines()
    separator, first = "", 1
    if lines and lines[0].lower().startswith("sep="):
        separator, first = lines[0][4:5], 2
    filled = [(n, line) for n, line in enumerate(lines[first - 1 :], first) if line.strip()]
    head = filled[0][1] if filled else ""
    separator = separator or next((s for s in SEPARATORS if s in head), ",")
    cells = [(n, _cells(line, separator)) for n, line in filled]
    rows = [(n, row) for n, row in cells if any(row)]
    names = _without_empty_end(rows[0][1]) if rows else []
    return Table(path, names, rows[1:], "," if separator != "," else ".")


def _encoding(path: Path) -> str:
    try:
        with path.open("rb") as file:
            wide = file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    except OSError:
        wide = False  # reading the whole file says why
    return "utf-16" if wide else "utf-8-sig"


def _cells(line: str, separator: str) -> list[str]:
    row = next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])
    return [cell.strip() for cell in row]


def _without_empty_end(row: list[str]) -> list[str]:
    while row and not row[-1]:
        row = row[:-1]
    return row
