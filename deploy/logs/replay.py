"""`sleight rig replay`: recomputes the actions of a run from its log, to the last bit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...contract.bundle import load_bundle
from ...errors import DataError
from ..runtime.policy_runner import Decision, OnnxPolicy, Sensors
from .log_read import Log, read_log


@dataclass(frozen=True)
class Replay:
    """The result of a successful replay."""

    log: Log
    steps: int
    """Number of recomputed policy steps."""
    trials: int


def replay(run: Path, bundle_folder: Path | None = None) -> Replay:
    """Run the bundle of a log, or the one in `bundle_folder`, on the logged observations.

    Raises DataError if target, action or carry differ, or if the log is of another bundle.
    """
    log = read_log(run)
    start = _start(log)
    bundle = load_bundle(bundle_folder or Path(start["folder"]))
    if bundle.manifest.graph.sha256 != start["sha256"]:
        raise DataError(
            f"{log.path}: bundle.sha256: got {bundle.manifest.graph.sha256[:12]}... in"
            f" {bundle.folder}, allowed: {start['sha256'][:12]}..., that of the run"
        )
    bundle.check_logged(str(log.path))
    policy = OnnxPolicy(bundle, start["goal_seed"])
    trial = steps = 0
    for turn in log.turns:
        if turn["action"] is None:
            continue
        if turn["trial"] != trial:
            policy.reset()
            trial = turn["trial"]
        _compare(log, turn, policy.step(sensors_of(turn)))
        steps += 1
    return Replay(log, steps, trial)


def _start(log: Log) -> dict[str, Any]:
    """Folder and hash of the bundle, and the seed of the goals. Raises DataError."""
    for start in log.of("start"):
        bundle = start.get("bundle")
        if isinstance(bundle, dict) and {"folder", "sha256"} <= bundle.keys():
            return {**bundle, "goal_seed": int(start.get("goal_seed", 0))}
    raise DataError(f"{log.path}: got no start record of a policy run, allowed: the log of one")


def sensors_of(turn: dict[str, Any]) -> Sensors:
    """The policy's inputs at a logged turn with an action."""
    joints, velocity, target = (
        np.array(turn[name]) for name in ("joint_position", "joint_velocity", "last_target")
    )
    pose = ("object_position", "object_wxyz", "object_joints")
    return Sensors(
        joints,
        velocity,
        target,
        object={name: np.array(turn[name]) for name in pose if turn.get(name) is not None},
        goal={name: np.array(part) for name, part in turn["goal"].items()},
    )


def _compare(log: Log, turn: dict[str, Any], decision: Decision) -> None:
    """Raise DataError for the first number that differs."""
    for what, got, logged in (
        ("target", decision.target, np.array(turn["asked"])),
        ("action", decision.action, np.array(turn["action"], np.float32)),
    ):
        different = np.flatnonzero(got != logged)
        if different.size:
            at = int(different[0])
            raise DataError(
                f"{log.path}: turn {turn['k']}: {what} {at}: got {got[at]!r},"
                f" allowed: {logged[at]!r}, as logged"
            )
    if decision.carry != turn["carry"]:
        raise DataError(
            f"{log.path}: turn {turn['k']}: carry: got {decision.carry},"
            f" allowed: {turn['carry']}, as logged"
        )
