"""Shards of demonstrations: safetensors files with some episodes each, one after the other.

For E episodes with M steps in all and V cameras:

    length        (E,) int64           steps of each episode
    terminated    (E,) bool            it ended by a drop or a failure; others were cut by a limit
    sensors.NAME  (M, ...) float32     what the policy observed before the step
    truth.NAME    (M, ...) float32     the true state, where it differs
    action        (M, A) float32       in [-1, 1], as it was taken
    mean, std     (M, A) float32       of the teacher's distribution over actions
    reward        (M,) float32
    success       (M,) bool            the step reached the goal
    picture_end   (M * V,) int64       end of each JPEG file in `pictures`
    pictures      (bytes,) uint8       the JPEG files, one after the other
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from ...errors import DataError
from ...files import atomic_path, utf8_name
from .manifest import INDEX, DemonstrationsManifest, ShardEntry, with_shard, write_manifest
from .pictures import check_pictures

Arrays = dict[str, np.ndarray]
SHARD_BYTES = 16 * 1024 * 1024
"""A shard is written when its episodes have this many bytes."""


@dataclass(frozen=True)
class Demonstration:
    """One episode of T steps."""

    arrays: Arrays
    """Name -> (T, ...), as the manifest says (`DemonstrationsManifest.arrays`)."""
    terminated: bool
    pictures: Sequence[bytes] = ()
    """(T * V) JPEG files; () without cameras."""

    @property
    def steps(self) -> int:
        """Control steps."""
        return len(self.arrays["action"])

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(a.nbytes for a in self.arrays.values()) + sum(map(len, self.pictures))


@dataclass
class DemonstrationWriter:
    """Writes episodes into a new folder; a context manager.

    The folder can be read at any time, and after a kill: `demonstrations.json` names a shard only
    once it is whole. Raises SleightError if the folder cannot be written.
    """

    folder: Path
    manifest: DemonstrationsManifest
    waiting: list[Demonstration] = field(default_factory=list)

    def __enter__(self) -> DemonstrationWriter:
        write_manifest(self.folder, self.manifest)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        # What has ended is kept when the work is interrupted.
        if kind is None or not issubclass(kind, Exception):
            self.flush()

    def add(self, episode: Demonstration) -> None:
        """Append an episode; it is on disk after the next `flush`."""
        self.waiting.append(episode)
        if sum(each.size for each in self.waiting) >= SHARD_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write the episodes that wait as a shard."""
        if not self.waiting:
            return
        name = f"shard-{len(self.manifest.shards):05d}.safetensors"
        with atomic_path(self.folder / name) as temporary:
            save_file(_joined(self.waiting, self.manifest), temporary, {"id": self.manifest.id})
        steps = sum(episode.steps for episode in self.waiting)
        self.manifest = with_shard(self.manifest, ShardEntry(name, len(self.waiting), steps))
        write_manifest(self.folder, self.manifest)
        self.waiting = []


def _joined(episodes: Sequence[Demonstration], manifest: DemonstrationsManifest) -> Arrays:
    arrays: Arrays = {
        name: np.ascontiguousarray(np.concatenate([e.arrays[name] for e in episodes]), dtype)
        for name, (dtype, _) in manifest.arrays().items()
    }
    arrays["length"] = np.array([episode.steps for episode in episodes], np.int64)
    arrays["terminated"] = np.array([episode.terminated for episode in episodes])
    if manifest.pictures is not None:
        files = [jpeg for episode in episodes for jpeg in episode.pictures]
        arrays["picture_end"] = np.cumsum([len(jpeg) for jpeg in files], dtype=np.int64)
        arrays["pictures"] = np.frombuffer(b"".join(files), np.uint8)
    return arrays


def read_shard(folder: Path, manifest: DemonstrationsManifest, shard: ShardEntry) -> Arrays:
    """The arrays of a shard, as the manifest says. Raises DataError for anything else."""
    path = folder / shard.file
    try:
        with utf8_name(path) as name, safe_open(name, framework="numpy") as file:
            got_id = (file.metadata() or {}).get("id", "nothing")
            arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise DataError(f"{path}: not a shard of demonstrations: {error}") from error
    if got_id != manifest.id:
        raise DataError(f"{path}: id: got {got_id:.40}, allowed: {manifest.id}, as in {INDEX}")
    _check(path, arrays, manifest, shard)
    return arrays


def _check(path: Path, arrays: Arrays, manifest: DemonstrationsManifest, shard: ShardEntry) -> None:
    views = len(manifest.pictures.cameras) if manifest.pictures else 0
    expected = {
        name: (dtype, (shard.steps, *shape)) for name, (dtype, shape) in manifest.arrays().items()
    }
    expected |= {"length": ("int64", (shard.episodes,)), "terminated": ("bool", (shard.episodes,))}
    if views:
        expected["picture_end"] = ("int64", (shard.steps * views,))
        count = int(arrays["picture_end"][-1]) if len(arrays.get("picture_end", ())) else 0
        expected["pictures"] = ("uint8", (count,))
    for name, (dtype, shape) in expected.items():
        got = (str(arrays[name].dtype), arrays[name].shape) if name in arrays else "nothing"
        if got != (dtype, shape):
            raise DataError(f"{path}: {name}: got {got}, allowed: {(dtype, shape)}, as in {INDEX}")
        if dtype == "float32" and not np.isfinite(arrays[name]).all():
            raise DataError(f"{path}: {name}: got a number that is not finite")
    if (arrays["length"] < 1).any() or arrays["length"].sum() != shard.steps:
        raise DataError(
            f"{path}: length: got episodes of {arrays['length'].sum()} steps, allowed:"
            f" {shard.steps}, as in {INDEX}"
        )
    if manifest.pictures is not None:
        check_pictures(str(path), manifest.pictures, arrays)
