"""Settled states: an object at rest in the palm or leaning on fingers. Episodes start from them.

Starting from states that the hand can hold, instead of dropping a block at every reset, reduced
the number of samples more than any other change in the pilot.
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
"""Largest number of objects dropped at the same time; fewer for a small cache."""
_CALM = 0.3
"""Largest |qvel| of an object that counts as at rest [m/s, rad/s]."""
_LEAN_RAD = 0.35
_PALM_LOW, _PALM_HIGH = (-0.06, -0.08, 0.0), (0.06, 0.08, 0.12)
"""Bounds of the object's position in the palm, relative to the palm's centre [m]."""
_DROP_HEIGHT, _SCATTER_M = 0.075, 0.012
"""Height at which the object is released, and its horizontal scatter [m]."""

_CACHE: dict[str, SettledStates] = {}
"""Settled states of this process by config and seed; training and evaluation share them."""


@dataclass(frozen=True)
class SettledStates:
    """M states: qpos (M, nq) and the motor targets (M, A) that hold them, on one device."""

    qpos: Tensor
    target: Tensor

    def on(self, device: torch.device) -> SettledStates:
        """The same states on another device."""
        return SettledStates(self.qpos.to(device), self.target.to(device))


def settled_states(context: TaskContext) -> SettledStates:
    """The start states of a task; settled once per process."""
    config = context.config
    key = repr((config.model, config.control, config.resets, context.cache_seed))
    if key not in _CACHE:
        _CACHE[key] = settle(config, context.hand, context.cache_seed)
    return _CACHE[key].on(context.sim.device)


def settle(config: EnvConfig, hand: HandSpec, seed: int) -> SettledStates:
    """Drop objects into hands, on the CPU. Raises ConfigError when too few stay there."""
    rng = Draws(seed)
    chunk = min(_CHUNK, max(32, 2 * config.resets.cache))
    object_spec = object_of(config.model)
    model = build_model(config.model)
    sim = BatchSim(model, chunk, config.threads, layout_of(model, hand, object_spec))
    leaning = round(config.resets.half_flipped * config.resets.cache)
    flat = _collect(config, hand, sim, rng, config.resets.cache - leaning, False)
    lean = _collect(config, hand, sim, rng, leaning, True)
    return SettledStates(torch.cat((flat[0], lean[0])), torch.cat((flat[1], lean[1])))


def _collect(
    config: EnvConfig, hand: HandSpec, sim: BatchSim, rng: Draws, count: int, lean: bool
) -> tuple[Tensor, Tensor]:
    qpos = [torch.zeros(0, sim.model.nq, dtype=torch.float64)]
    target = [torch.zeros(0, len(hand.actuators))]
    for _ in range(5 + 100 * count // sim.num_worlds):
        if sum(map(len, qpos)) >= count:
            break
        targets = _drop_objects(config, hand, sim, rng)
        keep = _stays(config, hand, sim, lean)
        if object_of(config.model).symmetry != "cube":
            # An object without faces may roll slowly: it must stay at rest for the same time again.
            for _ in range(round(config.resets.settle_s / config.period_s)):
                sim.step(config.control.substeps)
            keep &= _stays(config, hand, sim, lean)
        qpos.append(sim.state("qpos")[keep].clone())
        target.append(targets[keep])
    if sum(map(len, qpos)) < count:
        raise ConfigError(
            f"env.resets: got {sum(map(len, qpos))} states in the palm, allowed: at least {count};"
            " the object does not rest in this hand"
            " (model.object_size_m, object_mass_kg, resets.settle_s?)"
        )
    return torch.cat(qpos)[:count], torch.cat(target)[:count]


def _drop_objects(config: EnvConfig, hand: HandSpec, sim: BatchSim, rng: Draws) -> Tensor:
    """Drop objects at random into random hand poses; returns the motor targets (N, A)."""
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
    # Half of the hands then move, so that some blocks come to rest halfway to another face.
    moved = random_poses(hand, count, 1.0, rng)
    moves = rng.uniform(count, 1) < 0.5
    target = torch.where(moves, moved, target)
    sim.state("ctrl")[:, layout.motors] = target.double()
    for _ in range(steps // 2):
        sim.step(config.control.substeps)
    return target


def random_poses(hand: HandSpec, count: int, share: float, rng: Draws) -> Tensor:
    """Motor targets (count, A): the home pose, or a random one for a fraction `share` of them."""
    home, lower, upper = (
        torch.tensor(values, dtype=torch.float32, device=rng.device)
        for values in (hand.home, hand.lower, hand.upper)
    )
    anywhere = lower + (upper - lower) * rng.uniform(count, len(home))
    # The wrist stays near level, otherwise nothing would lie in the palm.
    amount = torch.full_like(home, 0.6)
    amount[torch.tensor(hand.wrist_motors, device=rng.device)] = 0.25
    random = home + amount * rng.uniform(count, 1) * (anywhere - home)
    chosen = rng.uniform(count, 1) < share
    return torch.where(chosen, random, home)


def joints_of(hand: HandSpec, target: Tensor) -> Tensor:
    """Joint angles (K, J), float64, at motor targets (K, A): see `HandSpec.joint_target`."""
    share = hand.coupling / hand.coupling.sum(axis=1, keepdims=True)
    return target.double() @ torch.tensor(share, device=target.device)


def _stays(config: EnvConfig, hand: HandSpec, sim: BatchSim, lean: bool) -> Tensor:
    """(N,) bool: the object rests in the palm; `lean`: whether it must lean, if it has faces."""
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
