"""The simulated rig's process: one thread steps the physics in real time and serves two ports."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ...envs.hands.hand_model import HANDS
from ...envs.sim.model_config import ModelConfig
from ...errors import ConfigError, SleightError
from ..hand.hand import HandMode
from ..link import wire
from ..link.hand_log import HandLog
from ..link.hand_port import HandPort
from ..link.hand_session import Session
from ..link.handshake import hello_of
from ..link.secret import read_secret
from ..link.tcp_server import Port
from ..runtime.realtime import realtime
from .faults import Faults
from .plant_config import PlantConfig, RigSimConfig
from .simulated_body import Body
from .smart_cube import SmartCube, reports_faces

if TYPE_CHECKING:
    from .camera_process import RigCameras

WAKE_S = 0.002
"""Period at which the thread checks the clock and its ports [s]."""
MOTORS_S = 0.5
"""Period of messages with motor temperatures [s]."""
MAX_LAG_S = 0.05
"""Largest lag of the physics behind the wall clock [s]; more is skipped, as an overrun."""


class RigSim:
    """The rig; a context manager that owns its ports."""

    def __init__(self, config: RigSimConfig) -> None:
        """Raises ConfigError for an unknown hand, object, joint or motor."""
        spec = HANDS.get(config.plant.hand, "plant.hand").spec
        self._config, self._spec = config, spec
        for fault in config.faults:
            fault.check(spec)
        self.log = self._log = HandLog(config.log)
        self._body = body = Body(spec, config.plant, config.seed)
        self._session = Session(spec, config, body.motors, body.measured, self._log)
        self._cube = _smart_cube(config)
        self._faults = Faults(config.faults, spec, body, config.seed, self._log)
        hand, self._referee = self._ports(body.plant.object_size_m)
        self._hand = HandPort(hand, self._session, self._log)
        self.cameras = _cameras(config, body)
        self._sent = self.overruns = 0
        self._reported_s = time.monotonic()
        self.cameras_gone = ""
        """Why the cameras deliver nothing any more; empty while they do."""
        self.lost_s = 0.0
        """Time that the physics skipped because the machine was too slow [s]."""

    def __enter__(self) -> RigSim:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._hand.close()
        self._referee.close()
        if self.cameras:
            self.cameras.close()
        if error:
            self._log("fault", cause=repr(error))
        self._log("end", overruns=self.overruns, lost_s=round(self.lost_s, 4))
        self._log.close()

    @property
    def ports(self) -> tuple[int, int]:
        """The ports of the hand and of the referee."""
        return self._hand.number, self._referee.number

    def run(self, should_stop: Callable[[], bool] = lambda: False) -> None:
        """Serve until `should_stop()` or the configured end. Raises DataError if physics fails."""
        with realtime(self._config.realtime) as granted:
            self._log("start", seed=self._config.seed, ports=self.ports, realtime=granted)
            self._loop(should_stop)

    def _loop(self, should_stop: Callable[[], bool]) -> None:
        step_s = self._config.plant.timestep_s / self._config.real_time_factor
        state_s = 1.0 / (self._config.state_rate_hz * self._config.real_time_factor)
        start_s = stepped_s = published_s = time.monotonic()
        while not should_stop():
            now_s = time.monotonic()
            self._serve(now_s)
            self._faults.tick(self._session.mode is HandMode.ARMED, now_s)
            if now_s - stepped_s > MAX_LAG_S:
                stepped_s = self._skip_lag(stepped_s, now_s)
            while stepped_s + step_s <= now_s:
                self._body.step()
                stepped_s += step_s
            if published_s + state_s <= now_s:
                self._publish()
                # One state per period, never two states at once after a late wake-up.
                published_s = max(published_s + state_s, now_s - state_s)
            if self._config.duration_s and now_s - start_s > self._config.duration_s:
                return
            time.sleep(max(WAKE_S - (time.monotonic() - now_s), 0.0))

    def _ports(self, object_size_m: float) -> tuple[Port, Port]:
        config = self._config
        hello = wire.encode(
            "hello",
            protocol=wire.PROTOCOL,
            simulated=True,
            state_rate_hz=config.state_rate_hz,
            hold_after_s=config.hold_after_s,
            relax_after_s=config.relax_after_s,
            **hello_of(self._spec),
        )
        welcome = wire.encode(
            "hello_referee",
            protocol=wire.PROTOCOL,
            object_size_m=object_size_m,
            rate_hz=config.state_rate_hz,
        )
        secret = read_secret(config.secret) if config.secret else None
        hand = Port(config.host, config.port, "the hand", 1, hello, secret)
        try:
            referee = Port(config.host, config.referee_port, "the referee", 4, welcome)
        except SleightError:
            hand.close()
            raise
        return hand, referee

    def _report_motors(self, now_s: float) -> None:
        elapsed_s = now_s - self._reported_s
        if elapsed_s < MOTORS_S:
            return
        self._reported_s, motors = now_s, self._body.motors
        motors.warm(elapsed_s)
        temperature_c = np.round(motors.temperature_c, 1).tolist()
        self._hand.publish(wire.encode("motors", temperature_c=temperature_c))

    def _skip_lag(self, stepped_s: float, now_s: float) -> float:
        self.overruns += 1
        self.lost_s += now_s - stepped_s
        self._log("overrun", lost_s=round(now_s - stepped_s, 4))
        return now_s

    def _serve(self, now_s: float) -> None:
        self._hand.serve(now_s)
        for client, message in self._referee.poll(0.0, lambda client: None):
            if message["type"] == "place":
                self._body.place()
                self._log("placed")
                self._referee.send(client, wire.encode("placed", seq=message["seq"]))
        self._referee.take_closed()

    def _publish(self) -> None:
        self._sent += 1
        now_s = time.monotonic()
        body, encoders = self._body, self._body.encoders
        self._report_motors(now_s)
        state = {
            "seq": self._sent,
            "time_s": now_s,
            "mode": self._session.mode,
            "position": np.round(encoders.position, 6).tolist(),
            "velocity": np.round(encoders.velocity, 5).tolist(),
            "effort": np.round(body.motors.force, 5).tolist(),
        }
        for frame in self._faults.states(state, now_s):
            self._hand.publish(frame)
        position = body.plant.object_position
        joints_s, joints = now_s, body.plant.object_joints
        if self._cube:
            joints_s, joints = self._cube.report(joints, now_s)
        pose = {
            "seq": self._sent,
            "time_s": now_s,
            "position": position.tolist(),
            "wxyz": body.plant.object_wxyz.tolist(),
            "joints": joints.tolist(),
            "joints_time_s": joints_s,
            "dropped": bool(position[2] < self._config.drop_height_m),
        }
        shown_pose = self._faults.pose(pose)
        self._referee.broadcast(wire.encode("object", **shown_pose))
        if self.cameras and self.cameras.ended and not self.cameras_gone:
            self.cameras_gone = "the camera process has ended; no more pictures"
            self._log("cameras_gone", cause=self.cameras_gone)
        # Frozen cameras keep sending their last picture, as real ones do.
        if self.cameras and shown_pose["time_s"] == now_s:
            self.cameras.write(body.plant.qpos)


def _smart_cube(config: RigSimConfig) -> SmartCube | None:
    if config.smart_cube is None or not reports_faces(config.plant.object):
        return None
    rng = np.random.default_rng([config.seed, 2])
    return SmartCube(config.smart_cube, config.real_time_factor, rng)


def _cameras(config: RigSimConfig, body: Body) -> RigCameras | None:
    if config.cameras is None:
        return None
    # Imported here: a rig without cameras needs no renderer.
    from .camera_process import RigCameras

    plant = config.plant
    if plant.hand != PlantConfig().hand:
        raise ConfigError(
            f"cameras: got them with plant.hand {plant.hand}, allowed: with the default hand"
        )
    shown = ModelConfig(object=plant.object, object_size_m=body.plant.object_size_m)
    return RigCameras(config.cameras, config.host, config.seed, shown, body.plant.qpos)
