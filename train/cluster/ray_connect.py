"""A Ray cluster: the run's own, which nobody outside this machine can reach, or one to join."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...errors import ConfigError, ConnectError
from ...files import is_utf8
from ...machine import usable_cores
from ...stop_signals import children_outlive_hang_ups
from ..config import RayConfig
from .head import RAY_WAITS_S

QUIET: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
TOKEN = Path("~/.ray/auth_token")
"""Ray's default place of the secret that a cluster of this user asks for."""
LOOPBACK = ("127.0.0.1", "localhost")


def connect(config: RayConfig) -> Callable[[], None]:
    """Start or join a cluster, unless this process is in one; returns what ends the connection.

    Raises ConnectError when no cluster answers within `config.wait_s`, and ConfigError where Ray
    cannot start.
    """
    prepare(config.address)
    import ray

    if ray.is_initialized():
        return lambda: None
    _check_paths()
    if config.address:
        probe(config.address, config.wait_s)
    own: dict[str, Any] = {
        "num_cpus": config.cpus or usable_cores(),
        "object_store_memory": config.store_mb * 2**20,
        "include_dashboard": False,
        "_node_ip_address": "127.0.0.1",
    }
    try:
        with children_outlive_hang_ups():
            ray.init(config.address or "local", **QUIET, **({} if config.address else own))
    except Exception as error:
        # Ray raises nothing narrower where its own processes do not start in time.
        known = (OSError, RuntimeError, ValueError, ray.exceptions.RayError)
        if type(error) is not Exception and not isinstance(error, known):
            raise
        where = f"--ray.address: got {config.address}" if config.address else "the run's own Ray"
        raise ConnectError(f"{where}: {_last(str(error))}") from error
    return ray.shutdown


def prepare(address: str) -> None:
    """Ray's own switches, which it reads when it is imported; the user's settings win."""
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    # Ray tells of every death on standard output, with pages of its own log; the run counts them.
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")
    if address:
        os.environ.setdefault("RAY_gcs_rpc_server_reconnect_timeout_s", str(RAY_WAITS_S))
    if not address or address.rpartition(":")[0] in LOOPBACK:
        # Without this Ray turns 127.0.0.1 into the machine's outer address, and listens on it.
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
        if TOKEN.expanduser().is_file():  # Ray itself shows it only to the clusters that it finds
            os.environ.setdefault("RAY_AUTH_MODE", "token")


def _check_paths() -> None:
    """Ray sends its processes the command line, the folder and the places of modules, as text."""
    for path in (*sys.argv, os.getcwd(), *sys.path):
        if not is_utf8(path):
            raise ConfigError(
                f"Ray: got {path}, which is not UTF-8; allowed: on the command line, as the current"
                " folder and where Python looks for modules, paths that are"
            )


def probe(address: str, wait_s: float) -> None:
    """Raise ConnectError unless a cluster answers at `address`.

    In a process of its own: Ray's connecting cannot be given a limit, and may end the process.
    """
    host, _, port = address.rpartition(":")
    if address != "auto" and not (host and port.isdigit() and "/" not in address):
        raise ConfigError(f"--ray.address: got {address}, allowed: host:port, or auto")
    code = f"import ray; ray.init({address!r}, **{QUIET!r})"
    why = "nobody answers"
    try:
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, timeout=wait_s, check=False
        )
        if not done.returncode:
            return
        why = _last(done.stderr.decode(errors="replace"))
    except subprocess.TimeoutExpired:
        pass
    raise ConnectError(
        f"--ray.address: got {address}, where no Ray cluster let this process in within"
        f" {wait_s:g} s ({why}); allowed: host:port of one started with `ray start --head`,"
        " and RAY_AUTH_MODE=token if it asks for a token"
    )


def _last(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return lines[-1].strip() if lines else "it refused"
