"""The ObjectSpec contract: the object in the hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ...contract.keypoint_model import KeypointHinge, KeypointModel
from ...registry import Registry, must_be

if TYPE_CHECKING:
    import mujoco
    import numpy as np

    from ..sim.model_config import ModelConfig

Symmetry = Literal["none", "cube", "z"]
"""Symmetry of the shape: none, the 24 rotations of a cube, or any rotation about the z axis."""


@dataclass(frozen=True)
class ObjectSpec:
    """An object. In the model its body and its first geom are both called `name`."""

    size_m: float
    """Nominal size [m]; all lengths of the object scale with it."""
    mass_kg: float
    build: Callable[[mujoco.MjsBody, str, float, float], None]
    """`build(body, name, size_m, mass_kg)` adds geoms to a body, and child bodies with inner
    joints. The body already has its free joint; angles are in radians. Every element's name must
    begin with `name`, because the goal beside the hand is a second copy of the object."""
    joints: tuple[str, ...] = ()
    """Names of the inner joints that are observed, without the prefix `name` and underscore: `lid`
    for `object_lid`. Each has one coordinate: a hinge or a slide. Others may exist."""
    angles: tuple[str, ...] = ()
    """Names of the angles that its task reports, where they are not those of `joints`."""
    symmetry: Symmetry = "none"
    dress: Callable[[mujoco.MjSpec, str], None] | None = None
    """`dress(spec, name)` adds materials to the geoms of the object `name`, for rendering."""
    assets: Callable[[mujoco.MjSpec, str, float], None] | None = None
    """`assets(spec, name, size_m)` adds the meshes that `build` uses."""
    self_contact: bool = False
    """Contacts among its own parts hold the object together. Their parameters are then the parts'
    own, and those of contacts with the hand are the hand's: the parts' `solmix` is negligible,
    their friction is lower than the hand's, and the hand's geoms have the contact dimensions."""
    keypoints: tuple[tuple[float, float, float], ...] = ()
    """Points that a pose network looks for, in the object's frame, as fractions of its size: at
    least four, not in one plane. Pictures must tell them apart; a point may be hidden."""
    layers: tuple[KeypointHinge, ...] = ()
    """Layers whose angles a pose network looks for, in the order of `joints`; lengths are fractions
    of the size."""
    arrange: Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray]] | None = None
    """`arrange(rng)` draws the inner joints for renders: all their coordinates (P,) and the angles
    of `joints`. Without it they are zero."""
    iterations: int = 0
    """Fewest iterations of the solver per step that it needs."""

    def add_to(
        self, spec: mujoco.MjSpec, body: mujoco.MjsBody, name: str, size_m: float, mass_kg: float
    ) -> None:
        """Add the object's meshes to the model and its geoms, bodies and joints to `body`."""
        if self.assets is not None:
            self.assets(spec, name, size_m)
        self.build(body, name, size_m, mass_kg)

    def keypoint_model(self, size_m: float) -> KeypointModel:
        """What a pose network looks for on an object of this size."""
        points = tuple((x * size_m, y * size_m, z * size_m) for x, y, z in self.keypoints)
        return KeypointModel(points, tuple(layer.scaled(size_m) for layer in self.layers))

    @property
    def reported(self) -> tuple[str, ...]:
        """Names of the angles that its task reports."""
        return self.angles or self.joints

    def joint_names(self, name: str) -> tuple[str, ...]:
        """The inner joints of the object called `name`."""
        return tuple(f"{name}_{joint}" for joint in self.joints)


OBJECTS: Registry[ObjectSpec] = Registry(
    "sleight.objects",
    {
        **{name: f"envs.objects.{name}:{name.upper()}" for name in ("block", "egg", "pen")},
        "face": "envs.objects.cubes.face_cube:FACE",
        "cube": "envs.objects.cubes.full_cube:FULL",
        "cube-stiff": "envs.objects.cubes.full_cube:FULL_STIFF",
        "cube-hinges": "envs.objects.cubes.full_cube:FULL_HINGES",
        "cube-live": "envs.objects.cubes.live_cube:LIVE",
        "cube-locked": "envs.objects.cubes.locked_cube:LOCKED",
    },
    must_be("envs.objects.object_spec:ObjectSpec"),
)


def object_of(config: ModelConfig) -> ObjectSpec:
    """The object that a config names; the block if it names none. Raises ConfigError."""
    return OBJECTS.get(config.object or "block", "model.object")


def size_of(config: ModelConfig) -> float:
    """Size of the object [m]."""
    return config.object_size_m or object_of(config).size_m


def mass_of(config: ModelConfig) -> float:
    """Mass of the object [kg]."""
    return config.object_mass_kg or object_of(config).mass_kg
