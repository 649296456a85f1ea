"""Reads the files of a run for its report; missing or broken parts become remarks."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from ...adr import persistence
from ...adr.state import AdrState
from ...errors import DataError, SleightError
from ...files import read_json, read_text
from ...machine import usable_cores
from ...pages.show import number
from ..runs import checkpoint_files
from ..runs.metrics import MOST_ROWS, read_metrics
from ..runs.stages.expected_curve import EXPECTED, read_curve
from ..validation.set_result import SetResult, read_result

Row = dict[str, Any]

_LONG_BYTES = 5_000_000
MOST_FILM_BYTES = 6_000_000
"""A larger video is not included in the page."""


@dataclass(frozen=True)
class Rig:
    """A run on a hand, real or simulated."""

    folder: Path
    result: Row
    timing: Row


@dataclass(frozen=True)
class Run:
    """The parts of a run; None or empty if missing."""

    folder: Path
    rows: list[Row] = field(default_factory=list)
    expected: list[Row] = field(default_factory=list)
    """Rows with steps, seconds and successes_mean, maybe also `low` and `high` of several runs."""
    config: Row = field(default_factory=dict)
    versions: Row = field(default_factory=dict)
    adr: AdrState | None = None
    evaluation: Row | None = None
    rig: Rig | None = None
    transfer: Row | None = None
    """Rows of `sleight bench sim_to_sim`."""
    validation: SetResult | None = None
    """Of `sleight eval --failures`."""
    video: bytes | None = None
    video_name: str = ""
    remarks: list[str] = field(default_factory=list)
    """One line per missing part, with the reason."""


def read_run(
    folder: Path,
    expected: Path | None = None,
    rig: Path | None = None,
    eval_: Path | None = None,
    transfer: Path | None = None,
    validation: Path | None = None,
) -> Run:
    """Read a run. Raises DataError when the folder contains no part of a run, or a given path
    does not exist."""
    for path in (expected, rig, eval_, transfer, validation):
        if path is not None and not path.exists():
            raise DataError(f"{path}: no such file or folder")
    remarks: list[str] = []
    video, video_name = _video(folder / "videos", remarks)
    rows = _metrics(folder / "metrics.jsonl", remarks, "the learning curves are left out")
    run = Run(
        folder=folder,
        rows=rows,
        expected=_expected(expected or folder / EXPECTED, rows, remarks),
        config=_config(folder / "config.yaml", remarks),
        versions=_versions(folder),
        adr=_adr(folder / "adr.json", remarks),
        evaluation=_evaluation(eval_ or folder / "eval.json", remarks),
        rig=_rig(rig or newest_rig(folder), remarks),
        transfer=_transfer(transfer or folder / "transfer.json", remarks),
        validation=_validation(validation or folder / "validation.json", remarks),
        video=video,
        video_name=video_name,
        remarks=remarks,
    )
    if not (run.rows or run.adr or run.evaluation or run.rig or run.video or run.validation):
        raise DataError(
            f"{folder}: got no part of a run, allowed: a folder with at least one of"
            " metrics.jsonl, adr.json, eval.json, validation.json, rig*/result.json, videos/*.mp4"
        )
    return run


def series(rows: list[Row], x: str, y: str) -> tuple[list[float], list[float]]:
    """Values of both keys in the rows in which both are finite, sorted by x."""
    pairs = [(number(row.get(x)), number(row.get(y))) for row in rows]
    kept = sorted((a, b) for a, b in pairs if a is not None and b is not None)
    return [a for a, _ in kept], [b for _, b in kept]


def hardware() -> str:
    """The processor and the cores that this process may use."""
    model = ""
    for line in _lines(Path("/proc/cpuinfo")):
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            model = value.strip()
            break
    return f"{model or platform.processor() or platform.machine()}, {usable_cores()} cores"


def written(path: Path) -> str:
    """Time of the last change of a file, in local time."""
    return f"{datetime.fromtimestamp(path.stat().st_mtime):%Y-%m-%d %H:%M}"


def newest_rig(folder: Path) -> Path | None:
    """The latest run on a hand below a run folder."""
    folders = [path.parent for path in folder.glob("rig*/result.json")]
    folders += [path.parent for path in folder.glob("rig*/*/result.json")]
    return max(folders, key=lambda path: path.stat().st_mtime, default=None)


def _metrics(path: Path, remarks: list[str], without: str) -> list[Row]:
    """The objects in a file of JSON lines; other lines, such as an incomplete one, are skipped.

    Of a long file as many as a page shows.
    """
    if path.is_file() and path.stat().st_size > _LONG_BYTES:
        return read_metrics(path, MOST_ROWS)
    try:
        lines = read_text(path).splitlines()
    except DataError as error:
        remarks.append(f"{_short(error, path)}; {without}" if without else _short(error, path))
        return []
    rows, broken = [], 0
    for line in lines:
        try:
            row = json.loads(line)
        except (json.JSONDecodeError, RecursionError):
            row = None
        if isinstance(row, dict):
            rows.append(row)
        elif line.strip():
            broken += 1
    if broken:
        remarks.append(f"{path.name}: {broken} unreadable line{'s' * (broken > 1)} left out")
    return rows


def _expected(path: Path, rows: list[Row], remarks: list[str]) -> list[Row]:
    """A reference: another run's metrics, or an expected curve laid over the stages of `rows`."""
    if not path.is_file():
        return []
    if path.suffix != ".json":
        return _metrics(path, [], "")
    try:
        curve = read_curve(path)
    except DataError as error:
        remarks.append(f"{_short(error, path)}; the expected curve is left out")
        return []
    began = beginnings(rows)
    laid, end = [], (0.0, 0.0)
    for name, part in curve.stages.items():
        first = began.get(name, end)
        for steps, seconds, *values in zip(
            part.steps, part.seconds, part.median, part.low, part.high, strict=True
        ):
            end = first[0] + steps, first[1] + seconds
            row = {"steps": end[0], "seconds": end[1]}
            laid.append(row | dict(zip(("successes_mean", "low", "high"), values, strict=True)))
    return laid


def beginnings(rows: list[Row]) -> dict[str, tuple[float, float]]:
    """Stage -> (steps, seconds) of the run before it, in their order."""
    began: dict[str, tuple[float, float]] = {}
    before = (0.0, 0.0)
    for row in rows:
        began.setdefault(str(row.get("stage", "")), before)
        before = number(row.get("steps")) or 0.0, number(row.get("seconds")) or 0.0
    return began


def _config(path: Path, remarks: list[str]) -> Row:
    try:
        data = yaml.safe_load(read_text(path))
    except DataError as error:
        remarks.append(_short(error, path))
        return {}
    except yaml.YAMLError:
        remarks.append(f"{path.name}: not YAML")
        return {}
    return checkpoint_files.present_config(path.parent, data) if isinstance(data, dict) else {}


def _versions(folder: Path) -> Row:
    """Commit and versions of libraries, from the newest checkpoint."""
    saved = checkpoint_files.complete(folder / "checkpoints")
    try:
        meta = read_json(saved[-1] / "checkpoint.json") if saved else {}
    except DataError:
        return {}
    versions = meta.get("versions") if isinstance(meta, dict) else None
    return versions if isinstance(versions, dict) else {}


def _adr(path: Path, remarks: list[str]) -> AdrState | None:
    if not path.is_file():
        remarks.append(f"{path.name}: no such file; the ranges of ADR are left out")
        return None
    try:
        state = persistence.load(path)
    except SleightError as error:
        remarks.append(f"{_short(error, path)}; the ranges of ADR are left out")
        return None
    return state if state.dimensions else None


def _evaluation(path: Path, remarks: list[str]) -> Row | None:
    try:
        data = read_json(path)
    except DataError as error:
        remarks.append(f"{_short(error, path)}; the evaluation is left out")
        return None
    trials = data.get("trials") if isinstance(data, dict) else None
    if not isinstance(trials, list) or not trials or not all(_is_count(t) for t in trials):
        remarks.append(f"{path.name}: trials: allowed: a list of integers >= 0; left out")
        return None
    return dict(data)


def _rig(folder: Path | None, remarks: list[str]) -> Rig | None:
    if folder is None:
        remarks.append("no run on a hand; its part is left out")
        return None
    try:
        result, timing = read_json(folder / "result.json"), read_json(folder / "timing.json")
    except DataError as error:
        remarks.append(f"{_short(error, folder)}; the run on a hand is left out")
        return None
    if not isinstance(result, dict) or not isinstance(timing, dict):
        remarks.append(f"{folder.name}: got no objects in its JSON; the run on a hand is left out")
        return None
    return Rig(folder, result, timing)


def _video(folder: Path, remarks: list[str]) -> tuple[bytes | None, str]:
    videos = sorted(folder.glob("*.mp4"), key=lambda path: (path.stat().st_mtime, path.name))
    if not videos:
        remarks.append("videos: none yet")
        return None, ""
    newest = videos[-1]
    if newest.stat().st_size > MOST_FILM_BYTES:
        size = newest.stat().st_size / 1e6
        remarks.append(f"videos/{newest.name}: {size:.1f} MB, too large for the page")
        return None, ""
    return newest.read_bytes(), newest.name


def _transfer(path: Path, remarks: list[str]) -> Row | None:
    """A file of `sleight bench sim_to_sim`; most runs have none."""
    if not path.exists():
        return None
    try:
        data = read_json(path)
    except DataError as error:
        remarks.append(f"{_short(error, path)}; the rigs without a clock are left out")
        return None
    return dict(data) if isinstance(data, dict) else None


def _validation(path: Path, remarks: list[str]) -> SetResult | None:
    """A result of a validation set; most runs have none."""
    if not path.exists():
        return None
    try:
        return read_result(path)
    except DataError as error:
        remarks.append(f"{_short(error, path)}; the validation set is left out")
        return None


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _short(error: SleightError, path: Path) -> str:
    """The error message without the folder, which the page shows once."""
    return str(error).replace(f"{path.parent}{os.sep}", "")


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(errors="replace").splitlines()
    except OSError:
        return []


def flat(data: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested settings as (dotted name, value)."""
    pairs: list[tuple[str, str]] = []
    for key, value in data.items():
        if isinstance(value, Mapping):
            pairs += flat(value, f"{prefix}{key}.")
        else:
            pairs.append((f"{prefix}{key}", str(value)))
    return pairs
