"""The driver for a hand behind the wire protocol: a simulated rig, or the bridge to a real hand."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import numpy as np

from ...contract.hand_spec import HandSpec
from ...errors import ConnectError
from ..hand.hand import Applied, DriverGone, HandDriver, HandMode, HandState, Health, StaleState
from ..link import wire
from ..link.face import if_measured
from ..link.handshake import spec_of
from ..link.peer_clock import ClockOffset, StateMeter
from ..link.policy_link import Link
from ..link.secret import read_secret
from ..link.wire import Message
from .driver_registry import HandConfig, with_port

PORT = 7411
ARM_TIMEOUT_S = 0.5
ACK_TIMEOUT_S = 0.06
"""Time limit for the acknowledgement of a command; after it the hand counts as stale."""


class RigDriver(HandDriver):
    """Client of the wire protocol (wire.py)."""

    def __init__(
        self, host: str, port: int, name: str = "sleight", secret: bytes | None = None
    ) -> None:
        self._link = Link(host, port, "hand", secret)
        self._name = name
        self._arrival = threading.Condition()
        self._state: HandState | None = None
        self._acks: dict[int, Message] = {}
        self._seq = 0
        self._temperature_c: tuple[float, ...] = ()
        self._offset = ClockOffset()
        self._meter = StateMeter()

    def connect(self, timeout_s: float) -> None:
        """Connect to the hand, exchange hellos, wait for the first state."""
        hello = self._link.open(timeout_s)
        if hello["type"] != "hello" or hello["protocol"] != wire.PROTOCOL:
            got = f"{hello['type']} {hello.get('protocol', '')}".strip()
            raise ConnectError(f"{self._link.name}: got {got}, allowed: hello {wire.PROTOCOL}")
        self.spec = spec_of(hello, self._link.name)
        self.simulated = hello["simulated"]
        self._link.send("client", protocol=wire.PROTOCOL, name=self._name)
        self._link.start(self._receive, self._notify)
        try:
            self.read(timeout_s)
        except (StaleState, DriverGone) as error:
            self.close(timeout_s)
            raise ConnectError(f"{self._link.name}: no joint states: {error}") from error

    def arm(self) -> Applied:
        """Arm; returns the target in force once a state confirms the armed mode."""
        applied = self._request("arm", ARM_TIMEOUT_S)
        deadline_s = time.monotonic() + ARM_TIMEOUT_S
        with self._arrival:
            while self._state is None or self._state.mode is not HandMode.ARMED:
                self._check_link()
                if not self._arrival.wait(max(deadline_s - time.monotonic(), 0.0)):
                    mode = self._state.mode if self._state else "silent"
                    raise StaleState(
                        f"arm: no armed state from the hand within {ARM_TIMEOUT_S} s, it is {mode}"
                    )
        return applied

    def read(self, max_age_s: float) -> HandState:
        """The newest state; a sensor clock that does not advance counts as stale."""
        deadline_s = time.monotonic() + max_age_s
        with self._arrival:
            while True:
                self._check_link()
                now_s = time.monotonic()
                state = self._state
                age_s = now_s - self._offset.ours(state.sensor_time_s) if state else float("inf")
                if state and age_s <= max_age_s:
                    return replace(state, age_s=age_s)
                if now_s >= deadline_s:
                    raise StaleState(
                        f"joint state: got an age of {age_s:.3f} s, allowed: {max_age_s:.3f} s"
                    )
                self._arrival.wait(deadline_s - now_s)

    def command(self, target: np.ndarray, duration_s: float) -> Applied:
        """Send a target and wait for the acknowledgement."""
        return self._request(
            "command", ACK_TIMEOUT_S, target=target.tolist(), duration_s=duration_s
        )

    def heartbeat(self) -> None:
        """Send a sign of life."""
        self._send("heartbeat", seq=self._next_seq())

    def hold(self) -> None:
        """Hold the position and the grip."""
        self._send("hold")

    def relax(self) -> None:
        """Reduce the motor force."""
        self._send("relax")

    def stop(self, reason: str) -> None:
        """Latch the stop of the hand's side."""
        self._link.send("stop", reason=reason[:200])

    def health(self) -> Health:
        """Rate over the last seconds, age of the newest state, number of lost states."""
        with self._arrival:
            mode = self._state.mode if self._state else HandMode.READY
            meter = self._meter
            return Health(
                mode, meter.rate_hz, meter.age_s, meter.states, meter.lost, self._temperature_c
            )

    def close(self, timeout_s: float) -> None:
        """Send `bye` and close the link; the hand holds, then relaxes."""
        self._link.send("bye")
        self._link.close(timeout_s)

    def _request(self, kind: str, timeout_s: float, **fields: object) -> Applied:
        seq = self._next_seq()
        self._send(kind, seq=seq, **fields)
        deadline_s = time.monotonic() + timeout_s
        with self._arrival:
            while seq not in self._acks:
                self._check_link()
                left_s = deadline_s - time.monotonic()
                if left_s <= 0:
                    raise StaleState(
                        f"{kind}: no answer from the hand within {timeout_s:.3f} s;"
                        f" its last state is {self._meter.age_s:.3f} s old"
                    )
                self._arrival.wait(left_s)
            ack = self._acks.pop(seq)
            self._acks.clear()  # Drop acks that arrived after their timeout.
        return Applied.of(kind, ack)

    def _send(self, kind: str, **fields: object) -> None:
        if not self._link.send(kind, **fields):
            self._check_link()

    def _next_seq(self) -> int:
        self._seq += 1
        return self._seq

    def _check_link(self) -> None:
        if self._link.gone:
            raise DriverGone(f"{self._link.name}: the link has ended: {self._link.gone}")

    def _receive(self, message: Message) -> None:
        """On the reader thread."""
        with self._arrival:
            if message["type"] == "state":
                self._take_state(message)
            elif message["type"] == "ack":
                self._acks[message["seq"]] = message
            elif message["type"] == "motors":
                temperature_c = tuple(message["temperature_c"])
                complete = len(temperature_c) == len(self.spec.actuators)
                self._temperature_c = temperature_c if complete else ()
            elif message["type"] == "error":
                self._link.gone = message["message"]
            self._arrival.notify_all()

    def _take_state(self, message: Message) -> None:
        now_s = time.monotonic()
        self._meter.note(message["seq"], now_s)
        self._offset.update(message["time_s"], now_s)
        # An invalid state does not replace a good one, whose age then grows.
        if not _is_valid(message, self.spec):
            return
        # Ignore a state that arrives out of order.
        if self._state and message["time_s"] < self._state.sensor_time_s:
            return
        effort = if_measured(message["effort"], len(self.spec.actuators))
        self._state = HandState(
            position=np.array(message["position"]),
            velocity=np.array(message["velocity"]),
            effort=np.array(effort) if len(effort) else None,
            sensor_time_s=message["time_s"],
            received_s=now_s,
            age_s=0.0,
            seq=message["seq"],
            mode=HandMode(message["mode"]),
        )

    def _notify(self) -> None:
        with self._arrival:
            self._arrival.notify_all()


def open_hand(config: HandConfig) -> HandDriver:
    """`OpenHand` (driver_registry.py) for the driver `rig`."""
    config = with_port(config, PORT)
    secret = read_secret(config.secret) if config.secret else None
    return RigDriver(config.host, config.port, secret=secret)


def _is_valid(message: Message, spec: HandSpec) -> bool:
    sizes = {len(message["position"]), len(message["velocity"])}
    return sizes == {len(spec.joints)} and message["mode"] in set(HandMode)
