"""Renders on disk: one safetensors file per few hundred samples, and `dataset.json`.

Each file holds, for n samples and V cameras (frame palm, units m and rad):

    images           (n, V, H, W, 3) uint8
    position         (n, 3) float32       object_to_palm
    wxyz             (n, 4) float32       object_to_palm, w >= 0
    joint_position   (n, J) float32       Shadow's joints
    camera_position  (n, V, 3) float32    camera_to_palm as a calibration tells it
    camera_rotation  (n, V, 3, 3) float32
    drawn            (n, D) float32       numbers of the look, named in dataset.json

and where samples have ranges of their own (`draws`):

    parameters       (n, P) float32       what each was drawn with, named in draws.safetensors
    boundary         (n,) int64           the end of a range that it tries, or -1
    version          (n,) int64           of that end
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from ...config import from_dict, to_dict
from ...errors import ConfigError, DataError
from ...files import atomic_path, read_json, write_json
from ..config import RenderConfig

FORMAT = 1
INDEX = "dataset.json"
LABELS = ("position", "wxyz", "joint_position", "camera_position", "camera_rotation")
Arrays = dict[str, np.ndarray]


def shard_path(folder: Path, index: int) -> Path:
    """The file of one shard."""
    return folder / f"shard-{index:05d}.safetensors"


def write_shard(path: Path, arrays: Arrays, drawn: list[str]) -> None:
    """Write atomically."""
    with atomic_path(path) as temporary:
        save_file(arrays, temporary, {"drawn": " ".join(drawn)})


def read_shard(path: Path) -> Arrays:
    """The arrays of one file. Raises DataError when it is missing or damaged."""
    try:
        with safe_open(path, framework="numpy") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise DataError(f"{path}: not a file of renders: {error}") from error


def shard_size(path: Path) -> int:
    """Samples in a file; 0 where there is none, or half of one."""
    try:
        with safe_open(path, framework="numpy") as file:
            return int(file.get_slice("position").get_shape()[0])
    except (OSError, SafetensorError):
        return 0


def drawn_names(path: Path) -> list[str]:
    """Names of the columns of `drawn`."""
    with safe_open(path, framework="numpy") as file:
        return str((file.metadata() or {})["drawn"]).split()


@dataclass(frozen=True)
class Renders:
    """A folder of renders."""

    folder: Path
    config: RenderConfig
    sizes: tuple[int, ...]
    """Samples in each shard."""

    @property
    def count(self) -> int:
        """Samples in all."""
        return sum(self.sizes)

    def shard(self, index: int) -> Arrays:
        """The arrays of one shard. Raises DataError."""
        arrays = read_shard(shard_path(self.folder, index))
        views, edge = len(self.config.cameras.views), self.config.cameras.image_px
        wanted = (self.sizes[index], views, edge, edge, 3)
        got = arrays["images"].shape if "images" in arrays else "nothing"
        if got != wanted:
            path = shard_path(self.folder, index)
            raise DataError(f"{path}: images: got {got}, allowed: {wanted}, as in {INDEX}")
        return arrays

    def shards(self) -> Iterator[Arrays]:
        """Every shard, in order."""
        return (self.shard(index) for index in range(len(self.sizes)))


def write_index(folder: Path, config: RenderConfig, sizes: list[int], versions: Any) -> None:
    """Write `dataset.json`: the renders are complete."""
    drawn = drawn_names(shard_path(folder, 0))
    data = {"format": FORMAT, "count": sum(sizes), "sizes": sizes, "drawn": drawn,
            "versions": versions, "config": to_dict(config)}  # fmt: skip
    write_json(folder / INDEX, data)


def open_renders(folder: str | Path) -> Renders:
    """Read `dataset.json`. Raises DataError with one line: file, field, got, allowed."""
    path = Path(folder) / INDEX
    data = read_json(path, DataError)
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        got = data.get("format") if isinstance(data, dict) else type(data).__name__
        raise DataError(f"{path}: format: got {got}, allowed: {FORMAT}")
    sizes = data.get("sizes")
    if not isinstance(sizes, list) or not sizes or not all(type(n) is int and n > 0 for n in sizes):
        raise DataError(f"{path}: sizes: got {sizes!r:.40}, allowed: a list of counts")
    try:
        config = from_dict(RenderConfig, data.get("config"), f"{path}: config")
    except ConfigError as error:
        raise DataError(str(error)) from error
    return Renders(Path(folder), config, tuple(sizes))
