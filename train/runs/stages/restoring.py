"""A run that goes on from a checkpoint of its own, in the worlds that it was saved with."""

from __future__ import annotations

from typing import Any

from ....adr import persistence
from ....adr.state import AdrState
from ....config import to_dict
from ....errors import CheckpointError
from ...config import TrainConfig
from ...rollout.adr_source import dimensions, world_names
from .. import checkpoint
from ..training_loop import Training


def restore(training: Training, saved: checkpoint.Checkpoint, source: str) -> None:
    """Continue from a checkpoint. Raises CheckpointError when it is of another run."""
    with checkpoint.understood(source):
        # First: networks sized for other parameters would say less.
        adr = _same_world(training.config, saved.meta, source)
        training.load(saved.weights, saved.state, saved.meta)
    training.adr = adr


def _same_world(config: TrainConfig, meta: dict[str, Any], source: str) -> AdrState:
    """The ADR state of a checkpoint. Raises CheckpointError when other parameters vary now."""
    hint = f"--warm_start {source} begins a new run and keeps the ranges that both have"
    try:
        adr = persistence.from_data(meta["adr"], dimensions(config), source)
    except persistence.OtherTableError as error:
        raise CheckpointError(f"{error}; {hint}") from error
    if differs := world_differs(meta["config"], to_dict(config)):
        raise CheckpointError(f"{source}: other parameters vary: {differs}; {hint}")
    return adr


def world_differs(before: dict[str, Any], now: dict[str, Any]) -> str:
    """How the parameters that vary differ between two runs; empty: not at all."""
    theirs, ours = world_names(before), world_names(now)
    if set(theirs) == set(ours):
        return "" if theirs == ours else f"order: got {', '.join(ours)}; was {', '.join(theirs)}"
    only = (sorted({*theirs} - {*ours}), sorted({*ours} - {*theirs}))
    removed, added = (", ".join(names) or "none" for names in only)
    return f"only in that run: {removed}; only in this one: {added}"
