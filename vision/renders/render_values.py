"""Parameter values of each render in a folder, if they do not come from the config's ranges.

ADR in `train` writes the file before rendering. Every shard then contains the rows of its samples,
so that each render has its parameters and its purpose.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from ...errors import ConfigError, DataError
from ...files import atomic_path, utf8_name
from .render_parameters import lookup

FILE = "draws.safetensors"


@dataclass(frozen=True)
class RenderValues:
    """Values of D parameters for n samples."""

    names: tuple[str, ...]
    """(D,) names of rows in render_parameters.py."""
    values: np.ndarray
    """(n, D) float64, each column in the unit of its parameter."""
    boundary: np.ndarray
    """(n,) int64: the ADR boundary that the sample tests, or -1 for an ordinary sample."""
    version: np.ndarray
    """(n,) int64: version of that boundary in `adr`."""

    def __post_init__(self) -> None:
        """Raise ConfigError for unknown parameters, values outside their limits, wrong shapes."""
        n = len(self.values)
        shapes = (self.values.shape, self.boundary.shape, self.version.shape)
        if shapes != ((n, len(self.names)), (n,), (n,)):
            raise ConfigError(f"draws: got arrays {shapes}, allowed: (n, {len(self.names)}), (n,)")
        for name, column in zip(self.names, self.values.T, strict=True):
            low, high = lookup(name, "draws").limits
            if not ((low <= column) & (column <= high)).all():
                got = f"{column.min():g} to {column.max():g}"
                raise ConfigError(f"draws: {name}: got {got}, allowed: [{low:g}, {high:g}]")

    def __len__(self) -> int:
        return len(self.values)

    def sample(self, number: int) -> dict[str, tuple[float, float]]:
        """Parameter -> value of one sample, as a range with equal ends."""
        row = map(float, self.values[number])
        return {name: (value, value) for name, value in zip(self.names, row, strict=True)}

    def rows(self, first: int, count: int) -> dict[str, np.ndarray]:
        """The arrays of a shard's samples."""
        rows = slice(first, first + count)
        return {"parameters": self.values[rows].astype(np.float32),
                "boundary": self.boundary[rows], "version": self.version[rows]}  # fmt: skip

    def same(self, other: RenderValues) -> bool:
        """Whether both have the same contents."""
        pairs = zip(self.rows(0, len(self)).values(), other.rows(0, len(other)).values(),
                    strict=True)  # fmt: skip
        return self.names == other.names and all(np.array_equal(a, b) for a, b in pairs)


def write_values(path: Path, draws: RenderValues) -> None:
    """Write `draws` atomically."""
    arrays = {"values": draws.values, "boundary": draws.boundary, "version": draws.version}
    with atomic_path(path) as temporary:
        save_file({name: np.ascontiguousarray(a) for name, a in arrays.items()}, temporary,
                  {"names": " ".join(draws.names)})  # fmt: skip


def read_values(path: Path) -> RenderValues:
    """Read what `write_values` wrote. Raises DataError."""
    try:
        with utf8_name(path) as name, safe_open(name, framework="numpy") as file:
            names = tuple((file.metadata() or {}).get("names", "").split())
            arrays = [file.get_tensor(key) for key in ("values", "boundary", "version")]
    except (OSError, SafetensorError) as error:
        raise DataError(f"{path}: not a file of draws: {error}") from error
    try:
        return RenderValues(names, *arrays)
    except ConfigError as error:
        raise DataError(f"{path}: {error}") from error
