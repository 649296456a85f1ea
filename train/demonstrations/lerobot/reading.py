"""Demonstrations from a LeRobot dataset on this disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from ....config import load
from ....errors import ConfigError, DataError
from ....files import read_json
from ...config import TrainConfig
from ..manifest import DemonstrationsManifest, PicturesEntry, check_new, describe, parsed
from ..pictures import as_jpeg
from ..shards import Arrays, Demonstration, DemonstrationWriter
from . import layout

Features = Mapping[str, Mapping[str, Any]]


def import_(folder: Path, out: Path, config: Path | None) -> DemonstrationsManifest:
    """Write the episodes of a dataset into the new folder `out`.

    config: of a training, with the hand and the action law of a dataset that `export` has not
    written. Raises DataError, ConfigError with one line.
    """
    check_new(out, "OUT")
    info = read_json(folder / layout.INFO, DataError)
    features = _features(folder, info)
    own = folder / layout.OWN
    if own.is_file():
        manifest = replace(parsed(read_json(own, DataError), own), shards=())
    elif config is not None:
        manifest = _described(folder, info, features, load(TrainConfig, config, []))
    else:
        raise ConfigError(
            f"--config: got nothing with {folder}, which has no {layout.OWN}, allowed: a training"
            " config with its hand and its action law"
        )
    paths = sorted(folder.glob("data/*/*.parquet"))
    if not paths:
        raise DataError(f"{folder}: got no data/*/*.parquet, allowed: one or more")
    _check_keys(folder, manifest, features)
    with DemonstrationWriter(out, manifest) as writer:
        for path in paths:
            for episode in _episodes(path, manifest):
                writer.add(episode)
    return writer.manifest


def _features(folder: Path, info: Any) -> Features:
    version = info.get("codebase_version") if isinstance(info, dict) else None
    if not str(version).startswith("v3."):
        raise DataError(
            f"{folder / layout.INFO}: codebase_version: got {version!r:.40}, allowed:"
            f" {layout.VERSION}"
        )
    features = info.get("features")
    if not isinstance(features, dict) or not all(isinstance(f, dict) for f in features.values()):
        raise DataError(f"{folder / layout.INFO}: features: got none, allowed: those of v3.0")
    for key, feature in features.items():
        if feature.get("dtype") == "video":
            raise DataError(f"{folder}: {key}: got video, allowed: image")
    return features


def _described(
    folder: Path, info: dict[str, Any], features: Features, config: TrainConfig
) -> DemonstrationsManifest:
    """The manifest of a dataset from elsewhere."""
    names = {layout.array_of(key): key for key in features if not key.startswith(layout.IMAGES)}
    sensors = {n: tuple(features[key]["shape"]) for n, key in names.items() if "sensors." in n}
    cameras = [key for key in features if key.startswith(layout.IMAGES)]
    pictures = None
    if cameras:
        names_of = tuple(key.removeprefix(layout.IMAGES) for key in cameras)
        pictures = PicturesEntry(int(features[cameras[0]]["shape"][0]), names_of)
    manifest = describe(
        config.env,
        "lerobot",
        str(folder),
        sensors={name.removeprefix("sensors."): shape for name, shape in sensors.items()},
        std="std" in names,
        rewards="reward" in names,
        pictures=pictures,
    )
    rate_hz = 1.0 / manifest.period_s
    if abs(float(info.get("fps", 0)) - rate_hz) > 1e-3:
        raise DataError(
            f"{folder / layout.INFO}: fps: got {info.get('fps')}, allowed: {rate_hz:g}, of the"
            " action law (env.control.substeps, env.model.timestep_s)"
        )
    return manifest


def _check_keys(folder: Path, manifest: DemonstrationsManifest, features: Features) -> None:
    size = {"action": len(manifest.hand.actuators), layout.STATE: len(manifest.hand.joints)}
    for array in manifest.arrays():
        if array in ("mean", "success"):  # of a dataset from elsewhere: actions, none
            continue
        if (key := layout.key_of(array)) not in features:
            raise DataError(f"{folder}: {key}: got nothing, allowed: a feature of this name")
        got = tuple(features[key].get("shape", ()))
        if key in size and got != (size[key],):
            raise DataError(
                f"{folder}: {key}: got {got}, allowed: {(size[key],)}, of {manifest.hand.name}"
            )


def _episodes(path: Path, manifest: DemonstrationsManifest) -> Iterator[Demonstration]:
    """The episodes of one file; LeRobot cuts none in two."""
    try:
        table = parquet.read_table(path).sort_by("index").combine_chunks()
    except (pa.ArrowInvalid, pa.ArrowKeyError, OSError) as error:
        raise DataError(f"{path}: not a Parquet file of LeRobot: {error}") from error
    number = table["episode_index"].to_numpy()
    edges = [0, *(np.flatnonzero(np.diff(number)) + 1).tolist(), len(number)]
    for begin, end in pairwise(edges):
        yield _episode(path, table.slice(begin, end - begin), manifest)


def _episode(path: Path, table: pa.Table, manifest: DemonstrationsManifest) -> Demonstration:
    arrays: Arrays = {}
    for name, (dtype, shape) in manifest.arrays().items():
        key = layout.key_of(name)
        if key not in table.column_names and name in ("mean", "success"):
            key = "action" if name == "mean" else ""
        if not key:
            arrays[name] = np.zeros(len(table), dtype)
            continue
        try:
            arrays[name] = _numbers(table[key]).astype(dtype).reshape(len(table), *shape)
        except (ValueError, KeyError, pa.ArrowInvalid) as error:
            raise DataError(f"{path}: {key}: got other numbers, allowed: {shape} a step") from error
    if (largest := float(np.abs(arrays["action"]).max())) > 1.0 + 1e-5:
        raise DataError(f"{path}: action: got {largest:g}, allowed: in [-1, 1]")
    terminated = layout.TERMINATED in table.column_names and bool(table[layout.TERMINATED][-1])
    return Demonstration(arrays, terminated, _pictures(path, table, manifest))


def _numbers(column: pa.ChunkedArray) -> np.ndarray:
    """The numbers of a column, lists one after the other."""
    values = column.combine_chunks()
    if pa.types.is_list(values.type) or pa.types.is_fixed_size_list(values.type):
        values = values.flatten()
    return np.asarray(values.to_numpy(zero_copy_only=False))


def _pictures(path: Path, table: pa.Table, manifest: DemonstrationsManifest) -> list[bytes]:
    if manifest.pictures is None:
        return []
    columns = [
        table[f"{layout.IMAGES}{camera}"].combine_chunks().field("bytes").to_pylist()
        for camera in manifest.pictures.cameras
    ]
    source, px = str(path), manifest.pictures.px
    return [as_jpeg(file, px, source) for row in zip(*columns, strict=True) for file in row]
