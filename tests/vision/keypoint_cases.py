"""Objects before cameras, and what these see of them."""

import numpy as np

from sleight.contract.pose_entry import FitConfig
from sleight.envs.hands.shadow import LANDMARKS
from sleight.vision.config import CameraJitter, CamerasConfig
from sleight.vision.geometry import Pinhole, Placement
from sleight.vision.renders.random_looks import draw_views

CAMERAS = CamerasConfig(image_px=128)
FIT = FitConfig(landmark_factor=1.0)
"""For noise that is drawn for each landmark alone."""
PLACES = LANDMARKS.places(np.zeros(2))
STILL = CameraJitter(error_m=0.0, error_deg=0.0, error_fov_deg=0.0)


def a_pose(rng):
    matrix = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    rotation = matrix * np.sign(np.linalg.det(matrix))
    return Placement(np.array([0.0, -0.06, 0.05]) + 0.02 * rng.standard_normal(3), rotation)


def shown(pose, places, jitter, rng):
    """Told cameras, and the pixels of an object's keypoints at `places` and of the landmarks."""
    views = draw_views(CAMERAS, jitter, rng)
    points = np.concatenate([pose.to_palm(places), PLACES])
    pairs = zip(views.true, views.fovy_deg, strict=True)
    edge = CAMERAS.image_px
    return views.calibrated, np.array(
        [Pinhole.of_fov(edge, edge, fovy).project(at, points) for at, fovy in pairs]
    )


def errors(fit, pose):
    metres, radians = fit.pose.distances(pose)
    return 1e3 * metres, np.degrees(radians)
