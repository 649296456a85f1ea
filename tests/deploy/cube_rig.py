"""A simulated rig with a cube in this process, a bundle of cube-full, and a hand that turns it."""

import threading
from dataclasses import replace

import numpy as np

from sleight.config import load
from sleight.contract.bundle import write_manifest
from sleight.deploy.sim.plant_config import RigSimConfig
from sleight.deploy.sim.rig_process import RigSim
from sleight.envs.config import EnvConfig
from sleight.envs.cube.cube_geometry import (
    FACES,
    HOME,
    IN_LAYER,
    NORMALS,
    PLACES,
    SIDES,
    opposite,
    wrapped,
)
from sleight.envs.cube.cubelets import matrices_of
from sleight.envs.cube.plan import Flip
from sleight.envs.make import resolve
from sleight.envs.objects.cubes.full_cube import cubelet_name
from sleight.envs.tasks.cubes.full_task import full_law
from sleight.train.export.bundle_export import task_entry
from sleight.train.export.task_graph import write_task_graph
from tests.deploy.conftest import make_bundle, manifest

ENV = resolve(EnvConfig(task="cube-full"))
SIM = ("--port", "0", "--referee_port", "0", "--plant.object", "cube",
       "--plant.timestep_s", "0.004", "--realtime", "false")  # fmt: skip
IN_THE_AIR_M = np.array([0.0, -0.05, 0.3])
STRAIGHT_RAD = 0.05
STIFFNESS, LARGEST_NM, DAMPING = 0.3, 0.04, 0.003
"""Of the torque that turns a layer: per rad, at most, and per rad/s."""


def cube_bundle(folder, **changes):
    """A policy that hardly moves, with the law of cube-full."""
    make_bundle(folder, 0.002)
    law = full_law(ENV)
    write_task_graph(law, 6, folder / "task.onnx")
    whole = manifest(folder)
    task = task_entry(ENV, law, folder, max_successes=50)
    write_manifest(folder, replace(whole, task=replace(task, **changes)))
    return folder


class Oracle:
    """Holds the rig's cube in the air, flips it to the goal, and turns faces by applied torque.

    It acts in the rig's thread, between steps of the physics, and knows the goal from the judge.
    `mistakes`: number of a turn -> faces that it turns along or instead, by a quarter.
    """

    def __init__(self, sim, mistakes=None):
        self.sim, self.plant = sim, sim._body.plant
        self.model, self.data = self.plant._model, self.plant._data
        names = [cubelet_name("object", place) for place in PLACES]
        self.bodies = np.array([self.model.body(name).id for name in names])
        self.judge = None
        self.mistakes = dict(mistakes or {})
        self.turn, self.seen, self.wanted, self.state = 0, None, None, None
        self.placed_s = 0.0
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=lambda: sim.run(self.tick), daemon=True)

    def __enter__(self):
        self.sim.__enter__()
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.stopped.set()
        self.thread.join()
        self.sim.__exit__(*error)

    def flags(self):
        hand, referee = self.sim.ports
        return ("--hand.port", str(hand), "--referee.port", str(referee))

    def tick(self):
        """Called by the rig at each turn of its loop; returns whether it is to end."""
        trial = self.judge.trial if self.judge else None
        if self.plant.object_position[2] > -0.2:
            self._act(trial.follower if trial else None)
        return self.stopped.is_set()

    def _act(self, follower):
        layout, data = self.plant._layout, self.data
        data.qpos[layout.position] = IN_THE_AIR_M
        data.qvel[layout.object_dofs][:6] = 0.0
        data.qvel[layout.velocity], data.qvel[layout.spin] = 0.0, 0.0
        data.xfrc_applied[self.bodies] = 0.0
        step = follower.step if follower else None
        if self.plant._placed_s != self.placed_s:
            self.placed_s, self.wanted = self.plant._placed_s, None
        # A face that is not straight yet would jam the next one.
        if step is not self.seen and not self._turning():
            self.seen = step
            if step is not None:
                self._begin(follower, step)
        if self.wanted is not None:
            self._push()

    def _begin(self, follower, step):
        core = self.data.qpos[self.plant._layout.rotation]
        core[:] = self.judge.trial.goal(core)["goal_wxyz"]
        if isinstance(step.move, Flip):
            return
        self.turn, self.state = self.turn + 1, follower.before
        faces = self.mistakes.get(self.turn, {step.face_up: step.move.quarter})
        # The layer on the other side stays straight, though the middle drags it along.
        faces = dict.fromkeys(map(opposite, faces), 0) | faces
        self.wanted = {}
        for face, quarters in faces.items():
            index = FACES.index(face)
            start = self.state.joint_angles_rad[index]
            self.wanted[face] = start + SIDES[index] * quarters * np.pi / 2

    def _error(self, face):
        """What a face is away from where it is to be, right-handed about its outward normal."""
        index = FACES.index(face)
        return SIDES[index] * wrapped(self.wanted[face] - self.plant.object_joints[index])

    def _turning(self):
        return any(abs(self._error(face)) > STRAIGHT_RAD for face in self.wanted or ())

    def _push(self):
        core = matrices_of(self.data.qpos[self.plant._layout.rotation])
        for face in self.wanted:
            index, error = FACES.index(face), self._error(face)
            rate = SIDES[index] * self.data.qvel[self.plant._layout.inner_dofs][index]
            size = np.clip(STIFFNESS * error, -LARGEST_NM, LARGEST_NM) - DAMPING * rate
            torque = size * (core @ NORMALS[index])
            inside = IN_LAYER[self.state.places, index]
            middle = HOME[self.state.places] @ NORMALS[index] == 0
            self.data.xfrc_applied[self.bodies[inside], 3:] += torque / inside.sum()
            self.data.xfrc_applied[self.bodies[middle], 3:] -= torque / middle.sum()


def sim_with(*flags):
    return RigSim(load(RigSimConfig, None, [*SIM, *flags]))
