"""The pose network's tower as an encoder: shapes, views, a frozen trunk, and what does not fit."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from sleight.envs.mdp import rotations
from sleight.envs.mdp.observations import goal_angle, goal_step
from sleight.envs.sim.draws import Draws
from sleight.errors import ConfigError
from sleight.policies.embedding import Embedding
from sleight.policies.encoders import TermShape
from sleight.vision.config import CamerasConfig
from sleight.vision.keypoint_encoder import COUNT, OWN, POSE, KeypointEncoder, trunk_weights
from sleight.vision.keypoint_net import KeypointNet, KeypointNetConfig
from sleight.vision.triangulation import NEAR_M

TERM = TermShape((6, 32, 32), "keypoints")
SIZES = {"goal_rotation": 6, "view": TERM, "camera_matrices": TermShape((24,), "side")}
RIG = CamerasConfig()
ANY = (torch.eye(3)[:2].flatten(), torch.eye(3, 4).repeat(2, 1, 1).flatten())
"""A goal and matrices."""


def _embedding() -> Embedding:
    torch.manual_seed(0)
    return Embedding(SIZES, 8, clip=5.0)


def _terms(*lead: int) -> dict[str, torch.Tensor]:
    pictures = torch.rand(*lead, *TERM.shape, generator=torch.Generator().manual_seed(1))
    goal, cameras = (value.expand(*lead, -1) for value in ANY)
    return {"goal_rotation": goal, "view": pictures, "camera_matrices": cameras}


@pytest.mark.parametrize("shape", [(4, 32, 32), (3, 32, 16), (9,)])
def test_only_square_colour_pictures(shape: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match="keypoints encoder: got shape"):
        KeypointEncoder(shape, 8)


def test_each_view_has_its_own_keypoints_by_the_same_network() -> None:
    torch.manual_seed(0)
    encoder = KeypointEncoder(TERM.shape, 8).eval()
    pictures = _terms(3)["view"]
    features = encoder.features(pictures).reshape(3, 2, COUNT, 3)
    swapped = encoder.features(pictures.unflatten(1, (2, 3)).flip(1).flatten(1, 2))
    torch.testing.assert_close(features.flip(1), swapped.reshape(3, 2, COUNT, 3))
    assert not torch.allclose(features[:, 0], features[:, 1])
    assert encoder(pictures, *(value.expand(3, -1) for value in ANY)).shape == (3, 8)


class Seen(KeypointEncoder):
    """Sees the true keypoints, given instead of pictures, with random errors."""

    def _looks(self, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        generator = torch.Generator().manual_seed(2)
        scales = torch.full(values.shape[:-1], 0.005)
        scales[:, 0, ::3] = 0.3  # hidden from this camera
        errors = scales.unsqueeze(-1) * torch.randn(values.shape, generator=generator)
        return values + errors, scales.log()


def test_the_pose_and_the_way_to_the_goal_follow_from_keypoints_in_views() -> None:
    count, rig = 200, list(RIG.views.values())
    generator = Draws(3)
    wxyz, goal = (rotations.random_rotation(count, generator) for _ in range(2))
    position = torch.tensor(NEAR_M) + 0.02 * generator.normal(count, 3)
    matrices = np.array([RIG.pinhole.camera_matrix(view.placement()) for view in rig])
    encoder = Seen((9, 32, 32), 8)
    points = torch.zeros(count, COUNT, 4)
    points[:, :OWN, :3] = rotations.rotate(
        wxyz.unsqueeze(1), encoder.model.unsqueeze(0)
    ) + position.unsqueeze(1)
    points[..., 3] = 1.0
    seen = torch.einsum("vij,nkj->nvki", torch.from_numpy(matrices).float(), points)
    cameras = torch.from_numpy(matrices).float().flatten().expand(count, -1)
    goals = rotations.to_columns(goal)
    pose = encoder.features(seen[..., :2] / seen[..., 2:], goals, cameras)[:, -POSE:]
    away = 0.02 * pose[:, :3] + torch.tensor(NEAR_M) - position
    assert away.norm(dim=1).median() < 0.002
    found = rotations.from_columns(pose[:, 3:9])
    own = rotations.multiply(rotations.conjugate(wxyz), found)  # one of the cube's 24, nearly
    turned = rotations.angle(rotations.reduce_by_cube(own))
    assert turned.median() < math.radians(3.0) and turned.max() < math.radians(15.0)
    true = {"object_wxyz": wxyz, "goal_wxyz": goal}
    assert (pose[:, 9:12] / 2.0 - goal_step(true)).norm(dim=1).median() < math.radians(3.0)
    assert (pose[:, 12:13] - goal_angle(true)).abs().median() < math.radians(3.0)


def test_the_pose_is_learned_through() -> None:
    torch.manual_seed(0)
    encoder = KeypointEncoder(TERM.shape, 8)
    terms = _terms(3)
    features = encoder.features(terms["view"], terms["goal_rotation"], terms["camera_matrices"])
    features[:, -POSE:].square().sum().backward()
    assert encoder.net.stem.weight.grad is not None
    assert torch.isfinite(encoder.net.stem.weight.grad).all()
    assert encoder.net.stem.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("left_out", ["goal_rotation", "camera_matrices"])
def test_views_without_what_their_pose_needs_are_refused(left_out: str) -> None:
    sizes = {name: term for name, term in SIZES.items() if name != left_out}
    with pytest.raises(ConfigError, match=f"got no {left_out}, allowed: with it, which the encod"):
        Embedding({"target": 4, **sizes}, 8, clip=5.0)


def test_matrices_that_no_encoder_reads_are_refused() -> None:
    sides = {"camera_matrices": TermShape((12,), "side")}
    with pytest.raises(ConfigError, match="got camera_matrices, allowed: beside pictures with"):
        Embedding({"target": 4, **sides, "view": TermShape((3, 32, 32), "keypoints")}, 8, clip=5.0)


def test_a_frozen_trunk_is_run_once_and_changes_nothing() -> None:
    open_, frozen = _embedding(), _embedding()
    encoder = frozen.encoders["view"]
    assert isinstance(encoder, KeypointEncoder)
    encoder.freeze()
    terms = _terms(2, 3)
    torch.testing.assert_close(frozen(terms), open_(terms))
    inputs = frozen.inputs(terms)
    condensed = frozen.condensed(terms)
    assert condensed["view"].shape[-1] == encoder.features_size
    torch.testing.assert_close(frozen.inputs(condensed), inputs)
    assert torch.equal(open_.condensed(terms)["view"], terms["view"])
    assert inputs.shape == (2, 3, 6 + 2 * COUNT * 3 + POSE)
    assert open_.inputs(terms).shape == (2, 3, 6 + TERM.size + 6 + 24)
    for embedding in (open_, frozen):
        embedding(terms).square().sum().backward()
    learns = {name for name, value in frozen.named_parameters() if value.grad is not None}
    assert not any(".net." in name for name in learns)
    assert any("encoders.view.head" in name for name in learns)
    tower = [v.grad for n, v in open_.named_parameters() if ".net." in n and "weight" in n]
    assert all(grad is not None and grad.abs().sum() > 0 for grad in tower)


def test_a_network_of_another_size_is_refused() -> None:
    encoder = KeypointEncoder(TERM.shape, 8)
    small = KeypointNet(replace(KeypointNetConfig(), channels=(8, 8, 8, 8)), COUNT)
    for net in (small, KeypointNet(KeypointNetConfig(), COUNT + 1)):
        with pytest.raises(ConfigError, match=r"somewhere: got a network with .* allowed: "):
            trunk_weights(encoder, net, "somewhere")
    fits = KeypointNet(KeypointNetConfig(), COUNT)
    weights = trunk_weights(encoder, fits, "somewhere")
    assert set(weights) <= set(encoder.state_dict())


def test_a_network_that_refines_is_read_as_in_its_looks_without_an_estimate() -> None:
    encoder = KeypointEncoder(TERM.shape, 8).eval()
    torch.manual_seed(1)
    net = KeypointNet(KeypointNetConfig(), COUNT, 3).eval()
    encoder.load_state_dict(
        {**encoder.state_dict(), **trunk_weights(encoder, net, "somewhere")}, strict=True
    )
    pictures = torch.rand(2, 3, 64, 64)
    seen = net(pictures, torch.zeros(2, 3, 64, 64))
    torch.testing.assert_close(encoder.net(pictures).points, seen.points)
