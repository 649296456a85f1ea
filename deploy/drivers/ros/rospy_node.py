"""rospy in a process that is not ROS's own: find it, start its one node, and never wait for ever.

What is odd about it here was measured with rospy 1.15: without a master `init_node` waits for ever,
it takes over the root logger, and unregistering from a dead master hangs.
"""

from __future__ import annotations

import importlib
import logging
import os
import socket
import sys
import threading
from typing import Any, Callable
from urllib.parse import urlsplit

from ....errors import ConnectError

DEBIAN = "/usr/lib/python3/dist-packages"
DEFAULT_MASTER = "http://127.0.0.1:11311"


def import_rospy() -> Any:
    """rospy, also from Debian's packages into another interpreter. Raises ConnectError.

    Their folder goes to the END of the path, so that nothing else in it hides what is installed
    here; it is of use only where the interpreter has the version that Debian built for.
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
    """See that something listens where the master should be. Raises ConnectError."""
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
    """Do `work` on a thread, and wait no longer than `timeout_s`.

    Raises ConnectError: that of `work`, or when it takes longer; then the thread is left to hang.
    """
    ends: list[ConnectError | None] = []

    def run() -> None:
        try:
            work()
            ends.append(None)
        except ConnectError as error:
            ends.append(error)

    thread = threading.Thread(target=run, name=what, daemon=True)
    thread.start()
    thread.join(timeout_s)
    if not ends:
        why = f"no answer within {timeout_s:.1f} s" if thread.is_alive() else "failed, see above"
        raise ConnectError(f"{what}: {why}")
    if ends[0] is not None:
        raise ends[0]


def start_node(rospy: Any, master: str, name: str) -> None:
    """This process's node on `master`; a process can have one. Raises ConnectError."""
    if rospy.core.is_initialized():
        if os.environ.get("ROS_MASTER_URI") != master:
            there = os.environ.get("ROS_MASTER_URI")
            raise ConnectError(f"ROS master: got {master}, allowed: {there}, this process's")
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
