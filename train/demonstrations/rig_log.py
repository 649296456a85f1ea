"""Demonstrations from the log of a run on a rig."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...errors import DataError
from ..rollout.players import BundlePlayer
from .manifest import DemonstrationsManifest, describe
from .shards import Arrays, Demonstration, DemonstrationWriter

Turn = Mapping[str, Any]
JOINTS = {
    "joint_position": "joint_position",
    "joint_velocity": "joint_velocity",
    "target": "last_target",
}
"""Sensor -> field of a turn."""
POSE = ("object_position", "object_wxyz", "object_joints")


def write_rig_log(
    turns: Sequence[Turn], endings: Sequence[str], player: BundlePlayer, source: str, out: Path
) -> DemonstrationsManifest:
    """Write the trials of a log into the new folder `out`.

    turns: the control steps of the loop. endings: of each trial; () if they are not known. player:
    the bundle of the run, which says the mean of each action. Raises DataError without a step of a
    policy, and for a policy that reads pictures, of which the log holds few.
    """
    player.bundle.check_logged(source)
    trials = [list(group) for _, group in groupby(_acted(turns), lambda turn: turn["trial"])]
    if not trials:
        raise DataError(f"{source}: got no step of a policy, allowed: the log of `sleight rig run`")
    sensors = {n: value.shape[1:] for n, value in _sensors(trials[0]).items()}
    manifest = describe(
        player.env_config, "rig", player.name, sensors=sensors, std=False, rewards=False
    )
    with DemonstrationWriter(out, manifest) as writer:
        for episode in _episodes(trials, endings, player):
            writer.add(episode)
    return writer.manifest


def _acted(turns: Sequence[Turn]) -> Iterator[Turn]:
    """The turns in which the policy acted; it does not notice those in which the hand held."""
    return (turn for turn in turns if turn["action"] is not None and turn["trial"])


def _episodes(
    trials: Sequence[Sequence[Turn]], endings: Sequence[str], player: BundlePlayer
) -> Iterator[Demonstration]:
    for trial in trials:
        sensors, number = _sensors(trial), trial[0]["trial"]
        ending = endings[number - 1] if number <= len(endings) else ""
        goals = [turn["goal"] for turn in trial]
        arrays = {
            **{f"sensors.{name}": value for name, value in sensors.items()},
            "action": _column(trial, "action"),
            "mean": _means(sensors, player),
            # The goal changes where it was reached; a plan may also replace one.
            "success": np.array([a != b for a, b in pairwise(goals)] + [False]),
        }
        yield Demonstration(arrays, ending == "dropped")


def _sensors(trial: Sequence[Turn]) -> Arrays:
    """Name -> (T, ...), as the policy has read them."""
    sensors = {name: _column(trial, field) for name, field in JOINTS.items()}
    actions = _column(trial, "action")
    sensors["last_action"] = np.concatenate((np.zeros_like(actions[:1]), actions[:-1]))
    pose = {name: _column(trial, name) for name in POSE if trial[0].get(name) is not None}
    before = {f"previous_{name}": np.concatenate((v[:1], v[:-1])) for name, v in pose.items()}
    before.pop("previous_object_joints", None)
    goal = {
        name: np.array([turn["goal"][name] for turn in trial], np.float32)
        for name in trial[0]["goal"]
    }
    return {**sensors, **pose, **before, **goal}


def _column(trial: Sequence[Turn], name: str) -> np.ndarray:
    return np.array([turn[name] for turn in trial], np.float32)


def _means(sensors: Arrays, player: BundlePlayer) -> np.ndarray:
    """(T, A): what the bundle does without noise."""
    player.begin(1)
    steps = len(sensors["last_action"])
    silence = torch.zeros(1, sensors["last_action"].shape[1])
    means = []
    for step in range(steps):
        row = {name: torch.from_numpy(v[step : step + 1]) for name, v in sensors.items()}
        means.append(player.act_on(row, torch.tensor([step == 0]), silence))
    return torch.cat(means).numpy()
