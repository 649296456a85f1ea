"""The HandModel contract: the HandSpec of a hand, and the function that builds its MuJoCo model."""

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
    """Builds the hand alone, in the frame palm, with the joints, actuators and fingertip sites that
    `spec` names, and with meshes if `visual`. Raises ConfigError when its files are missing.
    `sim.model` adds the options of the world, the object, materials and lights."""
    tied: tuple[tuple[str, str], ...] = ()
    """Pairs of joints, of two neighbouring fingers, that the variant `tied` moves together."""
    neighbours: tuple[tuple[tuple[str, str], ...], ...] = ()
    """For each two neighbouring fingers, the pairs of joints that springs may couple
    (`tendon.neighbours`). Joints whose axes point apart in their bodies turn against each other."""
    config: type | None = None
    """A dataclass of the hand's own config fields, `env.model.<name>`."""


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
