"""The full Rubik's cube: 26 cubelets and 66 degrees of freedom, held together by contact alone.

No constraint knows the mechanism of the puzzle. A hinge carries each of the six centres; each of
the 20 corners and edges turns freely about the middle of the cube, and only its neighbours keep it
in place. Any face turns when the others are nearly straight.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import product

import mujoco
import numpy as np

from ...cube.cube_geometry import FACES, NAMES, PLACES, Place
from ..object_spec import ObjectSpec
from .cube_numbers import EDGE_M, HINGES, MASS_KG, STIFF, TRAINING, CubeNumbers
from .cube_pictures import KEYPOINTS, LAYERS, drawn_cube
from .stickers import PLASTIC, add_stickers, sticker_meshes

FACE_PLACES: dict[str, Place] = {face: PLACES[NAMES.index(face)] for face in FACES}
"""Face -> place of its centre. Each face is also an inner joint of the cube, which turns about the
positive axis: +90 degrees turns U, R and B counterclockwise as one looks at them, and D, L and F
clockwise."""
_CORE_RADIUS, _CORE_MASS = 0.175, 0.025
"""Of the sphere in the middle, as fractions of the cube's edge and mass."""


def cubelet_name(name: str, place: Place) -> str:
    """Name of a cubelet's body, geom and joint: the faces it lies on, as U, UF or UFR."""
    return f"{name}_{NAMES[PLACES.index(place)]}"


def cubelets(name: str) -> Iterator[tuple[str, Place]]:
    """Name and place of the 26 cubelets, in the order of the model."""
    return ((cubelet_name(name, place), place) for place in PLACES)


def assets(numbers: CubeNumbers, spec: mujoco.MjSpec, name: str, size_m: float) -> None:
    """Add the mesh of a cubelet: 24 vertices, bevelled on all edges."""
    half = 0.5 * numbers.cubelet * size_m
    flat = half - numbers.bevel * size_m
    corners = np.array(list(product((-1.0, 1.0), repeat=3)))
    axes = np.where(np.eye(3, dtype=bool), half, flat)
    mesh = spec.add_mesh(name=f"{name}_cubelet")
    mesh.uservert = (corners[:, None] * axes).ravel()


def build(
    numbers: CubeNumbers, body: mujoco.MjsBody, name: str, size_m: float, mass_kg: float
) -> None:
    """Add the core to the root, and a child body with a joint in the middle for each cubelet."""
    body.add_geom(
        name=name,
        type=mujoco.mjtGeom.mjGEOM_SPHERE,
        size=[_CORE_RADIUS * size_m, 0, 0],
        mass=_CORE_MASS * mass_kg,
        condim=numbers.condim,
    )
    for part, place in cubelets(name):
        cubelet = body.add_body(name=part)
        _add_joints(numbers, cubelet, part, place)
        cubelet.add_geom(
            name=part,
            type=mujoco.mjtGeom.mjGEOM_MESH,
            meshname=f"{name}_cubelet",
            pos=[size_m * i / 3 for i in place],
            mass=(1.0 - _CORE_MASS) * mass_kg / len(PLACES),
            condim=numbers.condim,
            friction=numbers.friction,
            solref=numbers.solref,
            solimp=(*numbers.solimp, 0.5, 2.0),
            solmix=1e-6,  # contacts with the hand are the hand's
        )


def _add_joints(numbers: CubeNumbers, cubelet: mujoco.MjsBody, part: str, place: Place) -> None:
    def add(name: str, **shape: object) -> None:
        cubelet.add_joint(
            name=name,
            damping=[numbers.damping, 0, 0],
            frictionloss=numbers.dry_friction,
            armature=numbers.armature,
            **shape,
        )

    hinge = mujoco.mjtJoint.mjJNT_HINGE
    if np.abs(place).sum() == 1:
        add(part, type=hinge, axis=np.abs(place))
    elif numbers.joints == "ball":
        add(part, type=mujoco.mjtJoint.mjJNT_BALL)
    else:
        for letter, axis in zip("xyz", np.eye(3), strict=True):
            add(f"{part}_{letter}", type=hinge, axis=axis)


def dress(spec: mujoco.MjSpec, name: str) -> None:
    """Paint the cubelets black and add their stickers."""
    sticker_meshes(spec, name, _edge(spec, name))
    for part, place in cubelets(name):
        spec.geom(part).rgba = PLASTIC
        add_stickers(spec.body(part), part, name, place, _edge(spec, name))


def _edge(spec: mujoco.MjSpec, name: str) -> float:
    """Edge of the cube [m]: the pitch is the distance of a centre from the middle."""
    return 3.0 * float(spec.geom(f"{name}_U").pos[2])


def full_cube(numbers: CubeNumbers, iterations: int = 10) -> ObjectSpec:
    """The object for these numbers. iterations: of the solver, the fewest that are sound."""
    return ObjectSpec(
        EDGE_M,
        MASS_KG,
        partial(build, numbers),
        joints=tuple(FACES),
        symmetry="cube",
        dress=dress,
        assets=partial(assets, numbers),
        self_contact=True,
        iterations=iterations,
        keypoints=KEYPOINTS,
        layers=LAYERS,
        arrange=drawn_cube if numbers.joints == "ball" else None,
    )


FULL = full_cube(TRAINING)
"""For training: 8 ms."""
FULL_STIFF = full_cube(STIFF)
"""The reference: wants `model.timestep_s` 0.002."""
FULL_HINGES = full_cube(HINGES, iterations=20)
"""The original's form, for comparison: it jams, and its Jacobian costs four times as much."""
