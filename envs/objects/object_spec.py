"""The ObjectSpec contract: what lies in the hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ...registry import Registry, must_be

if TYPE_CHECKING:
    import mujoco

    from ..sim.model_config import ModelConfig

Symmetry = Literal["none", "cube", "z"]
"""Rotations that leave its shape as it is: none, the 24 of a cube, any turn about its z axis."""


@dataclass(frozen=True)
class ObjectSpec:
    """An object. Its body is called `name` in the model, and so is its first geom."""

    size_m: float
    """Nominal size, of which all its lengths are multiples."""
    mass_kg: float
    build: Callable[[mujoco.MjsBody, str, float, float], None]
    """`build(body, name, size_m, mass_kg)` adds geoms to a body, and child bodies with inner
    joints. The body already has its free joint. Every element's name begins with `name`, for the
    goal beside the hand is a second one."""
    joints: tuple[str, ...] = ()
    """Inner joints, without `name` and an underscore: `lid` for `object_lid`."""
    symmetry: Symmetry = "none"
    dress: Callable[[mujoco.MjSpec, str], None] | None = None
    """`dress(spec, name)` gives the geoms of the object `name` their materials, for pictures."""

    def joint_names(self, name: str) -> tuple[str, ...]:
        """The inner joints of the object called `name`."""
        return tuple(f"{name}_{joint}" for joint in self.joints)


OBJECTS: Registry[ObjectSpec] = Registry(
    "sleight.objects",
    {name: f"envs.objects.{name}:{name.upper()}" for name in ("block", "egg", "pen")},
    must_be("envs.objects.object_spec:ObjectSpec"),
)


def object_of(config: ModelConfig) -> ObjectSpec:
    """The object that a config names, the block where it names none. Raises ConfigError."""
    return OBJECTS.get(config.object or "block", "model.object")


def size_of(config: ModelConfig) -> float:
    """Size of the object, m."""
    return config.object_size_m or object_of(config).size_m


def mass_of(config: ModelConfig) -> float:
    """Mass of the object, kg."""
    return config.object_mass_kg or object_of(config).mass_kg
