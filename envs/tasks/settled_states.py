"""Settled states: the block at rest in the palm, or leaning on fingers, for episodes to start from.

Starting from states that the hand can hold, instead of dropping a block at every reset, was the
largest lever on samples in the pilot.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ...contract.hand_spec import HandSpec
from ...errors import ConfigError
from ..config import EnvConfig
from ..mdp import rotations
from ..sim.batch_sim import BatchSim
from ..sim.model import build_model
from .orientation_goals import Level, nearest_upright

DROP_HEIGHT_M = -0.04
"""A block whose centre is this far below the palm's centre has been dropped."""
_CHUNK = 256
"""Blocks dropped at once; fewer for a small cache."""
_CALM = 0.3
"""Highest |qvel| of the block at rest [m/s, rad/s]."""
_LEAN_RAD = 0.35
_PALM_LOW, _PALM_HIGH = (-0.06, -0.13, 0.0), (0.06, 0.03, 0.12)


@dataclass(frozen=True)
class SettledStates:
    """M states: qpos (M, nq) and the targets that hold them (M, A)."""

    qpos: Tensor
    target: Tensor

    @cached_property
    def level(self) -> Level:
        """How each block would lie flat, which every first goal begins with."""
        return Level.nearest(self.qpos[:, -4:].float())

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """Which of them (K,), at random."""
        return torch.randint(len(self.qpos), (count,), generator=generator)


def settle(config: EnvConfig, hand: HandSpec, seed: int) -> SettledStates:
    """Fill the cache. Raises ConfigError when almost nothing stays in the palm."""
    generator = torch.Generator().manual_seed(seed)
    chunk = min(_CHUNK, max(32, 2 * config.resets.cache))
    sim = BatchSim(build_model(config.model), chunk, config.threads)
    leaning = round(config.resets.half_flipped * config.resets.cache)
    calm = _collect(config, hand, sim, generator, config.resets.cache - leaning, False)
    lean = _collect(config, hand, sim, generator, leaning, True)
    return SettledStates(torch.cat((calm[0], lean[0])), torch.cat((calm[1], lean[1])))


def _collect(
    config: EnvConfig, hand: HandSpec, sim: BatchSim, rng: torch.Generator, wanted: int, lean: bool
) -> tuple[Tensor, Tensor]:
    qpos = [torch.zeros(0, sim.model.nq, dtype=torch.float64)]
    target = [torch.zeros(0, len(hand.actuators))]
    for _ in range(5 + 100 * wanted // sim.num_worlds):
        if sum(map(len, qpos)) >= wanted:
            break
        targets = _drop_blocks(config, hand, sim, rng)
        keep = _stays(sim, lean)
        qpos.append(sim.state("qpos")[keep].clone())
        target.append(targets[keep])
    if sum(map(len, qpos)) < wanted:
        raise ConfigError(
            f"env.resets: got {sum(map(len, qpos))} states in the palm, allowed: at least {wanted};"
            " the block does not rest in this hand"
            " (model.object_size_m, object_mass_kg, resets.settle_s?)"
        )
    return torch.cat(qpos)[:wanted], torch.cat(target)[:wanted]


def _drop_blocks(config: EnvConfig, hand: HandSpec, sim: BatchSim, rng: torch.Generator) -> Tensor:
    """Drop a block at random into hands at random; returns the targets (N, A) that hold it."""
    count = sim.num_worlds
    target = random_poses(hand, count, config.resets.many_poses, rng)
    sim.reset(torch.arange(count))
    qpos = sim.state("qpos")
    qpos[:, : len(hand.joints)] = _joints(hand, target).double()
    place = torch.tensor([0.0, -0.05, 0.075])
    qpos[:, -7:-4] = (place + 0.012 * torch.randn(count, 3, generator=rng)).double()
    qpos[:, -4:] = rotations.random_rotation(count, rng).double()
    sim.state("ctrl")[:] = target.double()
    steps = round(config.resets.settle_s / config.period_s)
    for _ in range(steps):
        sim.step(config.control.substeps)
    # Half of them are then stirred, so that some blocks are caught on their way to another face.
    stirred = random_poses(hand, count, 1.0, rng)
    stir = torch.rand(count, 1, generator=rng) < 0.5
    target = torch.where(stir, stirred, target)
    sim.state("ctrl")[:] = target.double()
    for _ in range(steps // 2):
        sim.step(config.control.substeps)
    return target


def random_poses(hand: HandSpec, count: int, share: float, rng: torch.Generator) -> Tensor:
    """Motor targets (count, A): the home pose, or for `share` of them one that can hold."""
    home = torch.tensor(hand.home, dtype=torch.float32)
    lower = torch.tensor(hand.lower, dtype=torch.float32)
    upper = torch.tensor(hand.upper, dtype=torch.float32)
    anywhere = lower + (upper - lower) * torch.rand(count, len(home), generator=rng)
    # The wrist stays near level, or nothing would lie in the palm.
    amount = torch.full((len(home),), 0.6)
    amount[hand.wrist] = 0.25
    random = home + amount * torch.rand(count, 1, generator=rng) * (anywhere - home)
    chosen = torch.rand(count, 1, generator=rng) < share
    return torch.where(chosen, random, home)


def _joints(hand: HandSpec, target: Tensor) -> Tensor:
    return torch.from_numpy(hand.joint_target(target.double().numpy()))


def _stays(sim: BatchSim, lean: bool) -> Tensor:
    """Worlds (N,) whose block lies in the palm, calm; leaning or not."""
    qpos, qvel = sim.state("qpos"), sim.state("qvel")
    place = qpos[:, -7:-4]
    inside = ((place > torch.tensor(_PALM_LOW)) & (place < torch.tensor(_PALM_HIGH))).all(dim=1)
    calm = qvel[:, -6:].abs().amax(dim=1) < _CALM
    wxyz = qpos[:, -4:].float()
    tilt = rotations.distance(nearest_upright(wxyz), wxyz)
    return inside & calm & ((tilt > _LEAN_RAD) == lean)
