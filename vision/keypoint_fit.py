"""The pose of an object, and the angles of its layers, from keypoints in several views, in numpy.

Each keypoint has a pixel and a scale (of a Laplace distribution, per axis) in each view. A weighted
triangulation gives its place, a rigid fit (Kabsch 1976) the first pose, and Gauss-Newton steps with
Huber weights the pose that agrees best with all pixels. The told cameras are slightly wrong, so
that each view also has a shift, a turn and a zoom of its own picture, which the fit estimates with
the spread that a calibration leaves. Landmarks, points whose place in the palm's frame is known,
tell these corrections apart from the motion of the object. An angle of a layer is one more unknown
of the same equations (vision/layer_angles.py).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..contract.keypoint_model import KeypointModel
from ..contract.pose_entry import FitConfig
from .geometry import Pinhole, Placement, turn
from .layer_angles import angle_derivatives, first_angles, whole_angles

STEPS = 5
"""Gauss-Newton steps; the last changes the pose by far less than its error."""
HUBER = 1.5
"""Residuals beyond this many standard deviations count linearly."""
_POSE, _VIEW = 6, 4
_DAMPING = 1e-9
_NEAR_M = 1e-3
_PULL, _BEFORE_M = 1e-6, 0.4
_ANGLE_RAD = 0.6
"""Standard deviation of a layer's angle before anything is seen: about that of any angle."""


@dataclass(frozen=True)
class Fit:
    """The estimated pose of the object; not a number if a keypoint is none."""

    pose: Placement
    """object_to_palm"""
    error_m: float
    """Predicted root mean square error of the position."""
    error_rad: float
    """Predicted root mean square error of the rotation."""
    misfit: float
    """Root mean square of the weighted residuals; about 1 if the scales are right."""
    pixels: np.ndarray
    """(V, K', 2): where the object's keypoints without marks should be seen, by the corrected
    cameras."""
    angles: np.ndarray
    """(J,) whole angles of the layers [rad], in (-pi, pi]."""
    error_angles: np.ndarray
    """(J,) predicted errors of the angles modulo their periods [rad]."""


def triangulate(
    pixels: np.ndarray, weights: np.ndarray, pinhole: Pinhole, cameras: Sequence[Placement]
) -> np.ndarray:
    """The points (K, 3) in the palm's frame nearest to the rays of `pixels` (V, K, 2).

    weights: (V, K); the least sum of weighted squared distances from the rays.
    """
    focal, centre = np.array(pinhole.focal_px), np.array(pinhole.centre_px)
    normal, right = 0.0, 0.0
    for at, seen, weight in zip(cameras, pixels, weights, strict=True):
        rays = np.concatenate([(seen - centre) / focal, np.ones((len(seen), 1))], axis=1)
        rays = rays @ at.rotation.T
        rays = rays / np.linalg.norm(rays, axis=1, keepdims=True)
        across = weight[:, None, None] * (np.eye(3) - rays[:, :, None] * rays[:, None, :])
        normal, right = normal + across, right + across @ at.position
    # A tiny pull to a place before the cameras, in case a point has one ray only.
    small = _PULL * np.trace(normal, axis1=1, axis2=2)[:, None, None] * np.eye(3)
    middle = np.mean([at.position + _BEFORE_M * at.rotation[:, 2] for at in cameras], axis=0)
    points: np.ndarray = np.linalg.solve(normal + small, (right + small @ middle)[..., None])
    return points[..., 0]


def rigid_fit(model: np.ndarray, points: np.ndarray, weights: np.ndarray) -> Placement:
    """The pose that maps `model` (K, 3) to `points` (K, 3) with the least squares (Kabsch 1976)."""
    share = (weights / weights.sum())[:, None]
    from_centre, to_centre = (share * model).sum(axis=0), (share * points).sum(axis=0)
    moment = (share * (points - to_centre)).T @ (model - from_centre)
    left, _, right = np.linalg.svd(moment)
    sign = np.diag([1.0, 1.0, float(np.sign(np.linalg.det(left @ right)))])
    rotation = left @ sign @ right
    return Placement(to_centre - rotation @ from_centre, rotation)


class KeypointFit:
    """Fits poses of one object for one set of nominal pictures."""

    def __init__(self, config: FitConfig, pinhole: Pinhole, model: KeypointModel) -> None:
        self._config, self._pinhole, self._model = config, pinhole, model
        focal = pinhole.focal_px[0]
        shift = focal * math.radians(config.shift_deg)
        spread = np.array([shift, shift, math.radians(config.roll_deg), config.zoom])
        self._prior = 1.0 / np.maximum(spread, 1e-9) ** 2
        self._rigid = len(model.points_m)

    def __call__(
        self,
        pixels: np.ndarray,
        scales: np.ndarray,
        cameras: Sequence[Placement],
        landmarks: np.ndarray | None = None,
    ) -> Fit:
        """The pose from `pixels` (V, K + L, 2) and `scales` (V, K + L), both in pixels.

        landmarks: (L, 3) [m], frame palm; they come after the object's keypoints. If they are not
        known, their pixels are not used.
        """
        if not (np.isfinite(pixels).all() and np.isfinite(scales).all()):
            return self._nothing(len(pixels))
        fixed = np.zeros((0, 3)) if landmarks is None else landmarks
        own = self._model.fitted
        used = np.r_[0:own, len(self._model) : len(self._model) + len(fixed)]
        # The standard deviation of a Laplace distribution is sqrt(2) of its scale.
        variance = 2.0 * np.maximum(scales, self._config.floor_px) ** 2
        state = self._start(pixels[:, :own], 1.0 / variance[:, :own], cameras)
        marks = slice(own, len(self._model))
        seen = _Seen(pixels[:, used], variance[:, used], cameras, fixed)
        seen.variance[:, own:] *= self._config.landmark_factor**2
        for _ in range(STEPS):
            system = self._linearized(state, seen)
            state = state.moved(np.linalg.solve(system.normal, system.right))
        covariance = np.linalg.inv(system.normal)
        diagonal = np.maximum(np.diag(covariance), 0.0) * max(1.0, system.misfit**2)
        error_m, error_rad = (math.sqrt(part.sum()) for part in (diagonal[:3], diagonal[3:_POSE]))
        error_angles = np.sqrt(diagonal[_POSE : _POSE + len(state.angles)])

        def project(points: np.ndarray) -> np.ndarray:
            return self._seen(state.pose.to_palm(points), seen, state.corrections)[0]

        angles = whole_angles(
            self._model, state.angles, project, pixels[:, marks], variance[:, marks]
        )
        expected = system.expected[:, :own]
        return Fit(state.pose, error_m, error_rad, system.misfit, expected, angles, error_angles)

    def _nothing(self, views: int) -> Fit:
        none = np.full(len(self._model.hinges), np.nan)
        nowhere = np.full((views, self._model.fitted, 2), np.nan)
        nothing = Placement(np.full(3, np.nan), np.eye(3))
        return Fit(nothing, math.inf, math.inf, math.inf, nowhere, none, none)

    def _start(
        self, pixels: np.ndarray, weights: np.ndarray, cameras: Sequence[Placement]
    ) -> _State:
        """From triangulated points: the pose by those that do not move, then the angles."""
        points, weight = triangulate(pixels, weights, self._pinhole, cameras), weights.sum(axis=0)
        own = np.array(self._model.points_m)
        pose = rigid_fit(own, points[: self._rigid], weight[: self._rigid])
        local = (points - pose.position) @ pose.rotation
        angles = first_angles(self._model, local, weight)
        return _State(pose, angles, np.zeros((len(cameras), _VIEW)))

    def _linearized(self, state: _State, seen: _Seen) -> _System:
        """The normal equations at `state`."""
        own, views, pose = self._model.fitted, len(seen.pixels), state.pose
        inner = _POSE + len(state.angles)
        local = self._model.places(state.angles)[:own]
        points = np.concatenate([pose.to_palm(local), seen.fixed])
        expected, by_point, by_view = self._seen(points, seen, state.corrections)
        pixels, variance = seen.pixels, seen.variance
        jacobian = np.zeros((*pixels.shape, inner + _VIEW))
        jacobian[:, :own, :, :3] = by_point[:, :own]
        # A small turn about the object's own axes moves a point by this matrix.
        jacobian[:, :own, :, 3:_POSE] = by_point[:, :own] @ (-pose.rotation @ _cross(local))
        turning = pose.rotation @ angle_derivatives(self._model, local)
        jacobian[:, :own, :, _POSE:inner] = by_point[:, :own] @ turning
        jacobian[..., inner:] = by_view
        residual = pixels - expected
        away = np.sqrt((residual**2).sum(axis=-1) / variance)
        weight = np.minimum(1.0, HUBER / np.maximum(away, 1e-9)) / variance
        cost = float((weight[..., None] * residual**2).sum())
        flat = jacobian.reshape(views, -1, inner + _VIEW)
        weighted = (np.repeat(weight, 2, axis=1)[..., None] * flat).swapaxes(1, 2)
        parts = weighted @ flat, (weighted @ residual.reshape(views, -1, 1))[..., 0]
        normal, right = self._joined(*parts, state)
        return _System(normal, right, expected, math.sqrt(cost / max(residual.size - inner, 1)))

    def _joined(
        self, normals: np.ndarray, rights: np.ndarray, state: _State
    ) -> tuple[np.ndarray, np.ndarray]:
        """The equations of the views (V, I + 4, I + 4), (V, I + 4) in one system, with the priors.

        I: the unknowns of the object, its pose and its angles.
        """
        views, angles = len(normals), state.angles
        inner = _POSE + len(angles)
        firm = np.full(len(angles), _ANGLE_RAD**-2)
        prior = np.tile(self._prior, views)
        normal = np.diag(np.concatenate([np.full(_POSE, _DAMPING), firm, prior]))
        pull = -prior * state.corrections.ravel()
        right = np.concatenate([np.zeros(_POSE), -firm * angles, pull])
        for view in range(views):
            start = inner + _VIEW * view
            columns = np.r_[0:inner, start : start + _VIEW]
            normal[columns[:, None], columns] += normals[view]
            right[columns] += rights[view]
        return normal, right

    def _seen(
        self, points: np.ndarray, seen: _Seen, corrections: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Pixels (V, P, 2) of `points` (P, 3), their derivatives by the points (V, P, 2, 3) and by
        the corrections (V, P, 2, 4)."""
        rotation = np.array([at.rotation for at in seen.cameras])
        position = np.array([at.position for at in seen.cameras])
        local = (points - position[:, None]) @ rotation
        z = np.maximum(local[..., 2], _NEAR_M)
        focal, centre = np.array(self._pinhole.focal_px), np.array(self._pinhole.centre_px)
        flat = focal * local[..., :2] / z[..., None]
        zoom, roll = 1.0 + corrections[:, 3], corrections[:, 2]
        cosine, sine = zoom * np.cos(roll), zoom * np.sin(roll)
        mixed = np.stack([cosine, -sine, sine, cosine], axis=-1).reshape(-1, 2, 2)
        moved = flat @ mixed.swapaxes(1, 2)
        by_camera = np.zeros((*z.shape, 2, 3))
        by_camera[..., 0, 0], by_camera[..., 1, 1] = focal[0] / z, focal[1] / z
        by_camera[..., 2] = -flat / z[..., None]
        by_point = (mixed[:, None] @ by_camera) @ rotation.swapaxes(1, 2)[:, None]
        by_view = np.zeros((*z.shape, 2, _VIEW))
        by_view[..., 0, 0] = by_view[..., 1, 1] = 1.0
        by_view[..., 0, 2], by_view[..., 1, 2] = -moved[..., 1], moved[..., 0]
        by_view[..., 3] = moved / zoom[:, None, None]
        return centre + moved + corrections[:, None, :2], by_point, by_view


@dataclass(frozen=True)
class _Seen:
    """What a fit has to agree with."""

    pixels: np.ndarray
    """(V, P, 2) of the object's keypoints without marks, and of the landmarks."""
    variance: np.ndarray
    """(V, P)"""
    cameras: Sequence[Placement]
    fixed: np.ndarray
    """(L, 3) places of the landmarks."""


@dataclass(frozen=True)
class _State:
    """The unknowns."""

    pose: Placement
    angles: np.ndarray
    """(J,) modulo the periods."""
    corrections: np.ndarray
    """(V, 4) of the cameras: shift, turn, zoom."""

    def moved(self, change: np.ndarray) -> _State:
        """After a step of all unknowns, in their order."""
        pose, inner = self.pose, _POSE + len(self.angles)
        return _State(
            Placement(pose.position + change[:3], pose.rotation @ turn(change[3:_POSE])),
            self.angles + change[_POSE:inner],
            self.corrections + change[inner:].reshape(-1, _VIEW),
        )


@dataclass(frozen=True)
class _System:
    normal: np.ndarray
    right: np.ndarray
    expected: np.ndarray
    """(V, P, 2) pixels."""
    misfit: float


def _cross(vectors: np.ndarray) -> np.ndarray:
    """Matrices (K, 3, 3) of the cross product with `vectors` (K, 3)."""
    x, y, z = vectors.T
    zero = np.zeros_like(x)
    rows = ((zero, -z, y), (z, zero, -x), (-y, x, zero))
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
