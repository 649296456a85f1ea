"""A slow link between two network namespaces of this machine, for `sleight bench slow_link`.

The kernel of a container or of a small virtual machine often has no netem, so the packets of two
TUN devices go through a process: each waits for the delay, or is lost. Needs root and iproute2.
"""

from __future__ import annotations

import fcntl
import heapq
import json
import os
import random
import select
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from sleight.errors import ConfigError

NEAR, FAR = "10.213.77.1", "10.213.77.2"
"""Addresses of the two ends, this machine's and the namespace's."""
TUN = Path("/dev/net/tun")
_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
_PACKET = 65536


@dataclass(frozen=True)
class Quality:
    """What a link does to its packets."""

    delay_ms: float = 0.0
    """One way; both directions have it."""
    loss: float = 0.0
    """Share of the packets that are lost; at 1 the link is cut."""


class Link:
    """The link of a namespace; commands run at its far end by `far`."""

    def __init__(self, namespace: str, relay: subprocess.Popen[str]) -> None:
        self._namespace, self._relay = namespace, relay

    def set(self, quality: Quality) -> None:
        """Change what happens to the packets from now on."""
        assert self._relay.stdin is not None
        self._relay.stdin.write(json.dumps(asdict(quality)) + "\n")
        self._relay.stdin.flush()

    def far(self, *command: str) -> list[str]:
        """The command line that runs `command` in the namespace."""
        return ["ip", "netns", "exec", self._namespace, *command]


@contextmanager
def slow_link() -> Iterator[Link]:
    """Make a namespace and a link to it. Raises ConfigError where this machine cannot."""
    if os.geteuid() or not TUN.exists():
        who = f"user {os.geteuid()}{'' if TUN.exists() else f' without {TUN}'}"
        raise ConfigError(f"network namespaces: got {who}, allowed: root, with {TUN} and iproute2")
    namespace = f"sleight-{os.getpid()}"
    near, far = f"sl{os.getpid()}a", f"sl{os.getpid()}b"
    relay = subprocess.Popen(
        [sys.executable, __file__, near, far], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert relay.stdout is not None
    try:
        if not relay.stdout.readline():
            raise ConfigError(f"{TUN}: got no devices from it, allowed: a kernel with TUN")
        _ip("netns", "add", namespace)
        _ip("link", "set", far, "netns", namespace)
        _ip("addr", "add", NEAR, "peer", FAR, "dev", near)
        _ip("link", "set", near, "up")
        for words in (
            ("addr", "add", FAR, "peer", NEAR, "dev", far),
            ("link", "set", far, "up"),
            ("link", "set", "lo", "up"),
        ):
            _ip("-n", namespace, *words)
        yield Link(namespace, relay)
    finally:
        relay.kill()
        relay.communicate()
        subprocess.run(["ip", "netns", "del", namespace], capture_output=True, check=False)


def _ip(*words: str) -> None:
    try:
        done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise ConfigError("ip: got no such command, allowed: iproute2 installed") from None
    if done.returncode:
        raise ConfigError(f"ip {' '.join(words)}: got '{done.stderr.strip()}', allowed: success")


class _Relay:
    """Carries packets from each device to the other."""

    def __init__(self, devices: tuple[int, int]) -> None:
        self.quality = Quality()
        self._to = dict(zip(devices, reversed(devices), strict=True))
        self._flying: list[tuple[float, int, int, bytes]] = []
        self._count = 0
        self._chance = random.Random(0)

    def run(self) -> None:
        """Until the process is killed."""
        while True:
            wait_s = max(0.0, self._flying[0][0] - time.monotonic()) if self._flying else 1.0
            for device in select.select(list(self._to), [], [], wait_s)[0]:
                self._take(device)
            while self._flying and self._flying[0][0] <= time.monotonic():
                _, _, device, packet = heapq.heappop(self._flying)
                with suppress(OSError):  # a device that is not up yet loses them, too
                    os.write(device, packet)

    def _take(self, device: int) -> None:
        packet = os.read(device, _PACKET)
        if self._chance.random() < self.quality.loss:
            return
        self._count += 1  # packets of one instant keep their order
        due = time.monotonic() + 1e-3 * self.quality.delay_ms
        heapq.heappush(self._flying, (due, self._count, self._to[device], packet))


def _device(name: str) -> int:
    device = os.open(TUN, os.O_RDWR)
    request = struct.pack("16sH22x", name.encode(), _IFF_TUN | _IFF_NO_PI)
    fcntl.ioctl(device, _TUNSETIFF, request)
    return device


def main(near: str, far: str) -> None:
    """The relay's process: devices of these names, and a new quality with each line of input."""
    relay = _Relay((_device(near), _device(far)))
    threading.Thread(target=relay.run, daemon=True).start()
    print("ready", flush=True)
    for line in sys.stdin:
        relay.quality = Quality(**json.loads(line))


if __name__ == "__main__":
    main(*sys.argv[1:])
