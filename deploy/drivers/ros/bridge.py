"""The bridge: serves a Shadow Hand on ROS 1 over the wire, from a process beside the hand.

    python3 sleight-bridge.pyz --host 0.0.0.0 --secret FILE [--prefix rh_] [--mode trajectory]

It needs only rospy and ROS's own Python (3.8 or newer). It serves one client at a time and has a
watchdog, because Shadow's controllers keep the last target forever: if the policy, its machine or
the network fails, the hand holds after `--hold-after-s` and relaxes after `--relax-after-s`. Exit
codes as for `sleight`: 2 bad input, 3 cannot connect, 130 Ctrl-C.
"""

from __future__ import annotations

import argparse
import json
import os
import pkgutil
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ....errors import ConfigError, SleightError
from ....flags import Parser
from ...link import wire
from ...link.face import Face, Layout, Reading, if_measured
from ...link.hand_log import HandLog
from ...link.hand_port import HandPort
from ...link.hand_side import HandSide, Watch
from ...link.secret import is_loopback, read_secret
from ...link.tcp_server import Port
from .ros1_face import Ros1Face
from .rospy_node import DEFAULT_MASTER
from .shadow_names import MODES, hand_name

HAND_FILE = "hand.json"
"""File in the archive with the fields of `hello` about the hand (bridge_archive.py)."""
WAKE_S = 0.002
MOTORS_S = 0.5
"""Time between two messages with motor temperatures."""
MAX_LAG_S = 0.05
"""A longer time between two steps of the bridge is logged as an overrun."""


@dataclass(frozen=True)
class Place:
    """Address on which the bridge listens."""

    host: str
    port: int
    secret: bytes | None


class Bridge:
    """Serves one client; `run` is its one thread."""

    def __init__(
        self, face: Face, hello: dict[str, Any], place: Place, watch: Watch, force: float, log: Any
    ) -> None:
        self._face, self._log = face, log
        self._layout = Layout.of_hello(hello)
        self._side = HandSide(face, self._layout, watch, force, log)
        greeting = wire.encode(
            "hello",
            protocol=wire.PROTOCOL,
            simulated=face.simulated,
            state_rate_hz=face.state_rate_hz,
            hold_after_s=watch.hold_after_s,
            relax_after_s=watch.relax_after_s,
            **hello,
        )
        port = Port(place.host, place.port, "the hand", 1, greeting, place.secret)
        self._port = HandPort(port, self._side.session, log)
        self._sent_seq = 0
        self._motors_sent_s = float("-inf")

    @property
    def number(self) -> int:
        """The TCP port that it listens on."""
        return self._port.number

    def run(self, should_stop: Callable[[], bool]) -> None:
        """Serve until `should_stop`."""
        self._side.begin()
        self._log("start", hand=self._face.name, port=self.number)
        lost, last_step_s = False, time.monotonic()
        while not should_stop():
            now_s = time.monotonic()
            if now_s - last_step_s > MAX_LAG_S:
                self._log("overrun", lost_s=now_s - last_step_s)
            last_step_s = now_s
            self._port.serve(now_s, WAKE_S)
            reading = self._side.step(now_s)
            if reading is not None and reading.seq != self._sent_seq:
                self._publish(reading)
            self._publish_motors(now_s)
            fault = self._side.session.fault
            if lost != bool(fault):
                lost = bool(fault)
                self._log("hand_lost" if lost else "hand_found", cause=fault)

    def close(self) -> None:
        """Hold, and close the link."""
        self._side.session.gone("the bridge ends", time.monotonic())
        self._port.close()
        self._log("end")

    def _publish_motors(self, now_s: float) -> None:
        if now_s - self._motors_sent_s < MOTORS_S:
            return
        self._motors_sent_s = now_s
        temperature_c = list(if_measured(self._face.temperature_c(), len(self._layout.actuators)))
        self._port.publish(wire.encode("motors", temperature_c=temperature_c))

    def _publish(self, reading: Reading) -> None:
        self._sent_seq = reading.seq
        self._port.publish(
            wire.encode(
                "state",
                seq=reading.seq,
                time_s=reading.time_s,
                mode=self._side.session.mode,
                position=list(reading.position),
                velocity=list(reading.velocity),
                effort=list(if_measured(reading.effort, len(self._layout.actuators))),
            )
        )


def hello_of_archive(prefix: str) -> dict[str, Any]:
    """The fields of `hello` about the hand with this prefix. Raises ConfigError."""
    data = pkgutil.get_data(__package__ or "", HAND_FILE)
    assert data is not None, "bridge_archive.py puts it beside this module"
    return {**json.loads(data.decode()), "hand": hand_name(prefix)}


def arguments() -> Parser:
    """The command line."""
    parser = Parser("sleight-bridge", description=(__doc__ or "").split("\n")[0])
    add = parser.add_argument
    master = os.environ.get("ROS_MASTER_URI", DEFAULT_MASTER)
    add("--master", default=master, help="URI of the ROS master (default: %(default)s)")
    add("--prefix", default="rh_", help="prefix of the joint names: rh_ right hand, lh_ left hand")
    text = "send trajectories that the hand interpolates, or positions that it jumps to"
    add("--mode", default="trajectory", choices=MODES, help=text)
    add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    add("--port", type=int, default=7411, help="port to listen on; 0: a free one")
    add("--secret", type=Path, help="file with the secret that the client must share")
    text = (
        "listen on another address than the loopback without a secret: anyone can command the hand"
    )
    add("--without-secret", action="store_true", help=text)
    text = "hold after this many seconds without a message (default: %(default)s)"
    add("--hold-after-s", type=float, default=Watch.hold_after_s, help=text)
    text = "relax a holding hand after this many seconds without a message (default: %(default)s)"
    add("--relax-after-s", type=float, default=Watch.relax_after_s, help=text)
    text = "on a hold, keep the target and so the grip, or stay at the measured angles"
    add("--hold", default=Watch.hold, choices=("target", "measured"), help=text)
    add("--force", type=float, default=1.0, help="limit of the motor force, 0.05 to 1 of the full")
    text = "time limit in seconds for connecting to the hand (default: %(default)s)"
    add("--timeout-s", type=float, default=10.0, help=text)
    add("--log", type=Path, help="file for the event log, as JSON lines")
    return parser


def checked(parsed: argparse.Namespace) -> Place:
    """The address to listen on. Raises ConfigError for invalid arguments."""
    allowed = {
        "port": (0, 65535),
        "hold_after_s": (0.02, 10.0),
        "relax_after_s": (parsed.hold_after_s, 60.0),
        "force": (0.05, 1.0),
        "timeout_s": (0.1, 600.0),
    }
    for name, (low, high) in allowed.items():
        value = getattr(parsed, name)
        if not low <= value <= high:
            flag = name.replace("_", "-")
            raise ConfigError(f"--{flag}: got {value:g}, allowed: {low:g} to {high:g}")
    if not (is_loopback(parsed.host) or parsed.secret or parsed.without_secret):
        raise ConfigError(
            f"--host {parsed.host}: got no --secret, allowed: a secret file, because others can"
            " reach this address; --without-secret lets anyone command the hand"
        )
    return Place(parsed.host, parsed.port, read_secret(parsed.secret) if parsed.secret else None)


def serve(parsed: argparse.Namespace, should_stop: Callable[[], bool]) -> None:
    """Connect to the hand, serve, hold. Raises SleightError."""
    place, hello = checked(parsed), hello_of_archive(parsed.prefix)
    log = HandLog(parsed.log)
    face = Ros1Face(Layout.of_hello(hello), parsed.master, parsed.prefix, parsed.mode)
    watch = Watch(parsed.hold_after_s, parsed.relax_after_s, parsed.hold)
    bridge = Bridge(face, hello, place, watch, parsed.force, log)
    try:
        face.open(parsed.timeout_s, lambda: None)
        sys.stdout.write(f"bridge: {face.name} on {parsed.host}:{bridge.number}\n")
        sys.stdout.flush()
        bridge.run(should_stop)
    finally:
        bridge.close()
        face.close(1.0)
        log.close()


def main(argv: Sequence[str] | None = None) -> int:
    """The program; returns the exit code."""
    signals: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # a terminal that hangs up
        signal.signal(number, lambda number, frame: signals.append(number))
    try:
        serve(arguments().parse_args(argv), lambda: bool(signals))
    except SleightError as error:
        sys.stderr.write(f"error: {' '.join(str(error).split())}\n")
        return error.exit_code
    return 130


def run() -> None:
    """Run `main`, then exit at once: rospy's threads would wait for a dead master."""
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
