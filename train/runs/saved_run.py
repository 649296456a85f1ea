"""What a run has left on disk, to look at or to go on from."""

from __future__ import annotations

from pathlib import Path

from ...config import from_dict
from ...errors import CheckpointError
from ..config import TrainConfig
from . import checkpoint


def load_run(path: Path) -> tuple[TrainConfig, checkpoint.Checkpoint]:
    """A run's config and networks, to look at or to export. Raises CheckpointError."""
    found = checkpoint.load(path, state=False)
    if "config" not in found.meta:
        raise CheckpointError(f"{path}: config: got nothing, allowed: the run's config")
    return from_dict(TrainConfig, found.meta["config"], str(path)), found
