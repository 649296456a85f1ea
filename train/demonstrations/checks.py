"""Whether a student can learn from a data set: its joints, its terms, its pictures.

Every error is one line: the field of the student's config, what was got, what the data has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from ...envs.env import HandEnv
from ...envs.mdp.observations import CAMERA_IMAGES, Sensors, Term
from ...errors import ConfigError
from ..config import TrainConfig
from .data_set import Demonstrations

FIRST = torch.zeros(1, dtype=torch.long)
"""The first row of a data set."""


def check_student(data: Demonstrations, config: TrainConfig, env: HandEnv) -> None:
    """Raise ConfigError unless the student of `config` can learn from `data`.

    env: the worlds that it is for; they give the sizes of its terms. The action law is checked
    before, by `check_actions`.
    """
    for what in ("joints", "actuators"):
        got, allowed = getattr(env.hand, what), getattr(data.manifest.hand, what)
        if got != allowed:
            raise ConfigError(
                f"env.model.hand: got {what} {', '.join(got):.60}..., allowed:"
                f" {', '.join(allowed):.60}..., as {data.folder} has"
            )
    seen = data.sensors(FIRST)
    if data.manifest.pictures is not None:
        seen[CAMERA_IMAGES.name] = torch.zeros(0)
    world = torch.zeros(1, env.coordinates.shape[1])
    _check_terms("actor", env, seen, data)
    _check_terms("critic", env, {**data.truth(FIRST), "world": world}, data)
    if CAMERA_IMAGES in env.terms["actor"]:
        _check_cameras(data, config)


def _check_terms(group: str, env: HandEnv, sensors: Sensors, data: Demonstrations) -> None:
    for term in readable(env, group):
        if missing := [name for name in term.reads if name not in sensors]:
            raise ConfigError(
                f"env.{group}_terms: got {term.name}, which reads {missing[0]}, allowed with"
                f" {data.folder}: terms of {', '.join(sensors)}"
            )
        if term.name == CAMERA_IMAGES.name:
            continue
        try:
            shape: tuple[int, ...] | str = tuple(term.compute(dict(sensors)).shape[1:])
        except (RuntimeError, IndexError):
            shape = "other sizes"
        if shape != (allowed := term.shape_in(env.sizes)):
            raise ConfigError(
                f"env.{group}_terms: got {term.name} of {shape} in {data.folder}, allowed:"
                f" {allowed}, as in env.task {env.config.task}"
            )


def readable(env: HandEnv, group: str) -> Sequence[Term]:
    """The terms of a group that are not empty in these worlds."""
    return [term for term in env.terms[group] if all(term.shape_in(env.sizes))]


def _check_cameras(data: Demonstrations, config: TrainConfig) -> None:
    pictures, rig = data.manifest.pictures, config.cameras.rig
    assert pictures is not None
    fields: Mapping[str, tuple[object, object]] = {
        "cameras.rig.image_px": (rig.image_px, pictures.px),
        "cameras.rig.views": (", ".join(rig.views), ", ".join(pictures.cameras)),
    }
    for name, (got, allowed) in fields.items():
        if got != allowed:
            raise ConfigError(f"{name}: got {got}, allowed: {allowed}, as {data.folder} has")
