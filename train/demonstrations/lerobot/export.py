"""Demonstrations as a LeRobot dataset: one Parquet file for each shard."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from ....config import to_dict
from ....files import atomic_path, write_json
from ..data_set import Demonstrations, open_demonstrations
from ..manifest import check_new
from ..pictures import decoded
from . import layout

SHOWN = 100
"""Pictures of each camera in the statistics."""


def export(folder: Path, out: Path) -> None:
    """Write the dataset. Raises DataError for bad demonstrations, SleightError for a bad place."""
    check_new(out, "OUT")
    data = open_demonstrations(folder)
    manifest, first = data.manifest, 0
    episodes: list[dict[str, Any]] = []
    for index, shard in enumerate(manifest.shards):
        chunk, file = divmod(index, layout.CHUNK_SIZE)
        place = {"chunk_index": chunk, "file_index": file}
        which = range(first, first + shard.episodes)
        _write(out / layout.DATA_PATH.format(**place), _steps(data, which))
        episodes += [_episode(data, number, place) for number in which]
        first += shard.episodes
    name = layout.EPISODES_PATH.format(chunk_index=0, file_index=0)
    _write(out / name, pa.Table.from_pylist(episodes))
    _write(out / layout.TASKS, _tasks(manifest.task))
    write_json(out / layout.STATS, _statistics(data))
    write_json(out / layout.OWN, to_dict(manifest))
    write_json(out / layout.INFO, _info(data))


def _info(data: Demonstrations) -> dict[str, Any]:
    manifest = data.manifest
    rate_hz = round(1.0 / manifest.period_s, 6)
    return {
        "codebase_version": layout.VERSION,
        "robot_type": manifest.hand.name,
        "total_episodes": data.episodes,
        "total_frames": manifest.steps,
        "total_tasks": 1,
        "chunks_size": layout.CHUNK_SIZE,
        "data_files_size_in_mb": 100,
        "video_files_size_in_mb": 200,
        "fps": int(rate_hz) if rate_hz.is_integer() else rate_hz,
        "splits": {"train": f"0:{data.episodes}"},
        "data_path": layout.DATA_PATH,
        "video_path": None,
        "features": layout.features_of(manifest),
    }


def _episode(data: Demonstrations, number: int, place: dict[str, int]) -> dict[str, Any]:
    begin, end = int(data.begins[number]), int(data.ends[number])
    return {
        "episode_index": number,
        "tasks": [data.manifest.task],
        "length": end - begin,
        "dataset_from_index": begin,
        "dataset_to_index": end,
        **{f"data/{name}": value for name, value in place.items()},
        "meta/episodes/chunk_index": 0,
        "meta/episodes/file_index": 0,
    }


def _steps(data: Demonstrations, episodes: range) -> pa.Table:
    """The steps of some episodes that follow each other."""
    begin, end = int(data.begins[episodes[0]]), int(data.ends[episodes[-1]])
    lengths = (data.ends - data.begins).numpy()[episodes.start : episodes.stop]
    frame = np.concatenate([np.arange(length) for length in lengths])
    last = frame == np.repeat(lengths - 1, lengths)
    failed = np.repeat(data.terminated.numpy()[episodes.start : episodes.stop], lengths)
    columns = {
        layout.key_of(name): _column(values[begin:end].numpy())
        for name, values in data.arrays.items()
    }
    columns |= _images(data, begin, end)
    columns[layout.DONE], columns[layout.TERMINATED] = pa.array(last), pa.array(last & failed)
    columns["timestamp"] = pa.array((frame * data.manifest.period_s).astype(np.float32))
    counters = (frame, np.repeat(np.array(episodes), lengths), np.arange(begin, end), 0 * frame)
    for name, values in zip(layout.COUNTERS, counters, strict=True):
        columns[name] = pa.array(values.astype(np.int64))
    return pa.table(columns)


def _column(values: np.ndarray) -> pa.Array:
    """(T, ...) -> a number or a list of fixed size for each step."""
    flat = np.ascontiguousarray(values.reshape(len(values), -1))
    numbers = pa.array(flat.ravel())
    return (
        numbers if flat.shape[1] == 1 else pa.FixedSizeListArray.from_arrays(numbers, flat.shape[1])
    )


def _images(data: Demonstrations, begin: int, end: int) -> dict[str, pa.Array]:
    if data.manifest.pictures is None:
        return {}
    cameras = data.manifest.pictures.cameras
    kind = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    return {
        f"{layout.IMAGES}{camera}": pa.array(
            [
                {"bytes": data.jpeg(row * len(cameras) + view), "path": None}
                for row in range(begin, end)
            ],
            kind,
        )
        for view, camera in enumerate(cameras)
    }


def _tasks(task: str) -> pa.Table:
    """A table that pandas reads with the task as index, as LeRobot's own."""
    index = "__index_level_0__"
    about = {
        "index_columns": [index],
        "column_indexes": [],
        "columns": [
            {"name": "task_index", "field_name": "task_index", "pandas_type": "int64",
             "numpy_type": "int64", "metadata": None},
            {"name": None, "field_name": index, "pandas_type": "unicode",
             "numpy_type": "object", "metadata": None},
        ],
        "pandas_version": "2.0.0",
    }  # fmt: skip
    table = pa.table({"task_index": pa.array([0], pa.int64()), index: pa.array([task])})
    return table.replace_schema_metadata({"pandas": json.dumps(about)})


def _statistics(data: Demonstrations) -> dict[str, dict[str, Any]]:
    found = {
        layout.key_of(name): _moments(values.numpy().reshape(len(values), -1).astype(np.float64))
        for name, values in data.arrays.items()
    }
    if data.manifest.pictures is not None:
        cameras, steps = data.manifest.pictures.cameras, data.manifest.steps
        rows = list(islice(range(0, steps, max(1, steps // SHOWN)), SHOWN))
        for view, camera in enumerate(cameras):
            files = (data.jpeg(row * len(cameras) + view) for row in rows)
            pixels = np.concatenate([decoded(jpeg).reshape(-1, 3) for jpeg in files]) / 255.0
            one = _moments(pixels)
            shaped = {n: v if n == "count" else v.reshape(3, 1, 1) for n, v in one.items()}
            found[f"{layout.IMAGES}{camera}"] = {**shaped, "count": np.array([len(rows)])}
    return found


def _moments(values: np.ndarray) -> dict[str, np.ndarray]:
    """Of (T, size)."""
    return {
        "min": values.min(axis=0),
        "max": values.max(axis=0),
        "mean": values.mean(axis=0),
        "std": values.std(axis=0),
        "count": np.array([len(values)]),
    }


def _write(path: Path, table: pa.Table) -> None:
    with atomic_path(path) as temporary:
        parquet.write_table(table, temporary, compression="snappy")
