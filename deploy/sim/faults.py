"""Injects faults into the simulated rig at set times, as they occur on real rigs."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...contract.hand_spec import HandSpec
from ..link import wire
from .plant_config import FaultConfig
from .simulated_body import Body

Log = Callable[..., None]
_ANGLES = ("joints", "joints_time_s")
LOGGED_S = 0.05
"""Delay before the process is killed [s], so that its log contains the reason."""


class Faults:
    """The active faults. Call `tick` at every step; pass every state and pose through it."""

    def __init__(
        self, faults: Sequence[FaultConfig], spec: HandSpec, body: Body, seed: int, log: Log
    ) -> None:
        self._faults, self._spec, self._body, self._log = faults, spec, body, log
        self._rng = np.random.default_rng([seed, 1])
        self._began_s: float | None = None
        self._on: set[int] = set()
        self._frozen: dict[str, Any] | None = None
        self._frozen_pose: dict[str, dict[str, Any]] = {}
        self._late: deque[tuple[float, bytes]] = deque()
        self._held_back: bytes | None = None

    def tick(self, armed: bool, now_s: float) -> None:
        """Begin and end faults that are due; time counts from the first arming of the hand."""
        if self._began_s is None and armed:
            self._began_s = now_s
        if self._began_s is None:
            return
        for index, fault in enumerate(self._faults):
            since_s = now_s - self._began_s - fault.after_s
            on = since_s >= 0.0 and (fault.for_s == 0.0 or since_s < fault.for_s)
            if on != (index in self._on):
                self._on ^= {index}
                self._switch(fault, on)

    def states(self, fields: dict[str, Any], now_s: float) -> list[bytes]:
        """The frames that are sent instead of one joint state."""
        fields = self._frozen_state(fields)
        if (drop := self._active("drop")) and self._rng.random() < drop.share:
            return self._due(now_s)
        frame = self._with_nan(fields) if self._active("nan") else wire.encode("state", **fields)
        if delay := self._active("delay"):
            self._late.append((now_s + delay.delay_s, frame))
            return self._due(now_s)
        return [*self._due(now_s), *self._reordered(frame)]

    def pose(self, fields: dict[str, Any]) -> dict[str, Any]:
        """The object pose that the cameras show, with the newest report of a cube."""
        for kind, names in (("camera_freeze", fields.keys() - {"seq"}), ("angles_freeze", _ANGLES)):
            if not self._active(kind):
                self._frozen_pose.pop(kind, None)
                continue
            kept = self._frozen_pose.setdefault(kind, {name: fields[name] for name in names})
            fields = {**fields, **kept}
        return fields

    def _active(self, kind: str) -> FaultConfig | None:
        return next((self._faults[i] for i in self._on if self._faults[i].kind == kind), None)

    def _switch(self, fault: FaultConfig, on: bool) -> None:
        self._log("fault_on" if on else "fault_off", kind=fault.kind, name=fault.name)
        if fault.kind == "kill" and on:
            time.sleep(LOGGED_S)
            os.kill(os.getpid(), signal.SIGKILL)
        elif fault.kind == "stuck_joint":
            self._body.plant.lock(fault.name, on)
        elif fault.kind == "hot_motor":
            self._body.motors.halted[self._spec.actuators.index(fault.name)] = on

    def _frozen_state(self, fields: dict[str, Any]) -> dict[str, Any]:
        """The last reading before the freeze, with its time."""
        if not self._active("freeze"):
            self._frozen = None
            return fields
        self._frozen = self._frozen or fields
        return {**self._frozen, "seq": fields["seq"], "mode": fields["mode"]}

    def _reordered(self, frame: bytes) -> list[bytes]:
        if self._held_back is not None:
            frames, self._held_back = [frame, self._held_back], None
            return frames
        if (reorder := self._active("reorder")) and self._rng.random() < reorder.share:
            self._held_back = frame
            return []
        return [frame]

    def _due(self, now_s: float) -> list[bytes]:
        frames = []
        while self._late and self._late[0][0] <= now_s:
            frames.append(self._late.popleft()[1])
        return frames

    @staticmethod
    def _with_nan(fields: dict[str, Any]) -> bytes:
        """A frame that the protocol forbids; `wire.encode` would refuse it."""
        position = [float("nan"), *fields["position"][1:]]
        body = json.dumps({"type": "state", **fields, "position": position}).encode()
        return len(body).to_bytes(4, "big") + body
