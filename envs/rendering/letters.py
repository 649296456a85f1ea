"""Images of the block's faces: a colour, a rim, and a letter drawn with rounded strokes.

No font is used, so that a face has the same pixels on every machine.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

FACE_PIXELS = 128
_RIM = 0.06
"""Width of the dark rim, in edges of the face."""
_STROKE = 0.055
"""Half the width of a stroke, in edges of the face."""

Points = tuple[tuple[float, float], ...]


def _arc(x: float, y: float, rx: float, ry: float, first: float, last: float) -> Points:
    """Points on an ellipse, angles in degrees from +x, counter-clockwise."""
    angles = [math.radians(first + (last - first) * i / 16) for i in range(17)]
    return tuple((x + rx * math.cos(a), y + ry * math.sin(a)) for a in angles)


_STEM: Points = ((0.32, 0.2), (0.32, 0.8))
STROKES: dict[str, tuple[Points, ...]] = {
    "A": (((0.26, 0.2), (0.5, 0.8), (0.74, 0.2)), ((0.35, 0.4), (0.65, 0.4))),
    "B": (
        _STEM,
        ((0.32, 0.8), *_arc(0.5, 0.66, 0.17, 0.14, 90, -90), (0.32, 0.52)),
        ((0.32, 0.52), *_arc(0.52, 0.36, 0.19, 0.16, 90, -90), (0.32, 0.2)),
    ),
    "C": (_arc(0.53, 0.5, 0.24, 0.3, 50, 310),),
    "D": (_STEM, ((0.32, 0.8), *_arc(0.43, 0.5, 0.28, 0.3, 90, -90), (0.32, 0.2))),
    "E": (((0.69, 0.8), (0.32, 0.8), (0.32, 0.2), (0.69, 0.2)), ((0.32, 0.51), (0.62, 0.51))),
    "F": (((0.7, 0.8), (0.34, 0.8), (0.34, 0.2)), ((0.34, 0.5), (0.63, 0.5))),
}
"""Letter -> strokes, each a line through points of the unit square, x right and y up."""


def face_pixels(index: int, colour: tuple[int, int, int]) -> np.ndarray:
    """Face `index` (0 to 5) as uint8 (FACE_PIXELS, FACE_PIXELS, 3), first row on top."""
    centre = (np.arange(FACE_PIXELS) + 0.5) / FACE_PIXELS
    x, y = np.meshgrid(centre, 1.0 - centre)
    base = np.array(colour, dtype=np.float64)
    ink = np.full(3, 255.0) if base @ (0.30, 0.59, 0.11) < 170 else np.full(3, 40.0)
    rim = np.minimum.reduce([x, 1 - x, y, 1 - y])
    picture = _mix(base, 0.62 * base, _cover(_RIM - rim))
    letter = list(STROKES)[index]
    away = np.minimum.reduce([_distance(x, y, points) for points in STROKES[letter]])
    return _mix(picture, ink, _cover(_STROKE - away)).round().astype(np.uint8)


def _cover(inside: np.ndarray) -> np.ndarray:
    """Coverage of each pixel from the signed distance to an edge, for antialiasing."""
    return np.clip(0.5 + inside * FACE_PIXELS, 0.0, 1.0)[..., None]


def _mix(below: np.ndarray, above: np.ndarray, cover: np.ndarray) -> np.ndarray:
    return below * (1 - cover) + above * cover


def _distance(x: np.ndarray, y: np.ndarray, points: Points) -> np.ndarray:
    """Distance of every pixel to the polyline through `points`."""
    return np.minimum.reduce([_to_segment(x, y, a, b) for a, b in pairwise(points)])


def _to_segment(
    x: np.ndarray, y: np.ndarray, a: tuple[float, float], b: tuple[float, float]
) -> np.ndarray:
    dx, dy = b[0] - a[0], b[1] - a[1]
    length2 = max(dx * dx + dy * dy, 1e-12)
    along = np.clip(((x - a[0]) * dx + (y - a[1]) * dy) / length2, 0.0, 1.0)
    return np.hypot(x - a[0] - along * dx, y - a[1] - along * dy)
