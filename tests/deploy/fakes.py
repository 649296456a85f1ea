"""Stand-ins for a hand, for the cameras and for the clock."""

import time

import numpy as np

from sleight.deploy.cameras.pose_sources import ObjectPose, PoseSource
from sleight.deploy.hand.hand import (
    Applied,
    DriverGone,
    HandDriver,
    HandMode,
    HandState,
    Health,
    StaleState,
)
from sleight.deploy.runtime.pacer import Tick
from sleight.deploy.sim.motors import Motors
from sleight.envs.hands.shadow import ACTUATORS, SHADOW_RIGHT
from sleight.envs.hands.shadow import SHADOW_RIGHT as HAND


class Recorder(HandDriver):
    """A hand that does as it is told and remembers it."""

    spec = HAND

    def __init__(self, clock=time.monotonic):
        self.clock = clock
        self.calls = []
        self.mode = HandMode.READY
        self.slow_s = 0.0
        self.stale = False
        self.gone = False

    def connect(self, timeout_s):
        self.calls.append("connect")

    def arm(self):
        self.mode = HandMode.ARMED
        return Applied(HAND.home)

    def read(self, max_age_s):
        if self.stale:
            raise StaleState("joint state: got an age of 1 s")
        joints = HAND.joint_target(HAND.home)
        return HandState(joints, np.zeros(24), None, 0.0, self.clock(), 0.0, 0, self.mode)

    def command(self, target, duration_s):
        time.sleep(self.slow_s)
        self.calls.append(target)
        return Applied(target, ("hand_limit:FFJ3",))

    def heartbeat(self):
        self.calls.append("heartbeat")

    def hold(self):
        self._say("hold")

    def relax(self):
        self._say("relax")

    def stop(self, reason):
        self._say("stop")

    def health(self):
        return Health(self.mode, 125.0, 0.0, 0, 0)

    def close(self, timeout_s):
        self.calls.append("close")

    def _say(self, what):
        if self.gone:
            raise DriverGone("gone")
        if what == "hold" and self.mode is HandMode.ARMED:
            self.mode = HandMode.HOLD
        self.calls.append(what)

    @property
    def commands(self):
        """Targets that were sent."""
        return [call for call in self.calls if isinstance(call, np.ndarray)]


class Poses(PoseSource):
    """An object that lies in the palm, seen or not."""

    def __init__(self):
        self.seen = True
        self.blindness = ""
        self.position = np.array([0.0, -0.05, 0.04])
        self.requests = 0

    def newest(self, max_age_s):
        wxyz = np.array([1.0, 0.0, 0.0, 0.0])
        return ObjectPose(self.position, wxyz, 0.0) if self.seen else None

    def blind(self, for_s):
        return self.blindness

    def request_place(self):
        self.requests += 1

    def placed(self):
        return True

    def close(self, timeout_s):
        pass


class Script:
    """A pacer that gives the ticks that it was told, and sets up what each turn needs before it."""

    def __init__(self):
        self.steps = []
        self.index = -1

    def then(self, count=1, lateness_s=0.0, dropped=0, before=lambda: None):
        self.steps += [(lateness_s, dropped, before)] * count
        return self

    def wait(self):
        lateness_s, dropped, before = self.steps.pop(0)
        before()
        self.index += 1 + dropped
        return Tick(self.index, lateness_s, dropped)

    def over(self):
        return not self.steps


def shadow_motors(hidden, config):
    """The simulated rig's motors, with the nominal numbers of the Shadow Hand's table."""
    stiffness, force = (np.array([getattr(row, key) for row in ACTUATORS])
                        for key in ("stiffness", "force"))  # fmt: skip
    return Motors(SHADOW_RIGHT, hidden, config, stiffness, force)
