"""`sleight rig bridge`: packs the bridge and its modules into one file that Python runs.

The file is a zip archive with a `__main__` (the standard library's zipapp); `unzip -l` lists it. It
contains unchanged modules of this package.
"""

from __future__ import annotations

import json
import tempfile
import zipapp
from pathlib import Path

from ....envs.hands.shadow import SHADOW_RIGHT
from ....files import atomic_path
from ...link.handshake import hello_of
from .bridge import HAND_FILE

ROOT = Path(__file__).parents[3]
MODULES = (
    "errors.py",
    "flags.py",
    "threads.py",
    "deploy/link/face.py",
    "deploy/link/hand_log.py",
    "deploy/link/hand_port.py",
    "deploy/link/hand_side.py",
    "deploy/link/motion.py",
    "deploy/link/tcp_server.py",
    "deploy/link/hand_session.py",
    "deploy/link/secret.py",
    "deploy/link/wire.py",
    "deploy/drivers/ros/bridge.py",
    "deploy/drivers/ros/diagnostics.py",
    "deploy/drivers/ros/joint_states.py",
    "deploy/drivers/ros/shadow_names.py",
    "deploy/drivers/ros/ros1_face.py",
    "deploy/drivers/ros/rospy_node.py",
    "deploy/drivers/ros/services.py",
)
"""The modules that run beside the hand, with Python 3.8, the standard library and rospy."""
MAIN = "from sleight.deploy.drivers.ros.bridge import run\n\nrun()\n"


def source(module: str) -> Path:
    """The path of one of `MODULES`, in a checkout or in an installed package."""
    installed = ROOT / module
    return installed if installed.exists() else ROOT / "sleight" / module


def write_bridge(path: Path) -> None:
    """Write the archive, atomically. Raises SleightError."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        for module in MODULES:
            copy = tree / "sleight" / module
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(source(module).read_bytes())
        for package in {parent for module in MODULES for parent in Path("sleight", module).parents}:
            if package.parts:
                (tree / package / "__init__.py").touch()
        (tree / "sleight/deploy/drivers/ros" / HAND_FILE).write_text(
            json.dumps(hello_of(SHADOW_RIGHT))
        )
        (tree / "__main__.py").write_text(MAIN)
        with atomic_path(path) as temporary:
            zipapp.create_archive(tree, temporary, interpreter="/usr/bin/env python3")
