"""Meshes of the object in many sizes within one model: a world chooses one by `geom_dataid`.

MuJoCo shares meshes between worlds, so a mesh cannot grow in one of them as a box can.
"""

from __future__ import annotations

import mujoco
import numpy as np

from .model_config import OBJECT

SIZES = np.round(np.arange(0.75, 1.3001, 0.01), 2)
"""Sizes relative to the nominal one: all that the row object.size allows, within half a percent."""
_MARK = "_x"


def add_sizes(spec: mujoco.MjSpec) -> None:
    """Add a copy of each colliding mesh of the object for every size."""
    geoms = [geom for geom in spec.body(OBJECT).find_all("geom") if geom.contype]
    for name in sorted({geom.meshname for geom in geoms if geom.meshname}):
        vertices = np.array(spec.mesh(name).uservert)
        for size in SIZES:
            copy = spec.add_mesh(name=f"{name}{_MARK}{size:.2f}")
            copy.uservert = size * vertices


def mesh_table(model: mujoco.MjModel, geoms: list[int]) -> np.ndarray | None:
    """(S, G) mesh of each geom at each of SIZES; None unless the model has the copies.

    Geoms without a mesh keep their -1.
    """
    meshes = model.geom_dataid[geoms]
    names = [model.mesh(int(mesh)).name if mesh >= 0 else "" for mesh in meshes]
    table = np.array(
        [
            [_mesh_id(model, f"{name}{_MARK}{size:.2f}") if name else -1 for name in names]
            for size in SIZES
        ]
    )
    copied = table[:, meshes >= 0]
    return table if copied.size and (copied >= 0).all() else None


def _mesh_id(model: mujoco.MjModel, name: str) -> int:
    return int(mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_MESH, name))
