"""A run's whole state on disk: safetensors and JSON, no pickle anywhere.

    checkpoints/<steps>/weights.safetensors   actor.*, critic.*
    checkpoints/<steps>/state.safetensors     optimizer, worlds, memory, random numbers
    checkpoints/<steps>/checkpoint.json       steps, config, ADR state, versions, sizes of the files

A checkpoint is written to a temporary folder and renamed, so it is there whole or not at all.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from ...errors import CheckpointError, SleightError
from ...files import sync, utf8_name, write_json
from .checkpoint_files import BEFORE, FORMAT, check_size, complete, find, parsed_meta, whole

KEEP = 2
"""Checkpoints kept beside a new one."""


@dataclass(frozen=True)
class Checkpoint:
    """The whole state of a run."""

    weights: dict[str, Tensor]
    state: dict[str, Tensor]
    meta: dict[str, Any]
    """steps, config, adr, ... as plain data."""


def save(folder: Path, checkpoint: Checkpoint) -> Path:
    """Write under `folder`/<steps>, prune old ones. Raises SleightError when it cannot."""
    path = folder / f"{checkpoint.meta['steps']:012d}"
    temporary = folder / f".{path.name}.{os.getpid()}"
    for left in folder.glob(".[0-9]*"):  # of a run that was killed
        shutil.rmtree(left, ignore_errors=True)
    try:
        temporary.mkdir(parents=True)
        save_file(checkpoint.weights, temporary / "weights.safetensors")
        save_file(checkpoint.state, temporary / "state.safetensors")
        sizes = {file.name: file.stat().st_size for file in temporary.iterdir()}
        write_json(
            temporary / "checkpoint.json", {"format": FORMAT, "sizes": sizes, **checkpoint.meta}
        )
        _publish(temporary, path)
    except (OSError, SafetensorError) as error:
        raise SleightError(
            f"{path}: cannot be saved: {error}; earlier checkpoints are untouched"
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    kept = complete(folder)[-KEEP - 1 :]
    for old in set(whole(folder)) - set(kept):
        _remove(old)
    return path


def _publish(temporary: Path, path: Path) -> None:
    """Put a checkpoint in place; killed at any point, `complete` still ends with a whole one."""
    for file in temporary.iterdir():
        sync(file)
    before = path.with_name(f"{path.name}{BEFORE}")
    if path.exists():  # the same steps, saved once more; a folder cannot be replaced in one go
        _remove(before)
        os.replace(path, before)
    os.replace(temporary, path)
    sync(path.parent)
    _remove(before)


def _remove(path: Path) -> None:
    """Delete a checkpoint; half deleted it must not look like one, so it is hidden first."""
    hidden = path.with_name(f".{path.name}.{os.getpid()}.old")
    if path.exists():
        os.replace(path, hidden)
        shutil.rmtree(hidden, ignore_errors=True)


_DAMAGE = (TypeError, ValueError, IndexError, AttributeError, OverflowError, RuntimeError)
"""What Python, numpy and torch raise for a state of another type, shape or size."""


def load(path: Path, state: bool = True) -> Checkpoint:
    """Read a run's newest checkpoint. Raises CheckpointError when it is missing or damaged."""
    path = find(path)
    meta = parsed_meta(path / "checkpoint.json")
    weights = _tensors(path / "weights.safetensors", meta)
    return Checkpoint(weights, _tensors(path / "state.safetensors", meta) if state else {}, meta)


def _tensors(path: Path, meta: dict[str, Any]) -> dict[str, Tensor]:
    check_size(path, meta)
    try:
        with utf8_name(path) as name:
            return load_file(name)
    except SafetensorError as error:
        raise CheckpointError(f"{path}: cannot be read: {error}") from error


@contextmanager
def understood(source: str) -> Iterator[None]:
    """Give what a checkpoint holds to whom it belongs; what these cannot take is a CheckpointError
    that begins with `source`.
    """
    try:
        yield
    except KeyError as error:
        raise CheckpointError(
            f"{source}: {error.args[0]}: got nothing, allowed: the whole state of a run"
        ) from error
    except CheckpointError as error:
        line = str(error)
        raise CheckpointError(line if line.startswith(source) else f"{source}: {line}") from error
    except _DAMAGE as error:
        line = f"{source}: its state is damaged: {type(error).__name__}: {error}"
        raise CheckpointError(line) from error


def module_tensors(prefix: str, module: nn.Module) -> dict[str, Tensor]:
    """A module's parameters and buffers, named with a prefix."""
    return {f"{prefix}.{name}": value.clone().cpu() for name, value in module.state_dict().items()}


def load_module(prefix: str, module: nn.Module, weights: dict[str, Tensor], source: str) -> None:
    """Fill a module. Raises CheckpointError that names the first tensor which does not fit."""
    own = module.state_dict()
    saved = {
        name.removeprefix(f"{prefix}."): value
        for name, value in weights.items()
        if name.startswith(f"{prefix}.")
    }
    for name in sorted({*own, *saved}):
        got = tuple(saved[name].shape) if name in saved else "nothing"
        allowed = tuple(own[name].shape) if name in own else "nothing"
        if got != allowed:
            raise CheckpointError(
                f"{source}: {prefix}.{name}: got {got}, allowed: {allowed};"
                " the checkpoint is of another policy"
            )
    module.load_state_dict(saved)


def moments_of(optimizer: Optimizer) -> dict[str, Tensor]:
    """The state of an optimizer, by parameter and name."""
    state = optimizer.state_dict()["state"]
    return {
        f"{index}.{name}": torch.as_tensor(value).cpu()
        for index, moments in state.items()
        for name, value in moments.items()
    }


def load_moments(optimizer: Optimizer, tensors: dict[str, Tensor]) -> None:
    """Continue from `moments_of`; tensors with other names are left alone."""
    moments: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        index, _, name = key.partition(".")
        if name and index.isdecimal():
            moments.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": moments})
