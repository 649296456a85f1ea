"""The pose network's tower as an encoder: shapes, views, a frozen trunk, and what does not fit."""

from dataclasses import replace

import pytest
import torch

from sleight.errors import ConfigError
from sleight.policies.embedding import Embedding
from sleight.policies.encoders import TermShape
from sleight.vision.keypoint_encoder import COUNT, KeypointEncoder, trunk_weights
from sleight.vision.keypoint_net import KeypointNet, KeypointNetConfig

TERM = TermShape((6, 32, 32), "keypoints")


def _embedding() -> Embedding:
    torch.manual_seed(0)
    return Embedding({"target": 4, "view": TERM}, 8, clip=5.0)


def _terms(*lead: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    values = {"target": (4,), "view": TERM.shape}
    return {n: torch.rand(*lead, *shape, generator=generator) for n, shape in values.items()}


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
    assert encoder(pictures).shape == (3, 8)


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
    assert inputs.shape == (2, 3, 4 + 2 * COUNT * 3)
    assert open_.inputs(terms).shape == (2, 3, 4 + TERM.size)
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
