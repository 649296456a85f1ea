"""Writes the rows of the hand's shape: sizes and places of its geoms, lengths of its links."""

from __future__ import annotations

import mujoco
import torch
from torch import Tensor

from ...sim.sim import Sim
from .field_writer import Nominal, Writer

_SIZES = ("hand.geom_size", "hand.geom_size.spread")
_RADII = ("hand.tip_radius", "hand.link_radius")
_LENGTHS = ("hand.link_length", "hand.link_length.spread")
SHAPE_ROWS = (*_SIZES, *_RADII, *_LENGTHS, "hand.geom_position", "hand.link_position")
_SPHERE, _CAPSULE, _CYLINDER = (
    int(getattr(mujoco.mjtGeom, f"mjGEOM_{name}")) for name in ("SPHERE", "CAPSULE", "CYLINDER")
)


def shape(w: Writer) -> None:
    """Write the shape of the hand: each field once, since several rows share it."""
    longer = _longer(w) if w.active & set(_LENGTHS) else None
    if longer is not None or "hand.link_position" in w.active:
        _links(w, longer)
    if longer is not None or "hand.geom_position" in w.active:
        _geom_places(w, longer)
    if longer is not None or w.active & {*_SIZES, *_RADII}:
        _geom_sizes(w, longer)


def round_geoms(sim: Sim) -> tuple[bool, bool]:
    """Whether a fingertip has a round geom, and whether another link of a finger has one."""
    nominal = Nominal(sim)
    long, sphere = _round(nominal)
    tips, fingers = nominal.on_tips, nominal.on_fingers
    found = long | sphere
    return bool((found & tips).any()), bool((found & fingers & ~tips).any())


def _round(nominal: Nominal) -> tuple[Tensor, Tensor]:
    """(G,) which geoms have a radius and a length, and which have only a radius."""
    kinds = nominal.of("geom_type", "hand_geoms")
    return (kinds == _CAPSULE) | (kinds == _CYLINDER), kinds == _SPHERE


def _longer(w: Writer) -> Tensor:
    """(K, bodies): the factor of each link's length; 1 for what is no link of a finger."""
    fingers = w.nominal.indices["fingers"]
    factor = torch.ones(
        len(w.worlds), w.nominal.model.nbody, dtype=torch.float64, device=w.sim.device
    )
    factor[:, fingers] = w.factor("hand.link_length", len(fingers)).to(factor)
    return factor


def _links(w: Writer, longer: Tensor | None) -> None:
    """Place the links, at the end of the one before; masses and fingertips go along."""
    place = w.base("body_pos", "links").expand(len(w.worlds), -1, -1)
    if longer is not None:
        place = place * longer[:, w.nominal.of("body_parentid", "links")].unsqueeze(-1)
        _along(w, "body_ipos", "fingers", longer[:, w.nominal.indices["fingers"]])
        _along(w, "site_pos", "tip_sites", longer[:, w.nominal.of("site_bodyid", "tip_sites")])
    if "hand.link_position" in w.active:
        place = place + w.draw("hand.link_position", tuple(place.shape[1:]), "normal")
    w.put("body_pos", "links", place)


def _along(w: Writer, field: str, elements: str, factor: Tensor) -> None:
    w.put(field, elements, w.base(field, elements) * factor.unsqueeze(-1))


def _geom_places(w: Writer, longer: Tensor | None) -> None:
    place = w.base("geom_pos", "hand_geoms").expand(len(w.worlds), -1, -1)
    if longer is not None:
        place = place * longer[:, w.nominal.geom_bodies].unsqueeze(-1)
    if "hand.geom_position" in w.active:
        place = place + w.draw("hand.geom_position", tuple(place.shape[1:]), "normal")
    w.put("geom_pos", "hand_geoms", place)


def _geom_sizes(w: Writer, longer: Tensor | None) -> None:
    """Scale all sizes of a geom; of a round one also its radius, and its length with the link's."""
    alike = w.factor("hand.geom_size", len(w.nominal.elements["hand_geoms"]))
    size = w.base("geom_size", "hand_geoms") * alike.unsqueeze(-1)
    long, sphere = _round(w.nominal)
    if w.active & set(_RADII):
        size[..., 0] *= torch.where(long | sphere, _wider(w), 1.0)
    if longer is not None:
        size[..., 1] *= torch.where(long, longer[:, w.nominal.geom_bodies], 1.0)
    w.put("geom_size", "hand_geoms", size)
    _bounds(w, size, alike)


def _wider(w: Writer) -> Tensor:
    """(K, G) factor of the radius: of fingertips, of other links of fingers; the palm's is 1."""
    tip, link = (w.value[row].unsqueeze(-1) for row in _RADII)
    others = torch.where(w.nominal.on_fingers, link, 1.0)
    return torch.where(w.nominal.on_tips, tip, others)


def _bounds(w: Writer, size: Tensor, alike: Tensor) -> None:
    """Bounding spheres and boxes: of round geoms from their sizes, of others scaled."""
    long, sphere = _round(w.nominal)
    capsule = w.nominal.of("geom_type", "hand_geoms") == _CAPSULE
    radius, half = size[..., 0], size[..., 1]
    top = torch.where(capsule, radius + half, torch.where(sphere, radius, half))
    reach = torch.where(capsule | sphere, top, (radius**2 + half**2).sqrt())
    bound = w.base("geom_rbound", "hand_geoms") * alike
    w.put("geom_rbound", "hand_geoms", torch.where(long | sphere, reach, bound))
    box = w.base("geom_aabb", "hand_geoms") * alike.unsqueeze(-1)
    own = torch.stack((radius, radius, top), dim=-1)
    box[..., 3:] = torch.where((long | sphere).unsqueeze(-1), own, box[..., 3:])
    w.put("geom_aabb", "hand_geoms", box)
