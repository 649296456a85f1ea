"""The HandModel contract: a hand's table, and the function that builds its MuJoCo model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...contract.hand_spec import HandSpec
from ...registry import Registry, must_be

if TYPE_CHECKING:
    import mujoco

    from ..sim.model_config import ModelConfig


@dataclass(frozen=True)
class HandModel:
    """A hand that can be simulated."""

    spec: HandSpec
    build: Callable[[ModelConfig], mujoco.MjSpec]
    """The hand alone, in the frame palm, with the joints, actuators and fingertip sites that `spec`
    names; with meshes when `visual`. Raises ConfigError when its files are missing. The options of
    the world, the object and all looks are added by `sim.model`."""
    tied: tuple[tuple[str, str], ...] = ()
    """Pairs of joints that the variant `tied` moves as one: those of two neighbouring fingers."""
    config: type | None = None
    """A dataclass of the hand's own fields, `env.model.<name>`."""


HANDS: Registry[HandModel] = Registry(
    "sleight.hands",
    {
        "gymnasium-robotics": "envs.hands.gymnasium_robotics:HAND",
        "menagerie": "envs.hands.menagerie:HAND",
    },
    must_be("envs.hands.hand_model:HandModel"),
)


def hand_of(config: ModelConfig) -> HandModel:
    """The hand that a config names. Raises ConfigError."""
    return HANDS.get(config.hand, "model.hand")
