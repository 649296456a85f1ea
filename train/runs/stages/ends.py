"""What a stage ends with: a checkpoint that the run keeps, for the stages after it."""

from __future__ import annotations

from pathlib import Path

from ....adr import persistence
from ....config import to_dict
from .. import checkpoint, checkpoint_files
from ..training_loop import Training
from ..versions import versions
from .plan import Stage


def snapshot(training: Training) -> checkpoint.Checkpoint:
    """The whole state of a run."""
    weights, state, meta = training.save()
    meta |= {
        "config": to_dict(training.config),
        "adr": persistence.to_data(training.adr),
        "versions": versions(),
    }
    return checkpoint.Checkpoint(weights, state, meta)


def save(training: Training, folder: Path) -> checkpoint.Checkpoint:
    """A checkpoint, which is returned, and adr.json beside it for people and for reports."""
    saved = snapshot(training)
    checkpoint.save(folder / "checkpoints", saved)
    persistence.save(training.adr, folder / "adr.json")
    return saved


def keep_end(stage: Stage, folder: Path, saved: checkpoint.Checkpoint) -> None:
    """Keep what a stage ended with under the folder of the run; once more changes nothing."""
    place = stage.end_in(folder) / "checkpoints"
    kept = checkpoint_files.complete(place)
    if not kept or checkpoint_files.last_steps(place) != saved.meta["steps"]:
        checkpoint.save(place, saved)
