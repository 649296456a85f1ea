"""From a run's log to what a calibration of the joints reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ...contract.hand_spec import HandSpec
from ...contract.recording import FEWEST, Recording
from ...envs.hands.shadow import SHADOW_RIGHT
from ...errors import DataError
from ..logs.log_read import read_log


def recordings_of(place: Path, hand: HandSpec = SHADOW_RIGHT) -> list[Recording]:
    """The stretches of a run in which every turn commanded, each as a recording.

    Raises DataError for a log of another hand, or one without a stretch that is long enough.
    """
    log = read_log(place)
    story = next(iter(log.of("start")), {})
    for what in ("joints", "actuators"):
        if tuple(story.get(what, ())) != getattr(hand, what):
            raise DataError(f"{log.path}: {what}: got another hand's, allowed: {hand.name}")
    stretches = _stretches(log.turns)
    longest = max(stretches, key=len, default=[])
    if len(longest) < FEWEST:
        raise DataError(
            f"{log.path}: got {len(longest)} turns in a row that command, allowed: {FEWEST} or more"
        )
    period_s = float(story["period_s"])
    long = [turns for turns in stretches if len(turns) >= FEWEST]
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


def _stretches(turns: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """A hand that holds is somewhere else than at its last target: such turns cut a run."""
    found: list[list[dict[str, Any]]] = [[]]
    for turn in turns:
        if turn["applied"] is None or turn["joint_position"] is None:
            found.append([])
        else:
            found[-1].append(turn)
    return found


def _sent_s(turn: dict[str, Any]) -> float:
    """When the target left, on this machine's clock: a turn is logged once it was answered."""
    return float(turn["t"] - turn["round_trip_s"])


def _measured_s(turn: dict[str, Any]) -> float:
    """When the angles were measured: `hand_age_s` before they were read, as the turn began."""
    inside_s = turn["sent_s"] - turn["late_s"]
    return float(_sent_s(turn) - inside_s - turn["hand_age_s"])
