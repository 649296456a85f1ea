"""Trials of cubes without a hand: random turns, pushes, corner cutting, angle over time.

The tests of the models run them, and so does `sleight bench cube`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import mujoco
import numpy as np

from ...cube.cube_geometry import FACES
from ...sim.model import set_options
from ...sim.model_config import ModelConfig
from ..object_spec import OBJECTS
from .turner import (
    DAMPING,
    NAME,
    NORMALS,
    STEP_S,
    STIFFNESS,
    Cubes,
    Turn,
    about,
    multiply,
    rotate,
)

TIMESTEPS = {"cube-stiff": 0.002}
"""Physics step of the objects that are not for 8 ms [s]."""
LARGEST_TORQUE = 0.15
SPEEDS = (0.5, 8.0)
SHAKE = (2.0, 0.02)
"""Standard deviation of force and torque on the core [N, Nm]."""
SCATTER_N = 0.1
"""Standard deviation of the force on each cubelet."""
DRAG = (0.5, 1e-3)
"""Of the core [N s/m, Nm s]: the hand that keeps the shaken cube in place."""
LOST, JAM = np.radians(20.0), np.radians(15.0)
GRACE_S = 0.4
PUSH_N, PUSH_S = 5.0, 0.2


@dataclass
class Turns:
    """What happened in some turns."""

    turns: int = 0
    lost: int = 0
    jams: int = 0
    broken: int = 0
    """Worlds that became non-finite."""
    bend_deg: float = 0.0
    """Largest angle of a cubelet from a legal cube after a turn, of those that were not lost."""
    rows: float = 0.0
    """Mean number of constraint rows."""
    us_per_step: float = 0.0
    """Processor time of one physics step of one world."""


def free_cube(name: str) -> mujoco.MjModel:
    """The model of an object that floats without gravity. Raises ConfigError for its name."""
    held = OBJECTS.get(name, "model.object")
    spec = mujoco.MjSpec()
    set_options(spec, ModelConfig(timestep_s=TIMESTEPS.get(name, 0.008)), held)
    spec.option.gravity = (0.0, 0.0, 0.0)
    body = spec.worldbody.add_body(name=NAME)
    body.add_freejoint(name=NAME)
    held.add_to(spec, body, NAME, held.size_m, held.mass_kg)
    return spec.compile()


class RandomTurns:
    """Random quarter turns of shaken cubes."""

    def __init__(self, model: mujoco.MjModel, count: int, seed: int) -> None:
        self.cubes, self.rng = Cubes(model, count), np.random.default_rng(seed)
        self.result = Turns()
        self._retry = np.zeros(count, dtype=bool)
        """Worlds whose last turn jammed: the next turn goes back."""
        self._last = Turn(np.zeros(count, int), np.zeros(count))
        self._nefc = self.cubes.batch.bind("nefc")
        self._steps, self._seconds, self._rows = 0, 0.0, 0.0

    def run(self, turns: int) -> Turns:
        """Run at least `turns` turns; each round of all worlds has one of many speeds."""
        speeds = np.geomspace(*SPEEDS, max(2, -(-turns // self.cubes.count)))
        for speed in self.rng.permutation(speeds):
            self._turn(float(speed))
        result, cubes = self.result, self.cubes
        result.us_per_step = 1e6 * self._seconds / (self._steps * cubes.substeps * cubes.count)
        result.rows = self._rows / self._steps
        return result

    def _turn(self, speed: float) -> None:
        count = self.cubes.count
        turn = Turn(
            np.where(self._retry, self._last.face, self.rng.integers(6, size=count)),
            np.where(self._retry, 0.0, self.rng.choice((-1.0, 1.0), count) * np.pi / 2),
        )
        angle = self.cubes.layer_angle(turn)
        start = np.where(self._retry, angle, 0.0)
        way = turn.angle - start
        for number in range(round((np.pi / 2 / speed + GRACE_S) / STEP_S)):
            goal = start + np.sign(way) * np.minimum(speed * number * STEP_S, np.abs(way))
            angle = self._step(turn, goal, angle)
        self._judge(turn, np.abs(angle - turn.angle))

    def _step(self, turn: Turn, goal: np.ndarray, before: np.ndarray) -> np.ndarray:
        cubes, rng = self.cubes, self.rng
        angle = cubes.layer_angle(turn)
        torque = STIFFNESS * (goal - angle) - DAMPING * (angle - before) / STEP_S
        cubes.apply(turn, np.clip(torque, -LARGEST_TORQUE, LARGEST_TORQUE))
        cubes.hold_others(turn)
        cubes.xfrc[:, cubes.bodies, :3] += SCATTER_N * rng.normal(size=(cubes.count, 26, 3))
        spin = rotate(cubes.core(), cubes.qvel[:, 3:6])
        velocities = np.concatenate((DRAG[0] * cubes.qvel[:, :3], DRAG[1] * spin), axis=1)
        noise = np.repeat(SHAKE, 3) * rng.normal(size=(cubes.count, 6))
        cubes.xfrc[:, cubes.root] += noise - velocities
        started = time.process_time()
        cubes.step()
        self._seconds += time.process_time() - started
        self._steps += 1
        self._rows += float(self._nefc.mean())
        return angle

    def _judge(self, turn: Turn, missed: np.ndarray) -> None:
        cubes, result, back = self.cubes, self.result, self._retry
        broken = ~np.isfinite(cubes.qpos).all(axis=1)
        jam = ~(missed <= JAM) & ~broken
        inside = cubes.members(turn.face)
        arrived = about(NORMALS[turn.face], np.where(jam, 0.0, turn.angle))
        cubes.legal[inside] = multiply(arrived[:, None], cubes.legal)[inside]
        bend = cubes.bend()
        # A layer that does not even come back has lost its cubelets.
        lost = ~broken & np.where(jam, back, bend > LOST)
        sound = ~(jam | lost | broken)
        result.turns += int((~back).sum())
        result.jams += int((jam & ~back).sum())
        result.lost += int(lost.sum())
        result.broken += int(broken.sum())
        result.bend_deg = max(result.bend_deg, float(np.degrees(bend[sound].max(initial=0.0))))
        cubes.solve(lost | broken)
        self._retry, self._last = jam & ~lost, turn


def pushes(model: mujoco.MjModel, count: int, seed: int) -> tuple[float, int]:
    """Push one cubelet of each of `count` cubes at rest by 5 N for 0.2 s, in any direction.

    The core is held by the opposite force. Returns the largest bend in degrees, and the number of
    cubes that are not legal 0.4 s later.
    """
    cubes, rng = Cubes(model, count), np.random.default_rng(seed)
    force = rng.normal(size=(count, 3))
    force *= PUSH_N / np.linalg.norm(force, axis=1, keepdims=True)
    every, chosen = np.arange(count), rng.integers(26, size=count)
    worst = 0.0
    for number in range(round((PUSH_S + GRACE_S) / STEP_S)):
        pushed = number * STEP_S < PUSH_S
        cubes.xfrc[:] = 0.0
        cubes.xfrc[every, cubes.bodies[chosen], :3] = force * pushed
        cubes.xfrc[:, cubes.root, :3] -= force * pushed
        spin = rotate(cubes.core(), cubes.qvel[:, 3:6])
        cubes.xfrc[:, cubes.root] -= np.concatenate(
            (DRAG[0] * cubes.qvel[:, :3], DRAG[1] * spin), axis=1
        )
        cubes.step()
        worst = max(worst, float(np.degrees(np.nan_to_num(cubes.bend(), nan=np.pi).max())))
    return worst, int((~(cubes.bend() <= LOST)).sum())


def cutting(model: mujoco.MjModel, torque: float, angles: np.ndarray) -> np.ndarray:
    """Whether U turns a quarter within 2 s at a constant torque, with R misaligned by `angles`.

    angles (N,): rad, about the outward normal of R. The torque is right-handed, so that UF moves
    to UR: at positive angles the turn carries on with R's own motion.
    """
    count = len(angles)
    cubes = Cubes(model, count)
    right, up = FACES.index("R"), FACES.index("U")
    cubes.set_face(right, angles)
    turn = Turn(np.full(count, up), np.full(count, np.pi / 2))
    passed = np.zeros(count, dtype=bool)
    for _ in range(round(2.0 / STEP_S)):
        cubes.apply(turn, np.where(passed, 0.0, torque))
        cubes.step()
        # The corners and edges that R does not share decide: R's own may be left behind.
        passed |= cubes.layer_angle(turn) > np.radians(80.0)
    return passed


def turning(model: mujoco.MjModel, torque: float, seconds: float = 1.0) -> np.ndarray:
    """(T,) angle of U under a constant, even torque from rest, each STEP_S [deg]; to 90."""
    cubes, turn, angles = Cubes(model, 1), Turn(np.zeros(1, int), np.zeros(1)), []
    for _ in range(round(seconds / STEP_S)):
        cubes.apply(turn, np.full(1, torque))
        cubes.step()
        angles.append(float(np.degrees(cubes.layer_angle(turn)[0])))
        if angles[-1] > 90.0:
            break
    return np.array(angles)
