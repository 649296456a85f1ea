"""A run on disk: its config and its networks."""

from __future__ import annotations

from pathlib import Path

from ...config import from_dict
from ...errors import CheckpointError
from ..config import TrainConfig
from . import checkpoint


def load_run(path: Path) -> tuple[TrainConfig, checkpoint.Checkpoint]:
    """The config of a run and its checkpoint, without optimizer state. Raises CheckpointError."""
    saved = checkpoint.load(path, state=False)
    if "config" not in saved.meta:
        raise CheckpointError(f"{path}: config: got nothing, allowed: the run's config")
    return from_dict(TrainConfig, saved.meta["config"], str(path)), saved
