"""A memory that encodes a parameter is seen to; one that does not is at chance."""

import numpy as np
import pytest

from sleight.adr.probing import KINDS, LEAST, Kind, labels, probe

N = 240


def memory(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A parameter (N,), and noise (N, 16) that knows nothing of it."""
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, N), rng.normal(0, 1, (N, 16))


@pytest.mark.parametrize("kind", KINDS)
def test_an_encoded_parameter_is_found(kind: Kind) -> None:
    value, states = memory(0)
    direction = np.random.default_rng(1).normal(0, 1, 16)
    states += 1.5 * value[:, None] * direction
    found = probe(states, labels(value), kind, permutations=3)
    assert found is not None and found.knows
    assert found.accuracy.value > 0.8 and found.accuracy.low > found.chance_high
    assert found.chance == pytest.approx(0.5, abs=0.08)
    assert found.p_value == pytest.approx(1 / 4) and found.episodes == N


@pytest.mark.parametrize("kind", KINDS)
def test_an_absent_parameter_is_at_chance(kind: Kind) -> None:
    value, states = memory(2)
    found = probe(states, labels(value), kind, permutations=3)
    assert found is not None and not found.knows
    assert found.accuracy.low < 0.5 < found.accuracy.high + 0.03


def test_what_is_folded_is_found_by_the_network_alone() -> None:
    value, states = memory(3)
    states[:, 0], states[:, 1] = 3 * value, 2 * value
    above = np.abs(value) > 0.5  # whichever way: no straight cut tells
    linear, network = (probe(states, above, kind, 2) for kind in KINDS)
    assert linear is not None and network is not None
    assert not linear.knows and network.knows
    assert network.accuracy.value > linear.accuracy.value + 0.15


def test_a_rare_class_is_not_judged() -> None:
    value, states = memory(4)
    assert probe(states, np.arange(N) < LEAST - 1, "linear", 2) is None
    assert probe(states[:0], labels(value)[:0], "linear", 2) is None


def test_labels_are_above_the_mean() -> None:
    assert labels([1.0, 2.0, 9.0]).tolist() == [False, False, True]
