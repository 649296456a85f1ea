"""A run that begins with the networks and the ADR ranges of another."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from ....adr import persistence
from ....adr.state import restart
from ....config import check_renamed, to_dict
from ....errors import CheckpointError
from ...config import TrainConfig
from ...rollout.adr_source import begin, dimensions
from .. import checkpoint
from ..training_loop import Training
from .restoring import world_differs

Say = Callable[[str], object]


def on_stderr(line: str) -> None:
    """Say a line to whoever watches the run."""
    sys.stderr.write(line)


def warm_start(
    training: Training,
    path: Path,
    weights: bool = True,
    adr: bool = True,
    say: Say = on_stderr,
) -> None:
    """Begin with the networks (`weights`) and the ADR ranges (`adr`) of another run.

    An observation term that its networks do not have starts with a weight of zero, which changes
    nothing yet (embeddings are summed; Solving Rubik's Cube with a Robot Hand, 6.2). So does the
    critic's term `world`, if other parameters vary than in that run. A line to `say` says so.
    """
    saved = checkpoint.load(path, state=False)
    check_renamed(TrainConfig, saved.meta["config"], str(path))
    if weights:
        _load_weights(training, saved, path, say)
    if adr and saved.meta.get("adr") and training.adr.dimensions:
        table = dimensions(training.config)
        data = saved.meta["adr"]
        carried = persistence.from_data(data, table, str(path), carry=True)
        training.adr = begin(restart(carried), training.config)


def _load_weights(training: Training, saved: checkpoint.Checkpoint, path: Path, say: Say) -> None:
    residual = bool((saved.meta["config"].get("policy") or {}).get("residual"))
    if residual != training.config.policy.residual:
        # Of the same shapes, so that nothing else would tell.
        allowed = str(residual).lower()
        raise CheckpointError(
            f"policy.residual: got {str(not residual).lower()}, allowed: {allowed}, as in {path}"
        )
    weights = saved.weights
    if differs := world_differs(saved.meta["config"], to_dict(training.config)):
        say(f"warm start: the critic learns the parameters anew: {differs}\n")
        weights = {k: v for k, v in weights.items() if not _is_of(k, "world")}
    training.load_weights(_with_new_terms(training, weights, say), str(path))


def _with_new_terms(training: Training, weights: dict[str, Tensor], say: Say) -> dict[str, Tensor]:
    """The weights, with zeros and fresh normalizers for the vector terms that they lack."""
    weights = dict(weights)
    agent = training.agent
    for prefix, module in (("actor", agent.actor), ("critic", agent.critic)):
        own = checkpoint.module_tensors(prefix, module)
        for term in module.embedding.vectors:
            name = f"{prefix}.embedding.weights.{term}"
            if name in weights or not any(key.startswith(f"{prefix}.") for key in weights):
                continue
            if term != "world":
                say(f"warm start: the {prefix} does not know {term} yet\n")
            weights |= {key: value for key, value in own.items() if _is_of(key, term)}
            weights[name] = torch.zeros_like(own[name])
    return weights


def _is_of(tensor: str, term: str) -> bool:
    """Whether a tensor belongs to the embedding of a term."""
    weight, normalizer = f"embedding.weights.{term}", f"embedding.normalizers.{term}."
    return tensor.endswith(weight) or normalizer in tensor
