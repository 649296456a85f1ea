"""Normalizers that merge like one sample, and terms that add."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from sleight.policies.embedding import Embedding, Normalizer

SIZES = {"joints": 5, "block": 3, "goal": 4}


def _terms(*shape: int, sizes: dict[str, int] = SIZES, seed: int = 0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        name: 3.0 + 2.0 * torch.randn(*shape, size, generator=generator)
        for name, size in sizes.items()
    }


@given(st.lists(st.integers(1, 40), min_size=1, max_size=6), st.integers(0, 99))
def test_any_split_gives_the_mean_and_variance_of_all(parts: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    data = rng.normal(5.0, [0.1, 1.0, 30.0], size=(sum(parts), 3)).astype(np.float32)
    normalizer = Normalizer(3)
    for part in torch.from_numpy(data).split(parts):
        normalizer.update(part)
    assert float(normalizer.count) == len(data)
    np.testing.assert_allclose(normalizer.mean, data.mean(axis=0, dtype=np.float64), rtol=1e-5)
    np.testing.assert_allclose(
        normalizer.variance, data.var(axis=0, dtype=np.float64), rtol=1e-4, atol=1e-7
    )


def test_leading_axes_are_all_samples() -> None:
    values = torch.randn(4, 6, 2, generator=torch.Generator().manual_seed(0))
    flat, shaped = Normalizer(2), Normalizer(2)
    flat.update(values.reshape(24, 2))
    shaped.update(values)
    torch.testing.assert_close(shaped.mean, flat.mean)
    torch.testing.assert_close(shaped.variance, flat.variance)


def test_terms_are_normalized_embedded_and_added() -> None:
    embedding = Embedding(SIZES, 16, clip=5.0)
    terms = _terms(200)
    embedding.update(terms)
    expected = embedding.bias.clone()
    for name, value in terms.items():
        mean, std = value.mean(0), value.std(0, correction=0)
        normal = ((value - mean) / std).clamp(-5.0, 5.0)
        expected = expected + normal @ embedding.weights[name].T
    torch.testing.assert_close(embedding(terms), expected, atol=1e-4, rtol=1e-4)


def test_a_value_far_away_is_clipped() -> None:
    embedding = Embedding({"x": 1}, 2, clip=5.0)
    near, far = torch.tensor([[5.0]]), torch.tensor([[500.0]])
    torch.testing.assert_close(embedding({"x": near}), embedding({"x": far}), atol=1e-4, rtol=0)


def test_a_new_term_of_zero_weight_changes_nothing() -> None:
    old = Embedding(SIZES, 16, clip=5.0)
    old.update(_terms(100))
    new = Embedding({**SIZES, "touch": 7}, 16, clip=5.0)
    missing = new.load_state_dict(old.state_dict(), strict=False).missing_keys
    assert {name.rpartition("touch")[1] for name in missing} == {"touch"}
    with torch.no_grad():
        new.weights["touch"].zero_()
    terms = _terms(50, seed=1)
    touch = torch.randn(50, 7, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(new({**terms, "touch": touch}), old(terms), atol=1e-6, rtol=1e-6)


def test_the_order_of_the_terms_does_not_matter() -> None:
    embedding = Embedding(SIZES, 16, clip=5.0)
    terms = _terms(10)
    assert torch.equal(embedding(terms), embedding(dict(reversed(terms.items()))))


def test_a_gradient_reaches_every_weight() -> None:
    embedding = Embedding(SIZES, 16, clip=5.0)
    embedding(_terms(10)).square().sum().backward()
    for name, parameter in embedding.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name
