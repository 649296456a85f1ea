"""Use of rospy in a process that is not a ROS node: import it, start a node, limit every wait.

The workarounds here were tested with rospy 1.15: without a master, `init_node` waits forever; it
changes the root logger; and unregistering from a dead master hangs.
"""

from __future__ import annotations

import importlib
import logging
import os
import socket
import sys
from typing import Any, Callable
from urllib.parse import urlsplit

from ....errors import ConnectError
from ....threads import WatchedThread

DEBIAN = "/usr/lib/python3/dist-packages"
DEFAULT_MASTER = "http://127.0.0.1:11311"


def import_rospy() -> Any:
    """Import rospy, if necessary from Debian's packages. Raises ConnectError.

    Debian's folder goes to the END of the path, so that it does not hide packages that are
    installed here. It works only if the interpreter has the version that Debian built for.
    """
    try:
        return importlib.import_module("rospy")
    except ImportError:
        sys.path.append(DEBIAN)
    try:
        return importlib.import_module("rospy")
    except ImportError as error:
        sys.path.remove(DEBIAN)
        raise ConnectError(
            f"ros1: rospy cannot be imported ({error}); source ROS's setup.bash, install Debian's"
            " python3-rospy, or run the bridge beside the hand"
        ) from error


def probe(master: str, timeout_s: float) -> None:
    """Check that a server listens at the address of the master. Raises ConnectError."""
    parts = urlsplit(master)
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if parts.scheme != "http" or not host or not port:
        raise ConnectError(f"ROS master: got {master!r}, allowed: such as {DEFAULT_MASTER}")
    try:
        socket.create_connection((host, port), timeout_s).close()
    except OSError as error:
        why = error.strerror or "no answer in time"
        raise ConnectError(f"ROS master at {master}: cannot connect: {why}") from error


def within(timeout_s: float, what: str, work: Callable[[], None]) -> None:
    """Run `work` on a thread, and wait for at most `timeout_s`.

    Raises the ConnectError of `work`, or a ConnectError after the timeout; the thread then keeps
    hanging.
    """
    errors: list[ConnectError] = []

    def run() -> None:
        try:
            work()
        except ConnectError as error:
            errors.append(error)

    thread = WatchedThread(what, run)
    thread.start()
    thread.join(timeout_s)
    if thread.is_alive():
        raise ConnectError(f"{what}: no answer within {timeout_s:.1f} s")
    if thread.failure:
        raise ConnectError(thread.failure)
    if errors:
        raise errors[0]


def start_node(rospy: Any, master: str, name: str) -> None:
    """Start the node of this process on `master`; there can be only one. Raises ConnectError."""
    if rospy.core.is_initialized():
        if os.environ.get("ROS_MASTER_URI") != master:
            current = os.environ.get("ROS_MASTER_URI")
            raise ConnectError(f"ROS master: got {master}, allowed: {current}, this process's")
        return
    os.environ["ROS_MASTER_URI"] = master
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        rospy.init_node(name, anonymous=True, disable_signals=True, disable_rosout=True)
    except (rospy.ROSException, OSError) as error:
        raise ConnectError(f"ROS master at {master}: {error}") from error
    finally:
        root.handlers[:], root.level = handlers, level
