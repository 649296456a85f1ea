"""Writes the rows of the object to the model: size, mass, and the joints and gaps of its parts."""

from __future__ import annotations

import torch
from torch import Tensor

from ...sim.mesh_sizes import SIZES, mesh_table
from .field_writer import Writer

OBJECT_FRICTION = 1e-5
_LENGTHS = (
    ("geom_size", "object_shapes"),
    ("geom_rbound", "object_shapes"),
    ("geom_aabb", "object_shapes"),
    ("geom_pos", "object_shapes"),
    ("body_pos", "object_links"),
    ("jnt_pos", "object_joints"),
)
"""Field, elements: lengths that scale with the object; the parts' centres of mass do as well."""


def size(w: Writer) -> None:
    """Scale every length of the object, and move its parts outwards by the gap."""
    scale, meshes = _size(w)
    for field, elements in _LENGTHS:
        base = w.base(field, elements)
        if base.any():  # zeros stay zero, so the field can stay shared
            factor = _spread(w) if field == "geom_pos" else scale
            w.put(field, elements, base * factor.reshape(-1, 1, *(1 for _ in base.shape[1:])))
    if meshes is not None:
        w.put("geom_dataid", "object_geoms", meshes)


def centre_of_mass(w: Writer) -> None:
    """Scale the parts' centres of mass, and move all of them together off the middle.

    One shift for all parts: a shift of the first one alone would count by its share of the mass.
    """
    base = w.base("body_ipos", "object_bodies")
    place = base * _spread(w).reshape(-1, 1, 1)
    if "object.com" in w.active:
        place = place + w.draw("object.com", (1, 3), "normal")
    if place.any() or "object.com" in w.active:
        w.put("body_ipos", "object_bodies", place)


def _spread(w: Writer) -> Tensor:
    """(K,) factor of the places of parts, which a gap moves outwards."""
    scale = _size(w)[0]
    return scale * (1.0 + w.value["object.gap"] / (_pitch(w) * scale))


def _size(w: Writer) -> tuple[Tensor, Tensor | None]:
    """(K,) size and, where the model has meshes in many sizes, those of the nearest one (K, G)."""
    wanted = w.value["object.size"]
    table = mesh_table(w.nominal.model, w.nominal.elements["object_geoms"])
    if table is None:
        return wanted, None
    sizes = torch.as_tensor(SIZES, device=wanted.device)
    nearest = (wanted.unsqueeze(-1) - sizes).abs().argmin(dim=-1)
    return sizes[nearest], torch.as_tensor(table, device=wanted.device)[nearest]


def _pitch(w: Writer) -> float:
    """Distance of the nearest part from the middle [m]; 1 for an object of one part."""
    away = w.base("geom_pos", "object_geoms").norm(dim=-1)
    return float(away[away > 0].min()) if away.any() else 1.0


def mass(w: Writer) -> None:
    """Scale the masses, and the inertias with mass and size."""
    heavier = w.value["object.mass"].unsqueeze(-1)
    inertia = heavier * _size(w)[0].unsqueeze(-1) ** 2 * w.value["object.inertia"].unsqueeze(-1)
    w.put("body_mass", "object_bodies", w.base("body_mass", "object_bodies") * heavier)
    base = w.base("body_inertia", "object_bodies")
    w.put("body_inertia", "object_bodies", base * inertia.unsqueeze(-1))


def friction(w: Writer) -> None:
    """Friction of the object's own geoms.

    MuJoCo uses the larger coefficient of two geoms, so the hand's have that of contacts between
    hand and object, and the object's is never larger. Where it acts between the object's parts,
    it keeps its value.
    """
    base = w.base("geom_friction", "object_geoms")
    if w.sim.layout.self_contact:
        own = base * w.value["object.parts.friction"].reshape(-1, 1, 1)
    else:
        own = torch.full_like(base, OBJECT_FRICTION).expand(len(w.worlds), -1, -1)
    w.put("geom_friction", "object_geoms", own)
