"""Random looks of the stage: each component draws named numbers and writes them into the model.

Strength scales every range about its nominal value (0 is the nominal stage), so that one number
widens them all, as automatic domain randomization would (Solving Rubik's Cube, appendix C.3).
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import mujoco
import numpy as np

from ..envs.looks import FLOOR_HEIGHT
from .config import CameraJitter, CamerasConfig, LooksConfig
from .geometry import Placement, turn
from .scene import DISTRACTORS, FLOOR_PX, LIGHTS, SKY_PX, Stage

_GREY = np.full((3, 3), 1.0 / 3.0)
"""Takes a colour to its grey."""
_AXIS = np.full(3, 3.0**-0.5)
"""The grey diagonal, about which hues turn."""
_NOMINAL_LIGHT = np.array([-0.35, -0.45, 0.9])
_SHAPES = (mujoco.mjtGeom.mjGEOM_BOX, mujoco.mjtGeom.mjGEOM_SPHERE, mujoco.mjtGeom.mjGEOM_CYLINDER)


@dataclass(frozen=True)
class Views:
    """Where the cameras of one sample stand: as a calibration tells it, and really."""

    told: tuple[Placement, ...]
    """(V) camera_to_palm, with errors: what the network is given."""
    true: tuple[Placement, ...]
    fovy_deg: np.ndarray
    """(V,) true fields of view."""


def draw_views(
    cameras: CamerasConfig, jitter: CameraJitter, strength: float, rng: np.random.Generator
) -> Views:
    """Cameras of one sample."""
    told, true, fovy = [], [], []
    for view in cameras.views.values():
        at = _shaken(view.placement(), jitter.placement_m, jitter.placement_deg, strength, rng)
        told.append(at)
        true.append(_shaken(at, jitter.error_m, jitter.error_deg, strength, rng))
        fovy.append(cameras.fovy_deg + strength * jitter.error_fov_deg * rng.uniform(-1, 1))
    return Views(tuple(told), tuple(true), np.array(fovy))


def _shaken(
    at: Placement, metres: float, degrees: float, strength: float, rng: np.random.Generator
) -> Placement:
    shift = strength * metres * rng.uniform(-1, 1, 3)
    axis = rng.standard_normal(3)
    size = strength * np.radians(degrees) * rng.uniform(0, 1)
    return at.moved(shift, size * axis / np.linalg.norm(axis))


class Looks:
    """Draws a look and writes it into the stage's model; the same generator, the same look."""

    def __init__(self, stage: Stage, config: LooksConfig, strength: float) -> None:
        self._stage, self._config, self._strength = stage, config, strength
        self._drawn: dict[str, float] = {}

    def apply(self, rng: np.random.Generator) -> dict[str, float]:
        """Change everything; returns the numbers that tell of it. Textures need an upload."""
        self._drawn = {}
        self._paint_block(rng)
        self._paint_hand(rng)
        self._paint_background(rng)
        self._light(rng)
        self._distract(rng)
        return self._drawn

    def _paint_block(self, rng: np.random.Generator) -> None:
        s, c = self._strength, self._config
        hue = s * np.radians(c.block_hue_deg) * rng.uniform(-1, 1, 6)
        saturation = 1.0 + s * c.block_saturation * rng.uniform(-1, 1, 6)
        value = 1.0 + s * c.block_value * rng.uniform(-1, 1, 6)
        mixes = [
            (v * (_GREY + k * (np.eye(3) - _GREY)) @ turn(h * _AXIS)).T
            for h, k, v in zip(hue, saturation, value, strict=True)
        ]
        faces = self._stage.faces @ np.array(mixes, np.float32)
        self._stage.texture("block")[:] = np.clip(faces, 0, 255).astype(np.uint8).ravel()
        self._drawn["block_hue_deg"] = float(np.degrees(hue.mean()))
        self._drawn["block_value"] = float(value.mean())

    def _paint_hand(self, rng: np.random.Generator) -> None:
        model, skin = self._stage.model, self._stage.skin
        plain = rng.random() < self._config.plain_share
        count = 1 if plain else len(skin)
        colours = np.array([_colour(rng, 0.9) for _ in range(count)])
        grey = np.array([0.70, 0.72, 0.75])
        mixed = grey + min(self._strength, 1.0) * (colours - grey)
        model.geom_rgba[skin] = np.column_stack(
            [np.broadcast_to(mixed, (len(skin), 3)), np.ones(len(skin))]
        )
        model.mat_specular[:] = 0.3 * (1 + self._strength * rng.uniform(-1, 1, model.nmat)).clip(0)
        model.mat_shininess[:] = rng.uniform(0.2, 0.8, model.nmat)
        self._drawn["plain_hand"] = float(plain)

    def _paint_background(self, rng: np.random.Generator) -> None:
        for name, rows, columns in (
            ("floor", FLOOR_PX, FLOOR_PX),
            ("sky", 6 * SKY_PX, SKY_PX),
        ):
            picture = _pattern(rows, columns, rng)
            nominal = np.array([0.77, 0.79, 0.82])
            mixed = nominal + min(self._strength, 1.0) * (picture - nominal)
            self._stage.texture(name)[:] = (255 * mixed.clip(0, 1)).astype(np.uint8).ravel()

    def _light(self, rng: np.random.Generator) -> None:
        model, s, c = self._stage.model, self._strength, self._config
        count = int(rng.integers(1, LIGHTS + 1)) if s else 1
        total = _about(1.0, c.light_total, s, rng)
        ambient = _about(0.34, c.ambient, s, rng)
        shares = rng.uniform(1, 5, count)
        shares *= total * 0.6 / shares.sum()
        shadow = bool(rng.random() < c.shadow_share)
        model.light_active[self._stage.lights] = np.arange(LIGHTS) < count
        for index in range(count):
            at = rng.standard_normal(3)
            at[2] = abs(at[2]) + 0.3
            at = _NOMINAL_LIGHT + min(s, 1.0) * (at / np.linalg.norm(at) - _NOMINAL_LIGHT)
            light = self._stage.lights[index]
            tint = 1.0 + 0.15 * s * rng.uniform(-1, 1, 3)
            model.light_pos[light], model.light_dir[light] = at, -at / np.linalg.norm(at)
            model.light_diffuse[light] = shares[index] * tint
            model.light_specular[light] = 0.3 * shares[index]
            model.light_castshadow[light] = shadow and index == 0
        model.vis.headlight.ambient[:] = ambient
        model.vis.headlight.diffuse[:] = 0.26
        self._drawn |= {"lights": count, "light_total": total, "ambient": ambient}
        self._drawn["shadow"] = float(shadow)

    def _distract(self, rng: np.random.Generator) -> None:
        model, geoms = self._stage.model, self._stage.distractors
        most = self._config.distractors if self._strength else 0
        count = int(rng.integers(0, most + 1))
        for index in range(DISTRACTORS):
            angle, away = rng.uniform(0, 2 * np.pi), rng.uniform(0.16, 0.4)
            place = (away * np.cos(angle), away * np.sin(angle), rng.uniform(FLOOR_HEIGHT, 0.0))
            model.geom_pos[geoms[index]] = place if index < count else (0, 0, -5)
            model.geom_type[geoms[index]] = int(_SHAPES[rng.integers(len(_SHAPES))])
            model.geom_size[geoms[index]] = rng.uniform(0.01, 0.035, 3)
            model.geom_rgba[geoms[index]] = (*_colour(rng, 1.0), 1.0)
        self._drawn["distractors"] = count


def _about(nominal: float, ends: tuple[float, float], s: float, rng: np.random.Generator) -> float:
    """Uniform between the ends at strength 1; drawn towards the nominal value below it."""
    return max(nominal + s * (rng.uniform(*ends) - nominal), 0.02)


def _colour(rng: np.random.Generator, saturation: float) -> tuple[float, float, float]:
    return colorsys.hsv_to_rgb(rng.random(), saturation * rng.random(), rng.uniform(0.2, 1.0))


def _pattern(rows: int, columns: int, rng: np.random.Generator) -> np.ndarray:
    """A picture (rows, columns, 3) in [0, 1]: plain, checkers, stripes or blots of two colours."""
    first, second = (np.array(_colour(rng, 1.0)) for _ in range(2))
    y, x = np.mgrid[0:rows, 0:columns]
    size = int(rng.integers(4, 24))
    kind = rng.integers(4)
    mask: np.ndarray
    if kind == 0:
        mask = np.zeros((rows, columns))
    elif kind == 1:
        mask = ((x // size) + (y // size)) % 2
    elif kind == 2:
        mask = (np.cos(2 * np.pi * (x * rng.uniform(-1, 1) + y) / size) + 1) / 2
    else:
        blots = rng.random((rows // 8 + 1, columns // 8 + 1))
        mask = np.kron(blots, np.ones((8, 8)))[:rows, :columns]
    noise = 0.06 * rng.standard_normal((rows, columns, 1))
    mixed: np.ndarray = first + mask[..., None] * (second - first) + noise
    return mixed
