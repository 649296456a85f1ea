"""Names: the files of a LeRobot dataset, and its features for the arrays of demonstrations."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from ..manifest import DemonstrationsManifest

VERSION = "v3.0"
DATA_PATH = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
EPISODES_PATH = "meta/episodes/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
INFO, STATS, TASKS = "meta/info.json", "meta/stats.json", "meta/tasks.parquet"
OWN = "meta/sleight.json"
"""The manifest of the demonstrations, which LeRobot does not read."""
CHUNK_SIZE = 1000
"""Most files in a chunk."""
OBSERVATION, IMAGES, STATE = "observation.", "observation.images.", "observation.state"
DONE, TERMINATED = "next.done", "next.terminated"
COUNTERS = ("frame_index", "episode_index", "index", "task_index")
_KEYS = {
    "sensors.joint_position": STATE,
    "mean": "teacher.mean",
    "std": "teacher.std",
    "reward": "next.reward",
    "success": "next.success",
}


def key_of(array: str) -> str:
    """The feature of an array of demonstrations."""
    if array in _KEYS:
        return _KEYS[array]
    group, _, sensor = array.partition(".")
    return f"{OBSERVATION}{sensor}" if group == "sensors" else array


def array_of(key: str) -> str:
    """The array of a feature: the inverse of `key_of`."""
    found = {value: name for name, value in _KEYS.items()}.get(key)
    if found is None and key.startswith(OBSERVATION):
        return f"sensors.{key.removeprefix(OBSERVATION)}"
    return found or key


def features_of(manifest: DemonstrationsManifest) -> dict[str, dict[str, Any]]:
    """Feature -> dtype, shape and names, as in `info.json`."""
    hand = manifest.hand
    names = {STATE: hand.joints, "action": hand.actuators, "teacher.mean": hand.actuators,
             "teacher.std": hand.actuators}  # fmt: skip
    features = {
        key_of(array): _feature(dtype, (prod(shape),), names.get(key_of(array)))
        for array, (dtype, shape) in manifest.arrays().items()
    }
    if manifest.pictures is not None:
        shape = (manifest.pictures.px, manifest.pictures.px, 3)
        for camera in manifest.pictures.cameras:
            features[f"{IMAGES}{camera}"] = _feature("image", shape, ("height", "width", "channel"))
    features |= {name: _feature("bool", (1,)) for name in (DONE, TERMINATED)}
    features["timestamp"] = _feature("float32", (1,))
    return features | {name: _feature("int64", (1,)) for name in COUNTERS}


def _feature(
    dtype: str, shape: tuple[int, ...], names: Sequence[str] | None = None
) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "names": list(names) if names else None}
