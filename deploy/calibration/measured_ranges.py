"""Latency, skew and noise of a rig, measured in a run, as randomization ranges for training.

The noise is the difference of two consecutive readings while hand and object are at rest between
trials. It does not include constant errors (a biased sensor, a misplaced camera).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from ...contract.quaternions import distance
from ...envs.randomization.measured import Span, noise_strength, ranges_yaml, span, within
from ..logs.log_read import Log
from ..runtime.stage import Phase

STILL_RAD_S = 0.2
_MAD = 1.4826
"""Factor from the median absolute deviation to the standard deviation of a normal distribution."""


@dataclass
class Measured:
    """Samples, one per turn or per pair of turns."""

    period_s: float
    latency_s: list[float] = field(default_factory=list)
    """From the measurement of a joint state to the hand's answer to the resulting command."""
    pose_age_s: list[float] = field(default_factory=list)
    """Age of the object's pose at its use."""
    skew_s: list[float] = field(default_factory=list)
    """Difference between the ages of joint state and pose in one turn."""
    joint_rad: list[float] = field(default_factory=list)
    """Noise of a reading: the median over the joints."""
    position_m: list[float] = field(default_factory=list)
    angle_rad: list[float] = field(default_factory=list)

    def quantities(self) -> Iterator[tuple[str, str, list[float]]]:
        """Name, unit and samples of each quantity, for a table."""
        yield "latency, state to command", "ms", _scaled(self.latency_s, 1e3)
        yield "age of the pose", "ms", _scaled(self.pose_age_s, 1e3)
        yield "skew of state and pose", "ms", _scaled(self.skew_s, 1e3)
        yield "noise of a joint", "mrad", _scaled(self.joint_rad, 1e3)
        yield "noise of the position", "mm", _scaled(self.position_m, 1e3)
        yield "noise of the orientation", "mrad", _scaled(self.angle_rad, 1e3)


def measure(log: Log) -> Measured:
    """Collect the samples of a log."""
    starts = [start.get("period_s") for start in log.of("start")]
    measured = Measured(float(starts[0]) if starts and starts[0] else 0.08)
    for turn in log.turns:
        _take_ages(measured, turn)
    for before, after in pairwise(log.turns):
        if after["k"] == before["k"] + 1 and _rests(before) and _rests(after):
            _take_noise(measured, before, after)
    return measured


def _take_ages(measured: Measured, turn: dict[str, Any]) -> None:
    hand_s, pose_s = turn["hand_age_s"], turn["pose_age_s"]
    if None not in (hand_s, turn["sent_s"], turn["round_trip_s"]):
        inside_s = turn["sent_s"] - turn["late_s"]
        measured.latency_s.append(hand_s + inside_s + turn["round_trip_s"])
    if pose_s is not None:
        measured.pose_age_s.append(pose_s)
    if None not in (hand_s, pose_s):
        measured.skew_s.append(abs(hand_s - pose_s))


def _rests(turn: dict[str, Any]) -> bool:
    velocity = turn["joint_velocity"]
    still = velocity is not None and float(np.median(np.abs(velocity))) < STILL_RAD_S
    return still and turn["phase"] == Phase.SETTLE and turn["pose_new"]


def _take_noise(measured: Measured, before: dict[str, Any], after: dict[str, Any]) -> None:
    # The difference of two readings has twice the variance of one.
    joints = np.abs(np.subtract(after["joint_position"], before["joint_position"])) / np.sqrt(2)
    position = np.abs(np.subtract(after["object_position"], before["object_position"])) / np.sqrt(2)
    angle = distance(np.array(after["object_wxyz"]), np.array(before["object_wxyz"]))
    measured.joint_rad.append(_MAD * float(np.median(joints)))
    measured.position_m.append(_MAD * float(np.median(position)))
    measured.angle_rad.append(angle / np.sqrt(2))


def spans(measured: Measured) -> dict[str, tuple[str, Span]]:
    """Parameter -> what it is, and its range, of those with enough samples."""
    noise = noise_strength(measured.joint_rad, measured.position_m, measured.angle_rad)
    found = {
        "action.latency": (
            "ms from a joint state to the hand's answer",
            span(measured.latency_s, 1e3),
        ),
        "observation.delay": (
            "age of the object's pose, in control steps",
            span(measured.pose_age_s, 1 / measured.period_s),
        ),
        "observation.noise": ("noise at rest, in the unit of the 2018 noise", noise),
    }
    return {name: (what, ends) for name, (what, ends) in found.items() if ends is not None}


def ranges(measured: Measured) -> dict[str, Span]:
    """Parameter -> (low, high) in its unit, within the limits of the table."""
    return {name: within(name, ends) for name, (_, ends) in spans(measured).items()}


def measured_yaml(measured: Measured, source: str) -> str:
    """The ranges as a config for training."""
    head = (
        f"Measured by a run on a rig: {source}",
        f"{len(measured.latency_s)} turns with a command, {len(measured.joint_rad)} pairs at rest.",
    )
    return ranges_yaml(head, measured.quantities(), spans(measured))


def _scaled(samples: list[float], factor: float) -> list[float]:
    return [factor * value for value in samples]
