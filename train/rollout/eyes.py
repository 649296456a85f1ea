"""Cameras for policies that see: what a config asks for, and worlds that the renders can show."""

from __future__ import annotations

from torch import Tensor

from ...envs.config import EnvConfig
from ...envs.hands.hand_model import hand_of
from ...envs.make import resolve
from ...envs.mdp.eyes import Eyes
from ...envs.mdp.observations import CAMERA_IMAGES, Sensors
from ...envs.objects.object_spec import size_of
from ...envs.sim.model_config import ModelConfig
from ...envs.tasks.task import task_of
from ...errors import ConfigError
from ...vision.config import CamerasConfig, ImagesConfig
from ...vision.live.image_eyes import ImageEyes, image_sensors, image_sizes

MOST_WORLDS = 1000
"""The look of each is kept in every render process."""


def sees(env: EnvConfig) -> bool:
    """Whether the actor observes pictures."""
    return CAMERA_IMAGES.name in resolve(env).actor_terms


class UnusedEyes(Eyes):
    """Cameras of worlds that nobody looks at: they only say how large pictures are."""

    def __init__(self, rig: CamerasConfig) -> None:
        self.sizes, self._sensors = image_sizes(rig), image_sensors(rig)

    @property
    def gives(self) -> Sensors:
        """See `Eyes`."""
        return self._sensors

    def begin(self, worlds: Tensor) -> None:
        """See `Eyes`."""

    def see(self, qpos: Tensor, true: Sensors, worlds: Tensor, awake: Tensor) -> Sensors:
        """See `Eyes`."""
        raise NotImplementedError("these worlds are not stepped")


def eyes_of(cameras: ImagesConfig, env: EnvConfig, seed: int) -> ImageEyes | None:
    """The cameras of these worlds; None if the actor observes no pictures.

    Raises ConfigError for worlds that the renders do not show, SleightError without a renderer.
    """
    if not sees(env):
        return None
    return image_eyes(cameras, env, seed, f"term {CAMERA_IMAGES.name}")


def image_eyes(cameras: ImagesConfig, env: EnvConfig, seed: int, what: str) -> ImageEyes:
    """Cameras that look at these worlds, because of `what`. Raises the errors of `eyes_of`."""
    check_shown(env, what)
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
