"""The bridge: a hand's side of the wire for a Shadow Hand on ROS 1, in a process beside the hand.

    python3 sleight-bridge.pyz --host 0.0.0.0 --secret FILE [--prefix rh_] [--mode trajectory]

It needs ROS's own Python (3.8 or newer) and no package but rospy. It has one client at a time, and
a watchdog of its own, since Shadow's controllers keep the last target for ever: whatever happens to
the policy, its machine or the network, the hand holds after `--hold-after-s` and lets go after
`--relax-after-s`. Exit codes as `sleight`: 2 bad input, 3 cannot connect, 130 Ctrl-C.
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
from ...link.face import Face, Layout, Reading
from ...link.hand_log import HandLog
from ...link.hand_port import HandPort
from ...link.hand_side import HandSide, Watch
from ...link.secret import read_secret
from ...link.tcp_server import Port
from .ros1_face import Ros1Face
from .rospy_node import DEFAULT_MASTER
from .shadow_names import MODES, hand_name

HAND_FILE = "hand.json"
"""In the archive: `hello`'s fields about the hand (pack.py)."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")
WAKE_S = 0.002
MOTORS_S = 0.5
"""Between two messages about the motors' temperatures."""
MAX_LAG_S = 0.05
"""A machine that keeps the bridge from looking for longer than this is told of in the log."""


@dataclass(frozen=True)
class Place:
    """Where the bridge listens."""

    host: str
    port: int
    secret: bytes | None


class Bridge:
    """Serves one client; `run` is its one thread."""

    def __init__(
        self, face: Face, hello: dict[str, Any], place: Place, watch: Watch, force: float, log: Any
    ) -> None:
        self._face, self._log = face, log
        self._side = HandSide(face, Layout.of_hello(hello), watch, force, log)
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
        self._told_s = float("-inf")

    @property
    def number(self) -> int:
        """The port that it listens on."""
        return self._port.number

    def run(self, should_stop: Callable[[], bool]) -> None:
        """Serve until `should_stop`; then hold."""
        self._side.begin()
        self._log("start", hand=self._face.name, port=self.number)
        lost, looked_s = False, time.monotonic()
        while not should_stop():
            now_s = time.monotonic()
            if now_s - looked_s > MAX_LAG_S:
                self._log("overrun", lost_s=now_s - looked_s)
            looked_s = now_s
            self._port.serve(now_s, WAKE_S)
            reading = self._side.step(now_s)
            if reading is not None and reading.seq != self._sent_seq:
                self._publish(reading)
            self._tell_motors(now_s)
            fault = self._side.session.fault
            if lost != bool(fault):
                lost = bool(fault)
                self._log("hand_lost" if lost else "hand_found", cause=fault)

    def close(self) -> None:
        """Hold, and end the link."""
        self._side.session.gone("the bridge ends", time.monotonic())
        self._port.close()
        self._log("end")

    def _tell_motors(self, now_s: float) -> None:
        if now_s - self._told_s < MOTORS_S:
            return
        self._told_s = now_s
        temperature_c = list(self._face.temperature_c())
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
                effort=list(reading.effort),
            )
        )


def hello_of_archive(prefix: str) -> dict[str, Any]:
    """`hello`'s fields about the hand with this prefix. Raises ConfigError."""
    data = pkgutil.get_data(__package__ or "", HAND_FILE)
    assert data is not None, "pack.py puts it beside this module"
    return {**json.loads(data.decode()), "hand": hand_name(prefix)}


def arguments() -> Parser:
    """The command line."""
    parser = Parser("sleight-bridge", description=(__doc__ or "").split("\n")[0])
    add = parser.add_argument
    add("--master", default=os.environ.get("ROS_MASTER_URI", DEFAULT_MASTER))
    add("--prefix", default="rh_", help="rh_ for a right hand, lh_ for a left one")
    add("--mode", default="trajectory", choices=MODES)
    add("--host", default="127.0.0.1", help="address to listen on")
    add("--port", type=int, default=7411, help="0 takes a free one")
    add("--secret", type=Path, help="file with the secret that the client must have too")
    add("--hold-after-s", type=float, default=Watch.hold_after_s)
    add("--relax-after-s", type=float, default=Watch.relax_after_s)
    add("--hold", default=Watch.hold, choices=("target", "measured"))
    add("--force", type=float, default=1.0, help="share of the motors' force, 0 to 1")
    add("--timeout-s", type=float, default=10.0, help="longest wait for the hand")
    add("--log", type=Path, help="JSON lines of what happened at the hand")
    return parser


def checked(given: argparse.Namespace) -> Place:
    """Where to listen. Raises ConfigError for what no bridge should be told."""
    allowed = {
        "port": (0, 65535),
        "hold_after_s": (0.02, 10.0),
        "relax_after_s": (given.hold_after_s, 60.0),
        "force": (0.05, 1.0),
        "timeout_s": (0.1, 600.0),
    }
    for name, (low, high) in allowed.items():
        value = getattr(given, name)
        if not low <= value <= high:
            flag = name.replace("_", "-")
            raise ConfigError(f"--{flag}: got {value:g}, allowed: {low:g} to {high:g}")
    if given.host not in LOOPBACK and given.secret is None:
        raise ConfigError(
            f"--host {given.host}: got no --secret, allowed: a secret file,"
            " for others reach this address too"
        )
    return Place(given.host, given.port, read_secret(given.secret) if given.secret else None)


def serve(given: argparse.Namespace, should_stop: Callable[[], bool]) -> None:
    """Connect to the hand, serve, hold. Raises SleightError."""
    place, hello = checked(given), hello_of_archive(given.prefix)
    log = HandLog(given.log)
    face = Ros1Face(Layout.of_hello(hello), given.master, given.prefix, given.mode)
    watch = Watch(given.hold_after_s, given.relax_after_s, given.hold)
    bridge = Bridge(face, hello, place, watch, given.force, log)
    try:
        face.open(given.timeout_s, lambda: None)
        sys.stdout.write(f"bridge: {face.name} on {given.host}:{bridge.number}\n")
        sys.stdout.flush()
        bridge.run(should_stop)
    finally:
        bridge.close()
        face.close(1.0)
        log.close()


def main(argv: Sequence[str] | None = None) -> int:
    """The program; returns the exit code."""
    asked: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, frame: asked.append(number))
    try:
        serve(arguments().parse_args(argv), lambda: bool(asked))
    except SleightError as error:
        sys.stderr.write(f"error: {' '.join(str(error).split())}\n")
        return error.exit_code
    return 130


def run() -> None:
    """`main`, and then the end at once: rospy's threads would wait for a master that is gone."""
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
