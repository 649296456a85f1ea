"""The full cube's models without a hand: lost cubelets, jams, pushes, corner cutting, cost.

    sleight bench cube [--models cube cube-stiff] [--turns 1000] [--plot cutting.html]

Quarter turns of all faces, both ways, at 0.5 to 8 rad/s and at most 0.15 Nm, of a cube whose core
is free and shaken (2 N, 0.02 Nm) and whose cubelets feel random forces. *Lost*: a cubelet is more
than 20 degrees from a legal cube; the world then starts from a solved one. *Jam*: a layer has not
arrived within 15 degrees 0.4 s after it should. Corner cutting is the largest angle of a
neighbouring face at which a face still turns, with that face free; forward: the turn straightens
the neighbour first by pushing it back the shorter way.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import mujoco
import numpy as np

from sleight.envs.objects.cubes.turner import (
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
from sleight.envs.objects.object_spec import OBJECTS, ObjectSpec
from sleight.envs.sim.model import set_options
from sleight.envs.sim.model_config import ModelConfig

MODELS = {"cube": 0.008, "cube-stiff": 0.002, "cube-hinges": 0.008}
"""Object -> its physics step [s]."""
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


@dataclass
class Turns:
    """What happened in some turns."""

    turns: int
    lost: int
    jams: int
    broken: int
    """Worlds that became non-finite."""
    bend_deg: float
    """Largest angle of a cubelet from a legal cube, of those that were not lost."""
    rows: float
    """Mean number of constraint rows."""
    us_per_step: float
    """Processor time of one physics step of one world."""


def free_cube(name: str, held: ObjectSpec | None = None, **options: float) -> mujoco.MjModel:
    """The model of an object that floats without gravity. options: fields of ModelConfig."""
    held = held or OBJECTS.get(name, "--models")
    spec = mujoco.MjSpec()
    config = ModelConfig(object=name, **{"timestep_s": MODELS.get(name, 0.008), **options})
    set_options(spec, config)
    spec.option.iterations = max(config.iterations, held.iterations)
    spec.option.gravity = (0.0, 0.0, 0.0)
    body = spec.worldbody.add_body(name=NAME)
    body.add_freejoint(name=NAME)
    held.add_to(spec, body, NAME, held.size_m, held.mass_kg)
    return spec.compile()


class Trial:
    """Random turns of shaken cubes."""

    def __init__(self, model: mujoco.MjModel, count: int, seed: int) -> None:
        self.cubes, self.rng = Cubes(model, count), np.random.default_rng(seed)
        self.result = Turns(0, 0, 0, 0, 0.0, 0.0, 0.0)
        self.retry = np.zeros(count, dtype=bool)
        """Worlds whose last turn jammed: the next turn goes back."""
        self.last = Turn(np.zeros(count, int), np.zeros(count))
        self._nefc = self.cubes.batch.bind("nefc")
        self.steps, self.seconds, self.rows = 0, 0.0, 0.0

    def run(self, turns: int) -> Turns:
        """Run at least `turns` turns; each round of all worlds has one of many speeds."""
        rounds = -(-turns // self.cubes.count)
        speeds = np.geomspace(*SPEEDS, rounds) if rounds > 1 else np.array([2.0])
        for speed in self.rng.permutation(speeds):
            self._turn(float(speed))
        result, per_law = self.result, self.cubes.substeps * self.cubes.count
        result.us_per_step = 1e6 * self.seconds / (self.steps * per_law)
        result.rows = self.rows / self.steps
        return result

    def _turn(self, speed: float) -> None:
        count = self.cubes.count
        turn = Turn(
            np.where(self.retry, self.last.face, self.rng.integers(6, size=count)),
            np.where(self.retry, 0.0, self.rng.choice((-1.0, 1.0), count) * np.pi / 2),
        )
        angle = self.cubes.layer_angle(turn)
        start = np.where(self.retry, angle, 0.0)
        way = turn.angle - start
        for number in range(round((np.pi / 2 / speed + GRACE_S) / STEP_S)):
            goal = start + np.sign(way) * np.minimum(speed * number * STEP_S, np.abs(way))
            angle = self._step(turn, goal, angle)
        self._judge(turn, np.abs(angle - turn.angle))

    def _step(self, turn: Turn, goal: np.ndarray, before: np.ndarray) -> np.ndarray:
        cubes = self.cubes
        angle = cubes.layer_angle(turn)
        speed = (angle - before) / STEP_S
        torque = STIFFNESS * (goal - angle) - DAMPING * speed
        cubes.push_torques(turn, np.clip(torque, -LARGEST_TORQUE, LARGEST_TORQUE))
        cubes.hold_others(turn)
        cubes.xfrc[:, cubes.bodies, :3] += SCATTER_N * self.rng.normal(size=(cubes.count, 26, 3))
        spin = self._core_spin()
        for part, size, drag, velocity in (
            (slice(0, 3), SHAKE[0], DRAG[0], cubes.qvel[:, :3]),
            (slice(3, 6), SHAKE[1], DRAG[1], spin),
        ):
            noise = size * self.rng.normal(size=(cubes.count, 3))
            cubes.xfrc[:, cubes.root, part] += noise - drag * velocity
        started = time.process_time()
        cubes.step()
        self.seconds += time.process_time() - started
        self.steps += 1
        self.rows += float(self._nefc.mean())
        return angle

    def _core_spin(self) -> np.ndarray:
        return rotate(self.cubes.core(), self.cubes.qvel[:, 3:6])

    def _judge(self, turn: Turn, missed: np.ndarray) -> None:
        cubes, result = self.cubes, self.result
        broken = ~np.isfinite(cubes.qpos).all(axis=1)
        jam = (missed > JAM) & ~broken
        arrived = np.where(jam, 0.0, turn.angle)
        inside = cubes.members(turn.face)
        turned = multiply(about(NORMALS[turn.face], arrived)[:, None], cubes.legal)
        cubes.legal[inside] = turned[inside]
        bend = cubes.bend()
        lost = (bend > LOST) & ~broken & ~jam
        result.turns += int((~self.retry).sum())
        result.lost += int(lost.sum())
        result.jams += int((jam & ~self.retry).sum())
        result.broken += int(broken.sum())
        result.bend_deg = max(
            result.bend_deg, float(np.degrees(bend[~lost & ~jam & ~broken].max()))
        )
        # A turn that fails on the way back as well begins anew.
        again = lost | broken | (jam & self.retry)
        result.lost += int((jam & self.retry).sum())
        cubes.solve(again)
        self.retry, self.last = jam & ~again, turn
