"""Renders on disk: safetensors files with a few hundred samples each, and `dataset.json`.

Each file contains, for n samples and V cameras (frame palm, units m and rad):

    images           (n, V, H, W, 3) uint8
    position         (n, 3) float32       object_to_palm
    wxyz             (n, 4) float32       object_to_palm, w >= 0
    joint_position   (n, J) float32       Shadow's joints
    camera_position  (n, V, 3) float32    camera_to_palm as calibrated
    camera_rotation  (n, V, 3, 3) float32
    true_position    (n, V, 3) float32    camera_to_palm as rendered: calibrated, and its error
    true_rotation    (n, V, 3, 3) float32
    true_fovy_deg    (n, V) float32
    drawn            (n, D) float32       drawn values of the look, named in dataset.json

with an object that has layers:

    object_joints    (n, J) float32       their angles

and, if the samples have their own parameters (draws.py):

    parameters       (n, P) float32       parameters, named in draws.safetensors
    boundary         (n,) int64           ADR boundary that the sample tests, or -1
    version          (n,) int64           version of that boundary
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
from ...files import atomic_path, read_json, utf8_name, write_json
from ..config import RenderConfig

FORMAT = 2
INDEX = "dataset.json"
LABELS = ("position", "wxyz", "joint_position", "camera_position", "camera_rotation",
          "true_position", "true_rotation", "true_fovy_deg")  # fmt: skip
LAYERS = "object_joints"
Arrays = dict[str, np.ndarray]


def inputs_of(shard: Arrays) -> tuple[str, ...]:
    """The arrays that a pose network learns from: pictures and labels."""
    return ("images", *LABELS, *((LAYERS,) if LAYERS in shard else ()))


def shard_path(folder: Path, index: int) -> Path:
    """Path of a shard."""
    return folder / f"shard-{index:05d}.safetensors"


def write_shard(path: Path, arrays: Arrays, drawn: list[str]) -> None:
    """Write a shard atomically; `drawn` names the columns of the array `drawn`."""
    with atomic_path(path) as temporary:
        save_file(arrays, temporary, {"drawn": " ".join(drawn)})


def read_shard(path: Path) -> Arrays:
    """The arrays of a shard. Raises DataError if the file is missing or damaged."""
    try:
        with utf8_name(path) as name, safe_open(name, framework="numpy") as file:
            return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise DataError(f"{path}: not a file of renders: {error}") from error


def shard_size(path: Path) -> int:
    """Number of samples in a shard; 0 if the file is missing or incomplete."""
    try:
        with utf8_name(path) as name, safe_open(name, framework="numpy") as file:
            return int(file.get_slice("position").get_shape()[0])
    except (OSError, SafetensorError):
        return 0


def drawn_names(path: Path) -> list[str]:
    """Names of the columns of the array `drawn`."""
    with utf8_name(path) as name, safe_open(name, framework="numpy") as file:
        return str((file.metadata() or {})["drawn"]).split()


@dataclass(frozen=True)
class Renders:
    """A folder of renders."""

    folder: Path
    config: RenderConfig
    sizes: tuple[int, ...]
    """Number of samples in each shard."""

    @property
    def count(self) -> int:
        """Total number of samples."""
        return sum(self.sizes)

    def shard(self, index: int) -> Arrays:
        """The arrays of one shard. Raises DataError."""
        arrays = read_shard(shard_path(self.folder, index))
        views, edge = len(self.config.cameras.views), self.config.cameras.image_px
        expected = (self.sizes[index], views, edge, edge, 3)
        got = arrays["images"].shape if "images" in arrays else "nothing"
        if got != expected:
            path = shard_path(self.folder, index)
            raise DataError(f"{path}: images: got {got}, allowed: {expected}, as in {INDEX}")
        return arrays

    def shards(self) -> Iterator[Arrays]:
        """The arrays of every shard, in order."""
        return (self.shard(index) for index in range(len(self.sizes)))


def write_index(folder: Path, config: RenderConfig, sizes: list[int], versions: Any) -> None:
    """Write `dataset.json`, which marks the renders as complete."""
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
