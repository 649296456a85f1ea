"""`sleight rig replay`: compute a run's actions again from its log, to the last bit."""

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
    """What a replay found."""

    log: Log
    steps: int
    """Steps of the policy that were computed again."""
    trials: int


def replay(place: Path, folder: Path | None = None) -> Replay:
    """Run the bundle of a log, or the one in `folder`, on what the log says that it saw.

    Raises DataError where target, action or memory differ, and where the log is of another bundle.
    """
    log = read_log(place)
    story = _story(log)
    bundle = load_bundle(folder or Path(story["folder"]))
    if bundle.manifest.graph.sha256 != story["sha256"]:
        raise DataError(
            f"{log.path}: bundle.sha256: got {bundle.manifest.graph.sha256[:12]}... in"
            f" {bundle.folder}, allowed: {story['sha256'][:12]}..., that of the run"
        )
    policy = OnnxPolicy(bundle, story["goal_seed"])
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


def _story(log: Log) -> dict[str, Any]:
    for start in log.of("start"):
        bundle = start.get("bundle")
        if isinstance(bundle, dict) and {"folder", "sha256"} <= bundle.keys():
            return {**bundle, "goal_seed": int(start.get("goal_seed", 0))}
    raise DataError(f"{log.path}: got no record of how the run began; it is not a run's log")


def sensors_of(turn: dict[str, Any]) -> Sensors:
    """What the policy saw at a turn of a log that asked it."""
    names = ("joint_position", "joint_velocity", "last_target")
    seen = ("object_position", "object_wxyz", "object_joints")
    return Sensors(
        **{name: np.array(turn[name]) for name in names},
        object={name: np.array(turn[name]) for name in seen if turn.get(name) is not None},
        goal={name: np.array(part) for name, part in turn["goal"].items()},
    )


def _compare(log: Log, turn: dict[str, Any], found: Decision) -> None:
    """Raises DataError at the first number that is not the same."""
    for what, got, logged in (
        ("target", found.target, np.array(turn["asked"])),
        ("action", found.action, np.array(turn["action"], np.float32)),
    ):
        away = np.flatnonzero(got != logged)
        if away.size:
            at = int(away[0])
            raise DataError(
                f"{log.path}: turn {turn['k']}: {what} {at}: got {got[at]!r},"
                f" allowed: {logged[at]!r}, as logged"
            )
    if found.carry != turn["carry"]:
        raise DataError(f"{log.path}: turn {turn['k']}: the policy's memory is not the logged one")
