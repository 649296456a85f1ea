"""Draws follow the distribution, and boundary episodes sit on their boundary."""

from dataclasses import replace

import numpy as np
import pytest

from sleight.adr.adr_config import AdrConfig, Dimension
from sleight.adr.sampling import Draw, sample
from sleight.adr.state import AdrState, initial

TABLE = (
    Dimension("size"),
    Dimension("noise", floor=0.0, low_moves=False),
    Dimension("fixed", start=0.5, low_moves=False, high_moves=False),
)
PAPER = AdrConfig()


def wide() -> AdrState:
    """Boundaries 0, 1 (size) and 3 (noise) move; 2, 4 and 5 do not."""
    return replace(
        initial(TABLE), low=(-1.0, 0.0, 0.5), high=(2.0, 3.0, 0.5), versions=(4, 5, 6, 7, 8, 9)
    )


def draw(config: AdrConfig, n: int, seed: int = 0, worlds: object = None) -> Draw:
    return sample(wide(), config, np.random.default_rng(seed), n, worlds)


def test_ordinary_episodes_are_uniform_over_the_ranges() -> None:
    lam = draw(AdrConfig(boundary_probability=0.0), 40_000).lam
    # U(a, b): mean (a + b) / 2, variance (b - a)^2 / 12
    np.testing.assert_allclose(lam.mean(axis=0), [0.5, 1.5, 0.5], atol=0.02)
    np.testing.assert_allclose(lam.var(axis=0), [0.75, 0.75, 0.0], atol=0.02)
    assert (lam.min(axis=0) >= [-1.0, 0.0, 0.5]).all()
    assert (lam.max(axis=0) <= [2.0, 3.0, 0.5]).all()
    assert abs(np.corrcoef(lam[:, 0], lam[:, 1])[0, 1]) < 0.02


def test_boundary_episodes_sit_on_their_boundary_and_are_uniform_elsewhere() -> None:
    got = draw(PAPER, 40_000)
    ends = {0: (0, -1.0), 1: (0, 2.0), 3: (1, 3.0)}
    assert set(got.boundary.tolist()) == {-1, *ends}
    for boundary, (column, value) in ends.items():
        rows = got.lam[got.boundary == boundary]
        assert (rows[:, column] == value).all()
        other = 1 - column
        np.testing.assert_allclose(rows[:, other].mean(), [0.5, 1.5][other], atol=0.05)
    # half ordinary; then one of two dimensions, then one of its movable ends
    shares = [(got.boundary == boundary).mean() for boundary in (-1, 0, 1, 3)]
    np.testing.assert_allclose(shares, [0.5, 0.125, 0.125, 0.25], atol=0.01)


def test_version_is_that_of_the_boundary() -> None:
    got = draw(PAPER, 200)
    versions = {-1: -1, 0: 4, 1: 5, 3: 7}
    assert [versions[boundary] for boundary in got.boundary.tolist()] == got.version.tolist()


def test_same_seed_same_draw_and_another_seed_another() -> None:
    one, two, other = draw(PAPER, 50, 1), draw(PAPER, 50, 1), draw(PAPER, 50, 2)
    assert (one.lam == two.lam).all()
    assert (one.boundary == two.boundary).all()
    assert (one.lam != other.lam).any()


@pytest.mark.parametrize("share", [0.0, 0.25, 0.4, 1.0])
@pytest.mark.parametrize("n", [1, 7, 64, 1000])
def test_world_share_is_the_share_of_worlds_for_any_number(share: float, n: int) -> None:
    config = AdrConfig(mode="world_share", boundary_probability=share)
    assert (draw(config, n).boundary >= 0).sum() == np.floor(n * share)


def test_world_share_keeps_to_the_same_worlds() -> None:
    config = AdrConfig(mode="world_share", boundary_probability=0.4)
    tries = draw(config, 50).boundary >= 0
    worlds = [3, 41, 8, 14]
    for seed in range(5):
        again = draw(config, 4, seed, worlds).boundary >= 0
        assert again.tolist() == tries[worlds].tolist()


def test_nothing_movable_means_no_boundary_episodes() -> None:
    got = sample(initial(TABLE[2:]), PAPER, np.random.default_rng(0), 20)
    assert (got.boundary == -1).all()
    assert (got.lam == 0.5).all()
    assert sample(initial(()), PAPER, np.random.default_rng(0), 3).lam.shape == (3, 0)
