"""A memory that encodes a parameter is seen to; one that does not is at chance."""

import numpy as np
import pytest
from scipy.stats import binomtest

from sleight.adr.intervals import proportion
from sleight.adr.probing import KINDS, LEAST, Found, Kind, judge, labels, probe

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
    (judged,) = judge([found])
    assert found is not None and judged is not None and judged.knows
    assert found.accuracy.value > 0.8 and found.accuracy.low > found.chance_high
    assert found.chance == pytest.approx(0.5, abs=0.08)
    assert found.p_value < 1e-6 and found.episodes == N


def test_an_absent_parameter_is_at_chance() -> None:
    found = []
    for seed in range(2, 10):
        value, states = memory(seed)
        found.append(probe(states, labels(value), "linear", 3))
    assert all(each is not None and not each.knows for each in judge(found))
    # One accuracy has a standard error of 0.032, the mean of eight 0.012.
    assert np.mean([each.accuracy.value for each in found if each]) == pytest.approx(0.5, abs=0.04)
    value, states = memory(10)
    network = probe(states, labels(value), "nonlinear", 3)
    assert network is not None and network.p_value > 0.01 and network.accuracy.value < 0.6


def test_many_answers_are_judged_together() -> None:
    def right(count: int, chance_high: float = 0.55) -> Found:
        p_value = binomtest(count, 200, 0.5, alternative="greater").pvalue
        return Found(proportion(count, 200), 0.5, chance_high, p_value, 200)

    # 115 of 200 alone is p = 0.02; among thirty that guess it is what chance brings.
    assert judge([right(115)])[0].knows  # type: ignore[union-attr]
    crowd = judge([right(115), *[right(100)] * 30, None])
    assert crowd[-1] is None and not any(each.knows for each in crowd if each)
    assert judge([right(150), *[right(100)] * 30])[0].knows  # type: ignore[union-attr]
    assert not judge([right(115, chance_high=0.6)])[0].knows  # type: ignore[union-attr]
    assert judge([None]) == [None]


def test_what_is_folded_is_found_by_the_network_alone() -> None:
    value, states = memory(3)
    states[:, 0], states[:, 1] = 3 * value, 2 * value
    above = np.abs(value) > 0.5  # whichever way: no straight cut tells
    linear, network = (probe(states, above, kind, 2) for kind in KINDS)
    assert linear is not None and network is not None
    assert linear.p_value > 0.01 and network.p_value < 1e-6
    assert network.accuracy.value > linear.accuracy.value + 0.15


def test_a_rare_class_is_not_judged() -> None:
    value, states = memory(4)
    assert probe(states, np.arange(N) < LEAST - 1, "linear", 2) is None
    assert probe(states[:0], labels(value)[:0], "linear", 2) is None


def test_labels_are_above_the_mean() -> None:
    assert labels([1.0, 2.0, 9.0]).tolist() == [False, False, True]
