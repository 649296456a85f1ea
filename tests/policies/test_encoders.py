"""Terms that are no vectors: their encoders add to the vectors' embedding, and are exported."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from sleight.envs.config import ControlConfig
from sleight.envs.hands.shadow import SHADOW_RIGHT
from sleight.envs.mdp.control import ActionLaw
from sleight.envs.mdp.observations import Sensors, Term, compute, select
from sleight.errors import ConfigError
from sleight.policies.actor import Actor
from sleight.policies.config import PolicyConfig
from sleight.policies.embedding import Embedding
from sleight.policies.encoders import ENCODERS, ImageEncoder, TermShape, encoder_of
from sleight.train.export.policy_graph import PolicyGraph, example_inputs, write_graph

VECTORS = {"joints": 5, "goal": 3}
IMAGE = TermShape((2, 20, 12), "image")


def _terms(*lead: int, image: bool = True) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    found = {n: torch.randn(*lead, size, generator=generator) for n, size in VECTORS.items()}
    if image:
        found["view"] = torch.rand(*lead, *IMAGE.shape, generator=generator)
    return found


def _seeded(sizes: dict[str, int | TermShape]) -> Embedding:
    torch.manual_seed(0)
    return Embedding(sizes, 16, clip=5.0)


@pytest.mark.parametrize("shape", [(1, 4, 4), (2, 20, 12), (3, 64, 64), (1, 9, 65)])
def test_a_picture_of_any_size_becomes_a_vector(shape: tuple[int, ...]) -> None:
    encoder = ImageEncoder(shape, 24)
    assert encoder(torch.rand(7, *shape)).shape == (7, 24)
    convolutions = [layer for layer in encoder.layers if isinstance(layer, nn.Conv2d)]
    assert max(shape[1:]) / 2 ** len(convolutions) <= ImageEncoder.SMALLEST
    assert encoder.head.in_features <= ImageEncoder.WIDEST * ImageEncoder.SMALLEST**2


def test_pictures_are_encoded_each_alone_and_every_pixel_counts() -> None:
    torch.manual_seed(0)
    encoder, pictures = ImageEncoder(IMAGE.shape, 24), torch.rand(6, *IMAGE.shape)
    one_by_one = torch.cat([encoder(picture[None]) for picture in pictures])
    torch.testing.assert_close(encoder(pictures), one_by_one)
    pictures.requires_grad_()
    encoder(pictures).square().sum().backward()
    assert pictures.grad is not None and (pictures.grad.abs().sum(0) > 0).float().mean() > 0.99


def test_the_vectors_begin_as_they_would_without_a_picture() -> None:
    plain, seeing = _seeded(dict(VECTORS)), _seeded({"view": IMAGE, **VECTORS})
    weights = seeing.state_dict()
    for name, value in plain.state_dict().items():
        assert torch.equal(weights[name], value), name
    terms = _terms(30)
    added = seeing(terms) - plain(terms)
    torch.testing.assert_close(added, seeing.encoders["view"](terms["view"]), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("lead", [(4,), (3, 5), ()])
def test_every_leading_axis_is_kept(lead: tuple[int, ...]) -> None:
    embedding, terms = _seeded({**VECTORS, "view": IMAGE}), _terms(*lead)
    out = embedding(terms)
    assert out.shape == (*lead, 16)
    flat = {name: value.reshape(-1, *value.shape[len(lead) :]) for name, value in terms.items()}
    torch.testing.assert_close(out.reshape(-1, 16), embedding(flat), atol=1e-5, rtol=1e-5)


def test_what_was_seen_is_normalized_for_vectors_and_left_alone_for_pictures() -> None:
    embedding = _seeded({**VECTORS, "view": IMAGE})
    assert embedding.fresh
    embedding.update(_terms(50))
    assert not embedding.fresh
    assert set(embedding.normalizers) == set(VECTORS)


def test_a_gradient_reaches_every_weight_of_an_encoder() -> None:
    embedding = _seeded({**VECTORS, "view": IMAGE})
    embedding(_terms(10)).square().sum().backward()
    for name, parameter in embedding.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


class _Mean(nn.Module):
    """An encoder of another package."""

    def __init__(self, shape: tuple[int, ...], width: int) -> None:
        super().__init__()
        self.head = nn.Linear(shape[-1], width)

    def forward(self, points: Tensor) -> Tensor:
        result: Tensor = self.head(points.mean(dim=-2))
        return result


def test_a_kind_of_another_package_has_its_own_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENCODERS._loaded, "points", _Mean)
    embedding = _seeded({**VECTORS, "cloud": TermShape((8, 3), "points")})
    terms = _terms(4, image=False) | {"cloud": torch.randn(4, 8, 3)}
    shuffled = {**terms, "cloud": terms["cloud"].flip(1)}
    torch.testing.assert_close(embedding(terms), embedding(shuffled))
    assert not torch.equal(embedding(terms), embedding({**terms, "cloud": 2 * terms["cloud"]}))


@pytest.mark.parametrize(
    ("sizes", "line"),
    [
        ({"view": IMAGE}, r"got view \(image\), allowed: at least one vector too"),
        ({}, "observation terms: got none, allowed: at least one vector too"),
        ({"a": TermShape((8, 3))}, r"vector term a: got shape \(8, 3\), allowed: \(size,\)"),
        ({**VECTORS, "v": TermShape((20, 12), "image")}, r"image term: got shape \(20, 12\)"),
        ({**VECTORS, "v": TermShape((3,), "imag")}, "term v: got imag, did you mean 'image'"),
        ({**VECTORS, "v": TermShape((3,), "vectr")}, "term v: got vectr, did you mean 'vector'"),
    ],
)
def test_what_cannot_be_embedded_is_one_line(sizes: dict, line: str) -> None:
    with pytest.raises(ConfigError, match=line) as caught:
        Embedding(sizes, 16, clip=5.0)
    assert "\n" not in str(caught.value)


def test_an_encoder_is_made_for_its_shape() -> None:
    assert isinstance(encoder_of("view", IMAGE, 8), ImageEncoder)


def _picture(s: Sensors) -> Tensor:
    """A blob where the object is (N, 1, 16, 16)."""
    grid = torch.linspace(-0.1, 0.1, 16)
    x, y = s["object_position"][:, 0:1], s["object_position"][:, 1:2]
    across, down = ((-((at - grid) / 0.03).square()).exp() for at in (x, y))
    return (down.unsqueeze(-1) * across.unsqueeze(-2)).unsqueeze(-3)


@pytest.mark.parametrize("memory", ["lstm", "none"])
def test_the_exported_graph_of_a_policy_with_a_picture_is_the_policy(
    memory: str, tmp_path: Path
) -> None:
    terms = (
        *select(("joint_position", "goal_step"), "test"),
        Term("view", _picture, (1, 16, 16), "", "palm", ("object_position",), "image"),
    )
    torch.manual_seed(2)
    config = PolicyConfig(memory=memory, embedding_size=24, hidden_size=24)  # type: ignore[arg-type]
    sizes = {"joint_position": 24, "goal_step": 3, "view": TermShape((1, 16, 16), "image")}
    actor = Actor(config, sizes, 20)
    nn.init.normal_(actor.head.weight)
    law = ActionLaw(ControlConfig(), SHADOW_RIGHT, 0.08)
    graph = PolicyGraph(actor, terms, law, {"goal_wxyz": 4})
    widths = {"joints": 24, "actuators": 20, "object_joints": 0, "3": 3, "4": 4}
    write_graph(graph, tmp_path / "policy.onnx", widths)
    session = onnxruntime.InferenceSession(
        str(tmp_path / "policy.onnx"), providers=["CPUExecutionProvider"]
    )
    names = [node.name for node in session.get_inputs()]
    assert "object_position" in names
    values = {
        name: 0.05 * torch.randn(5, *value.shape[1:])
        for name, value in zip(
            (*graph.inputs, *graph.carry_names), example_inputs(graph, 5, widths), strict=True
        )
    }
    for name in ("object_wxyz", "goal_wxyz"):
        values[name] = nn.functional.normalize(torch.randn(5, 4), dim=-1)
    got = session.run(["action"], {name: values[name].numpy() for name in names})[0]
    sensors = {**values, "target": values["last_target"]}
    carry = tuple(values[name] for name in graph.carry_names)
    with torch.no_grad():
        distribution, _ = actor(compute(terms, sensors), carry)
        moved = actor(compute(terms, {**sensors, "object_position": torch.zeros(5, 3)}), carry)[0]
    expected = distribution.action(distribution.mode())
    np.testing.assert_allclose(got, expected, atol=1e-5)
    assert (expected - moved.action(moved.mode())).abs().max() > 1e-3
