"""What may stand beside the package: GPU, Weights & Biases, Ray, ROS, OpenCV."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from . import child
from .finding import Finding, State
from .packages import installed

CUDA = """
import torch
print(torch.version.cuda or "", torch.cuda.is_available(), sep="|")
"""
WANDB = """
from sleight.train.runs.wandb_tracker import resolved
print(resolved("auto"))
"""
ARUCO = """
import cv2
cv2.aruco.CharucoBoard((5, 7), 0.04, 0.03, cv2.aruco.getPredefinedDictionary(0))
print(cv2.__version__)
"""


def look() -> Iterator[Finding]:
    """One finding for each."""
    yield _gpu()
    yield _wandb()
    yield _ray()
    yield from _ros()
    yield _opencv()


def _gpu() -> Finding:
    what = "training on a GPU; everything works without"
    card = _nvidia_smi()
    if card is None:
        text = "no NVIDIA GPU (no answer of nvidia-smi)"
        return Finding("beside", "GPU", State.OPTIONAL, text, "", what)
    outcome = child.run(CUDA) if installed("torch") else None
    cuda, _, works = (outcome.lines[-1:] or ["||"])[0].partition("|") if outcome else ("", "", "")
    if works != "True":
        fix = "install the build of torch for your driver: pytorch.org/get-started/locally"
        built = f"with CUDA {cuda}" if cuda else "without CUDA"
        return Finding("beside", "GPU", State.LIMITED, f"{card}; torch is built {built}", fix, what)
    if not installed("mujoco-warp"):
        fix = "pip install 'sleight[gpu]'"
        text = f"{card}, torch with CUDA {cuda}; simulation on the CPU"
        return Finding("beside", "GPU", State.OPTIONAL, text, fix, "simulation on the GPU")
    return Finding("beside", "GPU", State.OK, f"{card}, torch with CUDA {cuda}, mujoco-warp")


def _nvidia_smi() -> str | None:
    """Name, memory and driver of the first GPU."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    query = "--query-gpu=name,memory.total,driver_version"
    try:
        done = subprocess.run(
            [program, query, "--format=csv,noheader"],
            capture_output=True, text=True, errors="replace", timeout=20, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = done.stdout.strip().splitlines()
    return lines[0] if lines and not done.returncode else None


def _wandb() -> Finding:
    what = "live curves on wandb.ai"
    if not installed("wandb"):
        return Finding("beside", "W&B", State.OPTIONAL, "not installed", "pip install wandb", what)
    outcome = child.run(WANDB)
    mode = outcome.lines[-1] if outcome.ok and outcome.lines else ""
    if mode == "online":
        return Finding("beside", "W&B", State.OK, "logged in: runs are logged online")
    if mode == "off":
        text = "off by WANDB_MODE or WANDB_DISABLED"
        return Finding(
            "beside", "W&B", State.OPTIONAL, text, "unset WANDB_MODE WANDB_DISABLED", what
        )
    if mode == "offline":
        text = "not logged in, or offline: runs are logged to their folder, for `wandb sync`"
        return Finding("beside", "W&B", State.OPTIONAL, text, "wandb login", what)
    return Finding("beside", "W&B", State.BROKEN, outcome.reason, "", what)


def _ray() -> Finding:
    version = installed("ray")
    what = "workers on several machines; one needs none"
    if version is None:
        return Finding("beside", "Ray", State.OPTIONAL, "not installed", "pip install ray", what)
    address = os.environ.get("RAY_ADDRESS")
    text = f"RAY_ADDRESS={address}" if address else "starts here with --train.workers 1 or more"
    return Finding("beside", "Ray", State.OK, f"{version}, {text}")


def _ros() -> Iterator[Finding]:
    distribution = os.environ.get("ROS_DISTRO") or ", ".join(
        sorted(path.name for path in Path("/opt/ros").glob("*") if path.is_dir())
    )
    ros = f"ROS {distribution}" if distribution else "no ROS here"
    dds = installed("cyclonedds")
    if dds:
        yield Finding("beside", "ROS 2", State.OK, f"cyclonedds {dds} needs no ROS; {ros}")
    else:
        fix = "pip install 'sleight[ros2]'"
        yield Finding("beside", "ROS 2", State.OPTIONAL, ros, fix, "a hand on ROS 2 (hand.driver)")
    yield Finding(
        "beside", "ROS 1", State.OK,
        "`sleight rig bridge` writes one file that runs beside the hand, on its Python",
    )  # fmt: skip


def _opencv() -> Finding:
    what, fix = "cameras of a rig and their calibration", "pip install 'sleight[deploy]'"
    version = installed("opencv-python-headless") or installed("opencv-python")
    outcome = child.run(ARUCO)
    if outcome.ok and outcome.lines:
        return Finding("beside", "OpenCV", State.OK, f"{outcome.lines[-1]}, with ArUco")
    if version is None:
        return Finding("beside", "OpenCV", State.OPTIONAL, "not installed", fix, what)
    return Finding("beside", "OpenCV", State.BROKEN, outcome.reason, fix, what)
