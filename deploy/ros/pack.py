"""`sleight rig bridge`: the bridge and what it needs, as one file that Python runs.

A zip archive with a `__main__` (the standard library's zipapp); `unzip -l` lists it. The modules in
it are this package's own, unchanged.
"""

from __future__ import annotations

import json
import tempfile
import zipapp
from pathlib import Path

from ...envs.hand import SHADOW_RIGHT
from ...files import atomic_path
from ..handshake import hello_of
from .bridge import HAND_FILE

ROOT = Path(__file__).parents[2]
MODULES = (
    "errors.py",
    "flags.py",
    "deploy/face.py",
    "deploy/hand_log.py",
    "deploy/hand_port.py",
    "deploy/hand_side.py",
    "deploy/motion.py",
    "deploy/rig_server.py",
    "deploy/rig_session.py",
    "deploy/secret.py",
    "deploy/wire.py",
    "deploy/ros/bridge.py",
    "deploy/ros/diagnostics.py",
    "deploy/ros/joints.py",
    "deploy/ros/names.py",
    "deploy/ros/ros1.py",
    "deploy/ros/rospy_node.py",
    "deploy/ros/services.py",
)
"""What runs beside the hand: Python 3.8, the standard library and rospy."""
MAIN = "from sleight.deploy.ros.bridge import run\n\nrun()\n"


def source(module: str) -> Path:
    """The file of one of `MODULES`, in a checkout and in an installed package alike."""
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
        for package in ("sleight", "sleight/deploy", "sleight/deploy/ros"):
            (tree / package / "__init__.py").touch()
        (tree / "sleight/deploy/ros" / HAND_FILE).write_text(json.dumps(hello_of(SHADOW_RIGHT)))
        (tree / "__main__.py").write_text(MAIN)
        with atomic_path(path) as temporary:
            zipapp.create_archive(tree, temporary, interpreter="/usr/bin/env python3")
