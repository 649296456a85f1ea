"""What each render of a folder is drawn with, where that is not the config's own ranges.

Whoever decides about ranges (train) writes it before the rendering; every shard then carries the
rows of its samples, so that a render tells by itself what it was drawn with and what for.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from ...errors import ConfigError, DataError
from ...files import atomic_path
from .render_parameters import lookup

FILE = "draws.safetensors"


@dataclass(frozen=True)
class Draws:
    """n samples and the D parameters that differ between them."""

    names: tuple[str, ...]
    """(D) rows of `parameters`."""
    values: np.ndarray
    """(n, D) float64, each in its parameter's unit."""
    boundary: np.ndarray
    """(n,) int64: which end of which range the sample tries, or -1 for an ordinary one."""
    version: np.ndarray
    """(n,) int64: of that end, as `adr` counts its moves."""

    def __post_init__(self) -> None:
        """Raises ConfigError for unknown parameters, values beyond limits, wrong shapes."""
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
        """Parameter -> the value of one sample, as a range of one point."""
        row = map(float, self.values[number])
        return {name: (value, value) for name, value in zip(self.names, row, strict=True)}

    def rows(self, first: int, count: int) -> dict[str, np.ndarray]:
        """The arrays of a shard's samples."""
        chosen = slice(first, first + count)
        return {"parameters": self.values[chosen].astype(np.float32),
                "boundary": self.boundary[chosen], "version": self.version[chosen]}  # fmt: skip

    def same(self, other: Draws) -> bool:
        """Whether both say the same."""
        pairs = zip(self.rows(0, len(self)).values(), other.rows(0, len(other)).values(),
                    strict=True)  # fmt: skip
        return self.names == other.names and all(np.array_equal(a, b) for a, b in pairs)


def write_draws(path: Path, draws: Draws) -> None:
    """Write atomically."""
    arrays = {"values": draws.values, "boundary": draws.boundary, "version": draws.version}
    with atomic_path(path) as temporary:
        save_file({name: np.ascontiguousarray(a) for name, a in arrays.items()}, temporary,
                  {"names": " ".join(draws.names)})  # fmt: skip


def read_draws(path: Path) -> Draws:
    """Read what `write_draws` wrote. Raises DataError."""
    try:
        with safe_open(path, framework="numpy") as file:
            names = tuple((file.metadata() or {}).get("names", "").split())
            arrays = [file.get_tensor(key) for key in ("values", "boundary", "version")]
    except (OSError, SafetensorError) as error:
        raise DataError(f"{path}: not a file of draws: {error}") from error
    try:
        return Draws(names, *arrays)
    except ConfigError as error:
        raise DataError(f"{path}: {error}") from error
