"""Cameras for policies that see: what a config asks for, and worlds that the renders can show."""

from __future__ import annotations

from ...envs.config import EnvConfig
from ...envs.hands.hand_model import hand_of
from ...envs.make import resolve
from ...envs.mdp.observations import CAMERA_IMAGES
from ...envs.objects.object_spec import size_of
from ...envs.sim.model_config import ModelConfig
from ...envs.tasks.task import task_of
from ...errors import ConfigError
from ...vision.config import ImagesConfig
from ...vision.live.image_eyes import ImageEyes

MOST_WORLDS = 1000
"""The look of each is kept in every render process."""


def sees(env: EnvConfig) -> bool:
    """Whether the actor observes pictures."""
    return CAMERA_IMAGES.name in resolve(env).actor_terms


def eyes_of(cameras: ImagesConfig, env: EnvConfig, seed: int) -> ImageEyes | None:
    """The cameras of these worlds; None if the actor observes no pictures.

    Raises ConfigError for worlds that the renders do not show, SleightError without a renderer.
    """
    if not sees(env):
        return None
    check_shown(env, f"term {CAMERA_IMAGES.name}")
    width = len(hand_of(env.model).spec.joints) + 7
    return ImageEyes(cameras, size_of(resolve(env).model), env.num_worlds, width, seed)


def check_shown(env: EnvConfig, what: str) -> None:
    """Raise ConfigError for a hand, an object or numbers of worlds that the renders do not show."""
    model, known = resolve(env).model, ModelConfig()
    if model.hand != known.hand or model.variant != known.variant:
        got = model.hand if model.hand != known.hand else f"variant {model.variant}"
        raise ConfigError(
            f"env.model: got {got}, allowed with {what}: {known.hand} without a variant, which the"
            " renders show"
        )
    if model.object != "block" or not task_of(env).has_object:
        got = model.object if task_of(env).has_object else f"the task {env.task}"
        raise ConfigError(
            f"env.model.object: got {got}, allowed with {what}: the block, which the renders show"
        )
    if "object.size" in {*env.randomization, *env.nominal}:
        raise ConfigError(
            f"object.size: got other sizes than the nominal one, allowed with {what}: all other"
            " parameters, because the renders show the nominal size"
        )
    if env.num_worlds > MOST_WORLDS:
        raise ConfigError(
            f"num_worlds: got {env.num_worlds}, allowed with {what}: up to {MOST_WORLDS}"
        )
