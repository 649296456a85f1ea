"""Random looks of the stage: each component draws values and writes them into the model.

The ranges are those of `LooksConfig` and `CameraJitter`: one strength scales them all (`scaled`),
or automatic domain randomization widens each of them (render_parameters.py).
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import mujoco
import numpy as np

from ...envs.rendering.looks import FLOOR_HEIGHT
from ..config import CameraJitter, CamerasConfig, LooksConfig
from ..geometry import Placement, turn
from .scene import DISTRACTORS, FLOOR_PX, LIGHTS, SKY_PX, Stage

_GREY = np.full((3, 3), 1.0 / 3.0)
"""Matrix that maps a colour to its grey."""
_AXIS = np.full(3, 3.0**-0.5)
"""The grey diagonal, the axis of hue rotations."""
_NOMINAL_LIGHT = np.array([-0.35, -0.45, 0.9])
_SHAPES = (mujoco.mjtGeom.mjGEOM_BOX, mujoco.mjtGeom.mjGEOM_SPHERE, mujoco.mjtGeom.mjGEOM_CYLINDER)


@dataclass(frozen=True)
class Views:
    """Placements of the cameras of one sample: as calibrated, and the true ones."""

    calibrated: tuple[Placement, ...]
    """(V,) camera_to_palm as calibrated, with errors: the input of the network."""
    true: tuple[Placement, ...]
    """(V,) camera_to_palm without errors, for rendering."""
    fovy_deg: np.ndarray
    """(V,) true fields of view."""


def draw_views(cameras: CamerasConfig, jitter: CameraJitter, rng: np.random.Generator) -> Views:
    """Draw the cameras of one sample."""
    calibrated, true, fovy = [], [], []
    for view in cameras.views.values():
        at = _perturbed(view.placement(), jitter.placement_m, jitter.placement_deg, rng)
        calibrated.append(at)
        true.append(_perturbed(at, jitter.error_m, jitter.error_deg, rng))
        fovy.append(cameras.fovy_deg + jitter.error_fov_deg * rng.uniform(-1, 1))
    return Views(tuple(calibrated), tuple(true), np.array(fovy))


def _perturbed(at: Placement, metres: float, degrees: float, rng: np.random.Generator) -> Placement:
    shift = metres * rng.uniform(-1, 1, 3)
    axis = rng.standard_normal(3)
    size = np.radians(degrees) * rng.uniform(0, 1)
    return at.moved(shift, size * axis / np.linalg.norm(axis))


class Looks:
    """Draws a look and writes it into the stage's model; the generator determines the look."""

    def __init__(self, stage: Stage, config: LooksConfig) -> None:
        self._stage, self._config = stage, config
        self._drawn: dict[str, float] = {}

    def apply(self, rng: np.random.Generator) -> dict[str, float]:
        """Apply a new look; returns the drawn values by name. The caller uploads the textures."""
        self._drawn = {}
        self._paint_object(rng)
        self._paint_hand(rng)
        self._paint_background(rng)
        self._light(rng)
        self._distract(rng)
        return self._drawn

    def _paint_object(self, rng: np.random.Generator) -> None:
        c = self._config
        hue = np.radians(c.block_hue_deg) * rng.uniform(-1, 1, 6)
        saturation = 1.0 + c.block_saturation * rng.uniform(-1, 1, 6)
        value = 1.0 + c.block_value * rng.uniform(-1, 1, 6)
        mixes = [
            (v * (_GREY + k * (np.eye(3) - _GREY)) @ turn(h * _AXIS)).T
            for h, k, v in zip(hue, saturation, value, strict=True)
        ]
        self._stage.paint.apply(self._stage.model, np.array(mixes))
        self._drawn["block_hue_deg"] = float(np.degrees(hue.mean()))
        self._drawn["block_value"] = float(value.mean())

    def _paint_hand(self, rng: np.random.Generator) -> None:
        model, skin = self._stage.model, self._stage.skin
        plain = rng.random() < self._config.plain_share
        count = 1 if plain else len(skin)
        colours = np.array([_colour(rng, 0.9) for _ in range(count)])
        grey = np.array([0.70, 0.72, 0.75])
        mixed = grey + self._config.hand_colour * (colours - grey)
        model.geom_rgba[skin] = np.column_stack(
            [np.broadcast_to(mixed, (len(skin), 3)), np.ones(len(skin))]
        )
        shine = 1.0 + self._config.hand_gloss * rng.uniform(-1, 1, model.nmat)
        model.mat_specular[:] = 0.3 * shine.clip(0)
        model.mat_shininess[:] = rng.uniform(0.2, 0.8, model.nmat)
        self._drawn["plain_hand"] = float(plain)

    def _paint_background(self, rng: np.random.Generator) -> None:
        for name, rows, columns in (
            ("floor", FLOOR_PX, FLOOR_PX),
            ("sky", 6 * SKY_PX, SKY_PX),
        ):
            pattern = _pattern(rows, columns, rng)
            nominal = np.array([0.77, 0.79, 0.82])
            mixed = nominal + self._config.background_colour * (pattern - nominal)
            self._stage.texture(name)[:] = (255 * mixed.clip(0, 1)).astype(np.uint8).ravel()

    def _light(self, rng: np.random.Generator) -> None:
        model, c = self._stage.model, self._config
        count = int(rng.integers(1, LIGHTS + 1)) if c.light_direction else 1
        total, ambient = (max(rng.uniform(*ends), 0.02) for ends in (c.light_total, c.ambient))
        shares = rng.uniform(1, 5, count)
        shares *= total * 0.6 / shares.sum()
        shadow = bool(rng.random() < c.shadow_share)
        model.light_active[self._stage.lights] = np.arange(LIGHTS) < count
        for index in range(count):
            at = rng.standard_normal(3)
            at[2] = abs(at[2]) + 0.3
            at = _NOMINAL_LIGHT + c.light_direction * (at / np.linalg.norm(at) - _NOMINAL_LIGHT)
            light = self._stage.lights[index]
            tint = 1.0 + c.light_tint * rng.uniform(-1, 1, 3)
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
        count = int(rng.integers(0, self._config.distractors + 1))
        for index in range(DISTRACTORS):
            angle, radius_m = rng.uniform(0, 2 * np.pi), rng.uniform(0.16, 0.4)
            place = (
                radius_m * np.cos(angle),
                radius_m * np.sin(angle),
                rng.uniform(FLOOR_HEIGHT, 0.0),
            )
            model.geom_pos[geoms[index]] = place if index < count else (0, 0, -5)
            model.geom_type[geoms[index]] = int(_SHAPES[rng.integers(len(_SHAPES))])
            model.geom_size[geoms[index]] = rng.uniform(0.01, 0.035, 3)
            model.geom_rgba[geoms[index]] = (*_colour(rng, 1.0), 1.0)
        self._drawn["distractors"] = count


def _colour(rng: np.random.Generator, saturation: float) -> tuple[float, float, float]:
    return colorsys.hsv_to_rgb(rng.random(), saturation * rng.random(), rng.uniform(0.2, 1.0))


def _pattern(rows: int, columns: int, rng: np.random.Generator) -> np.ndarray:
    """An image (rows, columns, 3) in [0, 1]: plain, checkers, stripes or spots of two colours."""
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
