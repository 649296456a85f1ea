"""A Ray cluster: the run's own, which nobody outside this machine can reach, or one to join."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from ...envs.batch_sim import default_threads
from ...errors import ConfigError, ConnectError
from ..config import RayConfig

LOOPBACK = ("127.0.0.1", "localhost")


def connect(config: RayConfig) -> Callable[[], None]:
    """Start or join a cluster, unless this process is in one; returns what ends the connection.

    Raises ConnectError when no cluster answers within `config.wait_s`.
    """
    prepare(config.address)
    import ray

    if ray.is_initialized():
        return lambda: None
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if not config.address:
        ray.init(
            "local",
            num_cpus=config.cpus or default_threads(),
            object_store_memory=config.store_mb * 2**20,
            include_dashboard=False,
            _node_ip_address="127.0.0.1",
            **quiet,
        )
        return ray.shutdown
    probe(config.address, config.wait_s)
    try:
        ray.init(config.address, **quiet)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise ConnectError(f"--ray.address: got {config.address}: {_first(str(error))}") from error
    return ray.shutdown


def prepare(address: str) -> None:
    """Ray's own switches, which it reads when it is imported; the user's settings win."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    if not address or address.rpartition(":")[0] in LOOPBACK:
        # Without this Ray turns 127.0.0.1 into the machine's outer address, and listens on it.
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")


def probe(address: str, wait_s: float) -> None:
    """Raise ConnectError unless a cluster answers at `address`.

    In a process of its own: Ray's connecting cannot be given a limit, and ends the process.
    """
    host, _, port = address.rpartition(":")
    if address != "auto" and not (host and port.isdigit() and "/" not in address):
        raise ConfigError(f"--ray.address: got {address}, allowed: host:port, or auto")
    words = [sys.executable, "-m", "ray.scripts.scripts", "health-check"]
    words += [] if address == "auto" else ["--address", address]
    try:
        done = subprocess.run(words, capture_output=True, timeout=wait_s, check=False)
        answered = done.returncode == 0
    except subprocess.TimeoutExpired:
        answered = False
    if not answered:
        raise ConnectError(
            f"--ray.address: got {address}, where no Ray cluster answered within {wait_s:g} s;"
            " allowed: host:port of one started with `ray start --head`"
        )


def _first(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else "it refused"
