"""Settled states: an object at rest in the palm, or leaning on fingers, for episodes to start from.

Starting from states that the hand can hold, instead of dropping a block at every reset, was the
largest lever on samples in the pilot.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...contract.hand_spec import HandSpec
from ...errors import ConfigError
from ..config import EnvConfig
from ..mdp import rotations
from ..objects.object_spec import object_of
from ..sim.batch_sim import BatchSim
from ..sim.draws import Draws
from ..sim.layout import layout_of
from ..sim.model import build_model
from .orientation_goals import nearest_upright
from .task import TaskContext

_CHUNK = 256
"""Objects dropped at once; fewer for a small cache."""
_CALM = 0.3
"""Highest |qvel| of the object at rest [m/s, rad/s]."""
_LEAN_RAD = 0.35
_PALM_LOW, _PALM_HIGH = (-0.06, -0.08, 0.0), (0.06, 0.08, 0.12)
"""Where an object lies in the palm, from the palm's centre [m]."""
_DROP_HEIGHT, _SCATTER_M = 0.075, 0.012
"""From which it is let go, and how far from there."""

_CACHE: dict[str, SettledStates] = {}
"""Settled states of this process by what they depend on: evaluation beside training shares them."""


@dataclass(frozen=True)
class SettledStates:
    """M states: qpos (M, nq) and the targets that hold them (M, A), on one device."""

    qpos: Tensor
    target: Tensor

    def on(self, device: torch.device) -> SettledStates:
        """On another device."""
        return SettledStates(self.qpos.to(device), self.target.to(device))


def settled_states(context: TaskContext) -> SettledStates:
    """The start states of a task, settled once in a process."""
    config = context.config
    key = repr((config.model, config.control, config.resets, context.cache_seed))
    if key not in _CACHE:
        _CACHE[key] = settle(config, context.hand, context.cache_seed)
    return _CACHE[key].on(context.sim.device)


def settle(config: EnvConfig, hand: HandSpec, seed: int) -> SettledStates:
    """Let objects fall into hands, on the CPU. Raises ConfigError when almost none stays there."""
    rng = Draws(seed)
    chunk = min(_CHUNK, max(32, 2 * config.resets.cache))
    held = object_of(config.model)
    model = build_model(config.model)
    sim = BatchSim(model, chunk, config.threads, layout_of(model, hand, held))
    leaning = round(config.resets.half_flipped * config.resets.cache)
    calm = _collect(config, hand, sim, rng, config.resets.cache - leaning, False)
    lean = _collect(config, hand, sim, rng, leaning, True)
    return SettledStates(torch.cat((calm[0], lean[0])), torch.cat((calm[1], lean[1])))


def _collect(
    config: EnvConfig, hand: HandSpec, sim: BatchSim, rng: Draws, wanted: int, lean: bool
) -> tuple[Tensor, Tensor]:
    qpos = [torch.zeros(0, sim.model.nq, dtype=torch.float64)]
    target = [torch.zeros(0, len(hand.actuators))]
    for _ in range(5 + 100 * wanted // sim.num_worlds):
        if sum(map(len, qpos)) >= wanted:
            break
        targets = _drop_objects(config, hand, sim, rng)
        keep = _stays(config, hand, sim, lean)
        if object_of(config.model).symmetry != "cube":
            # What has no faces may roll away slowly: it must lie still for as long again.
            for _ in range(round(config.resets.settle_s / config.period_s)):
                sim.step(config.control.substeps)
            keep &= _stays(config, hand, sim, lean)
        qpos.append(sim.state("qpos")[keep].clone())
        target.append(targets[keep])
    if sum(map(len, qpos)) < wanted:
        raise ConfigError(
            f"env.resets: got {sum(map(len, qpos))} states in the palm, allowed: at least {wanted};"
            " the object does not rest in this hand"
            " (model.object_size_m, object_mass_kg, resets.settle_s?)"
        )
    return torch.cat(qpos)[:wanted], torch.cat(target)[:wanted]


def _drop_objects(config: EnvConfig, hand: HandSpec, sim: BatchSim, rng: Draws) -> Tensor:
    """Drop an object at random into hands at random; returns the targets (N, A) that hold it."""
    count = sim.num_worlds
    target = random_poses(hand, count, config.resets.many_poses, rng)
    sim.reset(torch.arange(count))
    qpos, layout = sim.state("qpos"), sim.layout
    qpos[:, layout.joints] = joints_of(hand, target)
    place = torch.tensor([*hand.palm_centre_m, _DROP_HEIGHT])
    qpos[:, layout.position] = (place + _SCATTER_M * rng.normal(count, 3)).double()
    qpos[:, layout.rotation] = rotations.random_rotation(count, rng).double()
    sim.state("ctrl")[:, layout.motors] = target.double()
    steps = round(config.resets.settle_s / config.period_s)
    for _ in range(steps):
        sim.step(config.control.substeps)
    # Half of them are then stirred, so that some blocks are caught on their way to another face.
    stirred = random_poses(hand, count, 1.0, rng)
    stir = rng.uniform(count, 1) < 0.5
    target = torch.where(stir, stirred, target)
    sim.state("ctrl")[:, layout.motors] = target.double()
    for _ in range(steps // 2):
        sim.step(config.control.substeps)
    return target


def random_poses(hand: HandSpec, count: int, share: float, rng: Draws) -> Tensor:
    """Motor targets (count, A): the home pose, or for `share` of them one that can hold."""
    home, lower, upper = (
        torch.tensor(values, dtype=torch.float32, device=rng.device)
        for values in (hand.home, hand.lower, hand.upper)
    )
    anywhere = lower + (upper - lower) * rng.uniform(count, len(home))
    # The wrist stays near level, or nothing would lie in the palm.
    amount = torch.full_like(home, 0.6)
    amount[torch.tensor(hand.wrist_motors, device=rng.device)] = 0.25
    random = home + amount * rng.uniform(count, 1) * (anywhere - home)
    chosen = rng.uniform(count, 1) < share
    return torch.where(chosen, random, home)


def joints_of(hand: HandSpec, target: Tensor) -> Tensor:
    """Joint angles (K, J), float64, to which targets (K, A) lead: see `HandSpec.joint_target`."""
    share = hand.coupling / hand.coupling.sum(axis=1, keepdims=True)
    return target.double() @ torch.tensor(share, device=target.device)


def _stays(config: EnvConfig, hand: HandSpec, sim: BatchSim, lean: bool) -> Tensor:
    """Worlds (N,) whose object lies in the palm, calm; if it has faces, leaning or not."""
    qpos, qvel, layout = sim.state("qpos"), sim.state("qvel"), sim.layout
    low, high = (
        torch.tensor([a + b for a, b in zip((*hand.palm_centre_m, 0.0), end, strict=True)])
        for end in (_PALM_LOW, _PALM_HIGH)
    )
    place = qpos[:, layout.position]
    inside = ((place > low) & (place < high)).all(dim=1)
    stays = inside & (qvel[:, layout.object_dofs].abs().amax(dim=1) < _CALM)
    if object_of(config.model).symmetry != "cube":
        return stays
    wxyz = qpos[:, layout.rotation].float()
    tilt = rotations.distance(nearest_upright(wxyz), wxyz)
    return stays & ((tilt > _LEAN_RAD) == lean)
