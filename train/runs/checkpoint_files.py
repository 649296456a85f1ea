"""The checkpoints of a run as files: which are whole, which is the newest, what they say of
themselves. Without torch, so that `sleight runs` need not load it.

    checkpoints/<steps>/checkpoint.json   steps, config, ADR state, versions, sizes of the files
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...errors import CheckpointError
from ...files import read_json
from ...shipped import shipped

FORMAT = 1
BEFORE = ".before"
"""Ends the name of a checkpoint while another of the same steps takes its place."""
_FIELDS = {"sizes": dict, "steps": int, "config": dict, "adr": dict}


def complete(folder: Path) -> list[Path]:
    """The checkpoints under `folder`, oldest first.

    One whose replacement was cut short by a kill counts only where the new one is not in place.
    """
    found = {}
    for path in sorted(whole(folder), key=lambda path: not path.name.endswith(BEFORE)):
        found[_steps(path)] = path
    return [found[steps] for steps in sorted(found)]


def whole(folder: Path) -> list[Path]:
    """As `complete`, also those whose replacement is in place; in no order."""
    paths = (path for path in folder.glob("[0-9]*") if (path / "checkpoint.json").is_file())
    return [path for path in paths if path.name.removesuffix(BEFORE).isdecimal()]


def _steps(path: Path) -> int:
    return int(path.name.removesuffix(BEFORE))


def last_steps(folder: Path) -> int:
    """Control steps of the newest checkpoint under `folder`; 0 without one."""
    saved = complete(folder)
    return _steps(saved[-1]) if saved else 0


def find(path: Path) -> Path:
    """The newest checkpoint of a run folder, `path` itself, or the checkpoint beside a bundle."""
    path = shipped(path)
    for folder in (path, path / "checkpoint"):
        if (folder / "checkpoint.json").is_file():
            return folder
    checkpoints = complete(path / "checkpoints")
    if not checkpoints:
        raise CheckpointError(
            f"{path}: got no checkpoint, allowed: a run folder with checkpoints/<steps>/, such a"
            " folder itself, or a bundle with checkpoint/"
        )
    return checkpoints[-1]


def present_config(folder: Path, config: dict[str, Any]) -> dict[str, Any]:
    """The config of the stage that a run with stages was last saved in, as plain data.

    config: the run's own, which is returned where there are no stages, or nothing is saved.
    """
    saved = complete(folder / "checkpoints") if config.get("stages") else []
    try:
        return dict(parsed_meta(saved[-1] / "checkpoint.json")["config"]) if saved else config
    except CheckpointError:
        return config


def read_meta(path: Path) -> dict[str, Any]:
    """The metadata of a checkpoint whose files are complete. Raises CheckpointError."""
    meta = parsed_meta(path / "checkpoint.json")
    for name in ("weights.safetensors", "state.safetensors"):
        check_size(path / name, meta)
    return meta


def parsed_meta(path: Path) -> dict[str, Any]:
    """A checkpoint.json with the fields that every reader needs. Raises CheckpointError."""
    meta = read_json(path, CheckpointError)
    if not isinstance(meta, dict) or meta.get("format") != FORMAT:
        got = meta.get("format") if isinstance(meta, dict) else type(meta).__name__
        raise CheckpointError(f"{path}: format: got {got}, allowed: {FORMAT}")
    for name, kind in _FIELDS.items():
        if not isinstance(meta.get(name), kind):
            raise CheckpointError(
                f"{path}: {name}: got {meta.get(name)!r:.40}, allowed: {kind.__name__}"
            )
    return meta


def check_size(path: Path, meta: dict[str, Any]) -> None:
    """Raise CheckpointError unless a file has the size that it was saved with."""
    size = path.stat().st_size if path.is_file() else 0
    wanted = meta["sizes"].get(path.name)
    if size != wanted:
        raise CheckpointError(f"{path}: got {size} bytes, allowed: {wanted}, as it was saved")
