"""Layers of a cube in the fit: pose and whole angles from perfect keypoints, and under noise."""

import mujoco
import numpy as np
import pytest

from sleight.envs.cube.cube_geometry import HOME, NAMES
from sleight.envs.cube.cubelets import matrices_of
from sleight.envs.objects.block import BLOCK
from sleight.envs.objects.cubes.cube_parts import cubelet_rotations
from sleight.envs.objects.cubes.full_cube import FACE_PLACES, FULL
from sleight.envs.sim.model import build_model
from sleight.envs.sim.model_config import ModelConfig
from sleight.vision.config import CameraJitter
from sleight.vision.keypoint_fit import KeypointFit
from sleight.vision.scores import layer_errors

from .keypoint_cases import CAMERAS, FIT, PLACES, STILL, a_pose, errors, shown

MODEL = FULL.keypoint_model(FULL.size_m)
CORNERS = [i for i, name in enumerate(NAMES) if len(name) == 3]


def away_deg(found, angles):
    return np.degrees(np.abs((found.angles - angles + np.pi) % (2.0 * np.pi) - np.pi))


def test_corners_of_turning_layers_are_those_of_the_cubelets():
    """A layer that is partway has its keypoints on four corner cubelets of the drawn cube."""
    rng = np.random.default_rng(0)
    partway = 0
    for _ in range(30):
        parts, angles = FULL.arrange(rng)
        turned = matrices_of(cubelet_rotations(parts))[CORNERS]
        corners = np.einsum("nij,nj->ni", turned, FULL.size_m * HOME[CORNERS] / 2.0)
        points = MODEL.places(angles)[6:30].reshape(6, 4, 3)
        for layer, angle in zip(points, angles, strict=True):
            rest = abs((angle + np.pi / 4) % (np.pi / 2) - np.pi / 4)
            if rest > np.radians(10.0):
                partway += 1
                apart = np.linalg.norm(layer[:, None] - corners, axis=-1)
                assert apart.min(axis=1).max() < 1e-6
                assert len(set(apart.argmin(axis=1))) == 4
    assert partway > 8


def test_a_mark_is_where_the_sticker_lacks_its_corner():
    """Of the four corners of a centre's sticker, as the compiled mesh has it."""
    model = build_model(ModelConfig(object="cube", visual=True))
    data = mujoco.MjData(model)
    data.qpos[model.joint("object").qposadr[0] + 3] = 1.0
    mujoco.mj_kinematics(model, data)
    middle = data.body("object").xpos
    marks = MODEL.places(np.zeros(6))[MODEL.fitted :]
    faces = {"U": "+z", "R": "+x", "F": "-y", "D": "-z", "L": "-x", "B": "+y"}
    for face, mark in zip(FACE_PLACES, marks, strict=True):
        geom = model.geom(f"object_{face}_{faces[face]}")
        mesh = model.mesh(int(geom.dataid[0]))
        first = int(mesh.vertadr[0])
        vertices = model.mesh_vert[first : first + int(mesh.vertnum[0])]
        at = data.geom(f"object_{face}_{faces[face]}")
        places = vertices @ at.xmat.reshape(3, 3).T + at.xpos - middle
        centre = places.mean(axis=0)
        axis = np.abs(mark).argmax()
        mirrored = 2.0 * np.eye(3)[axis] * mark - mark  # the opposite corner of the same face
        nearest = [np.linalg.norm(places - corner, axis=1).min() for corner in (mark, mirrored)]
        assert nearest[0] > 2.0 * nearest[1], (face, nearest, centre)


def test_perfect_keypoints_give_the_pose_and_whole_angles():
    rng = np.random.default_rng(1)
    fit = KeypointFit(FIT, CAMERAS.pinhole, MODEL)
    for _ in range(20):
        pose, (_, angles) = a_pose(rng), FULL.arrange(rng)
        cameras, pixels = shown(pose, MODEL.places(angles), STILL, rng)
        found = fit(pixels, np.full(pixels.shape[:2], 0.5), cameras, PLACES)
        # The prior of the angles pulls them by far less than noise does.
        assert max(errors(found, pose)) < 0.1
        assert away_deg(found, angles).max() < 0.3
        assert found.pixels.shape == (3, MODEL.fitted, 2)


def test_angles_are_as_sure_as_they_say_and_marks_tell_the_quarter():
    rng = np.random.default_rng(2)
    fit = KeypointFit(FIT, CAMERAS.pinhole, MODEL)
    missed, said, quarters = [], [], []
    for _ in range(100):
        pose, (_, angles) = a_pose(rng), FULL.arrange(rng)
        cameras, pixels = shown(pose, MODEL.places(angles), CameraJitter(), rng)
        scales = rng.uniform(0.4, 1.6, pixels.shape[:2])
        noise = scales[..., None] * rng.laplace(size=pixels.shape)
        found = fit(pixels + noise, scales, cameras, PLACES)
        whole = away_deg(found, angles)
        quarters.append(whole < 45.0)
        missed.append(np.minimum(whole % 90.0, 90.0 - whole % 90.0))
        said.append(np.degrees(found.error_angles))
    real, predicted = (np.sqrt(np.square(x).mean()) for x in (missed, said))
    assert real < 4.0 and 0.7 < predicted / real < 1.5, (real, predicted)
    assert np.mean(quarters) > 0.98


def test_the_layer_on_top_is_scored_by_its_whole_angle_and_the_others_modulo_a_quarter():
    rotation = np.eye(3)[None]  # U is up
    true = np.zeros((1, 6))
    found = np.radians([[90.0, 90.0, 3.0, -178.0, 0.0, 45.0]])
    scored = layer_errors(MODEL, found, true, rotation)
    assert scored.top_deg == pytest.approx([90.0])
    assert sorted(scored.others_deg) == pytest.approx([0.0, 0.0, 2.0, 3.0, 45.0], abs=1e-9)


def test_a_rigid_object_has_no_angles():
    rng, model = np.random.default_rng(3), BLOCK.keypoint_model(BLOCK.size_m)
    cameras, pixels = shown(a_pose(rng), model.places(np.zeros(0)), STILL, rng)
    found = KeypointFit(FIT, CAMERAS.pinhole, model)(
        pixels, np.full(pixels.shape[:2], 0.5), cameras
    )
    assert found.angles.shape == found.error_angles.shape == (0,)
