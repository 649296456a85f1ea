"""Recordings for the calibration of the joints, from the log of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ...contract.hand_spec import HandSpec
from ...contract.recording import FEWEST, Recording
from ...envs.hands.shadow import SHADOW_RIGHT
from ...errors import DataError
from ..logs.log_read import read_log


def recordings_of(folder: Path, hand: HandSpec = SHADOW_RIGHT) -> list[Recording]:
    """The uninterrupted segments of a run in which every turn has a command, as recordings.

    Raises DataError for a log of another hand, or without a segment of sufficient length.
    """
    log = read_log(folder)
    start = next(iter(log.of("start")), {})
    for what in ("joints", "actuators"):
        if tuple(start.get(what, ())) != getattr(hand, what):
            raise DataError(f"{log.path}: {what}: got another hand's, allowed: {hand.name}")
    segments = _segments(log.turns)
    longest = max(segments, key=len, default=[])
    if len(longest) < FEWEST:
        raise DataError(
            f"{log.path}: got {len(longest)} turns in a row with a command,"
            f" allowed: {FEWEST} or more"
        )
    period_s = float(start["period_s"])
    long = [turns for turns in segments if len(turns) >= FEWEST]
    return [_recording(str(log.path), period_s, turns) for turns in long]


def _recording(source: str, period_s: float, turns: list[dict[str, Any]]) -> Recording:
    efforts = [turn["effort"] for turn in turns]
    return Recording(
        source=source,
        period_s=period_s,
        command_s=np.array([_sent_s(turn) for turn in turns]),
        target=np.array([turn["applied"] for turn in turns]),
        state_s=np.array([_measured_s(turn) for turn in turns]),
        position=np.array([turn["joint_position"] for turn in turns]),
        effort=None if None in efforts else np.array(efforts),
    )


def _segments(turns: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Split a run at turns without a command: a hand that holds is not at its last target."""
    segments: list[list[dict[str, Any]]] = [[]]
    for turn in turns:
        if turn["applied"] is None or turn["joint_position"] is None:
            segments.append([])
        else:
            segments[-1].append(turn)
    return segments


def _sent_s(turn: dict[str, Any]) -> float:
    """Time of sending the target, on this machine's clock; a turn is logged after the answer."""
    return float(turn["t"] - turn["round_trip_s"])


def _measured_s(turn: dict[str, Any]) -> float:
    """Time of the measurement: `hand_age_s` before it was read at the start of the turn."""
    inside_s = turn["sent_s"] - turn["late_s"]
    return float(_sent_s(turn) - inside_s - turn["hand_age_s"])
