"""Demonstrations in memory, as tensors; pictures stay JPEG files until they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...envs.mdp.observations import CAMERA_IMAGES, Sensors
from ...errors import DataError
from .manifest import INDEX, DemonstrationsManifest, read_manifest
from .pictures import decoded
from .shards import Arrays, read_shard


@dataclass(frozen=True)
class Demonstrations:
    """E episodes with M steps in all."""

    folder: Path
    manifest: DemonstrationsManifest
    arrays: dict[str, Tensor]
    """Name -> (M, ...), see `DemonstrationsManifest.arrays`."""
    begins: Tensor
    ends: Tensor
    """(E,) rows of each episode: from `begins` to `ends - 1`."""
    terminated: Tensor
    """(E,) bool: it ended by a drop or a failure."""
    picture_ends: np.ndarray
    """(M * V,) end of each JPEG file in `picture_bytes`."""
    picture_bytes: np.ndarray

    @property
    def episodes(self) -> int:
        """Number of episodes."""
        return len(self.begins)

    def sensors(self, rows: Tensor) -> Sensors:
        """What the policy observed in `rows` (K,), (K, ...) each, without pictures."""
        return self._group("sensors.", rows)

    def truth(self, rows: Tensor) -> Sensors:
        """The true state in `rows` (K,)."""
        return {**self.sensors(rows), **self._group("truth.", rows)}

    def pictures(self, rows: Tensor) -> Sensors:
        """The sensor `camera_images` (K, V, S, S, 3) uint8. Raises DataError."""
        assert self.manifest.pictures is not None
        views = len(self.manifest.pictures.cameras)
        files = (rows.unsqueeze(-1) * views + torch.arange(views)).flatten().tolist()
        images = np.stack([decoded(self.jpeg(file), str(self.folder)) for file in files])
        return {
            CAMERA_IMAGES.name: torch.from_numpy(images.reshape(-1, views, *images.shape[1:])),
        }

    def jpeg(self, file: int) -> bytes:
        """The JPEG file of camera `file % V` in row `file // V`."""
        begin = self.picture_ends[file - 1] if file else 0
        return self.picture_bytes[begin : self.picture_ends[file]].tobytes()

    def _group(self, prefix: str, rows: Tensor) -> Sensors:
        names = (name for name in self.arrays if name.startswith(prefix))
        return {name.removeprefix(prefix): self.arrays[name][rows] for name in names}


def open_demonstrations(folder: Path) -> Demonstrations:
    """Read a data set. Raises DataError, one line, for one that is empty, damaged or mixed."""
    manifest = read_manifest(folder)
    if not manifest.shards:
        raise DataError(f"{folder / INDEX}: shards: got no episodes, allowed: one or more")
    shards = [read_shard(folder, manifest, shard) for shard in manifest.shards]
    ends = torch.from_numpy(np.concatenate([shard["length"] for shard in shards])).cumsum(0)
    return Demonstrations(
        folder,
        manifest,
        {name: torch.from_numpy(_all(shards, name)) for name in manifest.arrays()},
        torch.cat((ends.new_zeros(1), ends[:-1])),
        ends,
        torch.from_numpy(_all(shards, "terminated")),
        *_pictures(shards),
    )


def _all(shards: list[Arrays], name: str) -> np.ndarray:
    return np.concatenate([shard[name] for shard in shards])


def _pictures(shards: list[Arrays]) -> tuple[np.ndarray, np.ndarray]:
    if "pictures" not in shards[0]:
        return np.zeros(0, np.int64), np.zeros(0, np.uint8)
    sizes = [len(shard["pictures"]) for shard in shards]
    before = np.cumsum([0, *sizes[:-1]])
    ends = [shard["picture_end"] + at for shard, at in zip(shards, before, strict=True)]
    return np.concatenate(ends), _all(shards, "pictures")
