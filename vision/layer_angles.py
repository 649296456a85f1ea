"""Angles of an object's layers in the fit of its keypoints: first guess, derivatives, period.

The points of a layer look the same after a period, so that they give the angle modulo it. The mark
of the layer then tells which of the whole angles it is.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..contract.keypoint_model import KeypointModel
from ..envs.cube.cube_geometry import wrapped


def first_angles(model: KeypointModel, points: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Angles (J,) that turn each layer's points onto `points` (K', 3), object's frame, best.

    weights: (K',). The angle of the least squares about a fixed axis, modulo the period.
    """
    start, angles = model.places(np.zeros(len(model.hinges))), []
    for j, hinge in enumerate(model.hinges):
        chosen = np.flatnonzero(model.hinge_of == j)
        axis, weight = model.axes[j], weights[chosen]
        before, after = start[chosen], points[chosen]
        along = (before - np.outer(before @ axis, axis)) * after
        across = np.cross(before, after) @ axis
        angle = np.arctan2(weight @ across, weight @ along.sum(axis=1))
        angles.append(float(hinge.wrapped(angle)))
    return np.array(angles)


def angle_derivatives(model: KeypointModel, places: np.ndarray) -> np.ndarray:
    """Derivatives (K', 3, J) of points at `places` (K', 3), object's frame, by the angles."""
    derivatives = np.zeros((*places.shape, len(model.hinges)))
    for j, axis in enumerate(model.axes):
        chosen = model.hinge_of == j
        derivatives[chosen, :, j] = np.cross(axis, places[chosen])
    return derivatives


def whole_angles(
    model: KeypointModel,
    angles: np.ndarray,
    project: Callable[[np.ndarray], np.ndarray],
    pixels: np.ndarray,
    variance: np.ndarray,
) -> np.ndarray:
    """The whole angles (J,) in (-pi, pi] whose marks agree best with their pixels (V, J, 2).

    angles: (J,) modulo the periods. project: places (J, 3), object's frame -> pixels (V, J, 2).
    variance: (V, J). The distance counts linearly, as for a Laplace distribution.
    """
    if not model.hinges:
        return angles
    periods = np.radians([hinge.period_deg for hinge in model.hinges])
    most = round(2.0 * np.pi / periods.min())
    tries = angles + np.arange(most)[:, None] * periods
    marks = [project(model.places(one)[model.fitted :]) for one in tries]
    away = np.linalg.norm(np.array(marks) - pixels, axis=-1) / np.sqrt(variance)
    best = tries[away.sum(axis=1).argmin(axis=0), np.arange(len(angles))]
    return wrapped(best)
