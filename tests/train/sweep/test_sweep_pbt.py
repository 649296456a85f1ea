"""Population-based training without processes: who goes on from whom."""

from dataclasses import replace
from typing import Any

import numpy as np

from sleight.train.sweep import pbt
from sleight.train.sweep.config import PbtConfig, SweepConfig
from sleight.train.sweep.space import Dimension
from sleight.train.sweep.sweep_state import Tried

DIMENSIONS = (
    Dimension("a", low=0.1, high=1.0),
    Dimension("b", choices=("w", "x", "y")),
    Dimension("n", low=1, high=8, whole=True),
)


def _members(count: int, value: float = 0.5) -> list[Tried]:
    return [Tried(i, {"a": value, "b": "x", "n": 4}) for i in range(count)]


def test_the_worst_go_on_from_the_best() -> None:
    config = SweepConfig(
        train="", stopping="pbt", pbt=PbtConfig(quantile=0.25, resample_probability=0.0)
    )
    scores = [5.0, None, 1.0, 9.0, 4.0, 3.0, 8.0, 2.0]
    moves = pbt.plan(config, DIMENSIONS, _members(8), scores, np.random.default_rng(0))
    assert {move["member"] for move in moves} == {1, 2}, "nothing scored is the worst"
    assert {move["donor"] for move in moves} <= {3, 6}
    for move in moves:
        values: Any = move["values"]
        assert values["a"] in (0.4, 0.625) and values["b"] in ("w", "y") and values["n"] in (3, 5)
    low = pbt.plan(replace(config, mode="min"), DIMENSIONS, _members(8), scores,
                   np.random.default_rng(0))  # fmt: skip
    assert {move["member"] for move in low} == {1, 3} and {m["donor"] for m in low} <= {2, 7}
    nothing = pbt.plan(config, DIMENSIONS, _members(4), [None] * 4, np.random.default_rng(0))
    assert nothing == []


def test_a_perturbed_value_stays_in_its_limits() -> None:
    rng = np.random.default_rng(1)
    for resample in (0.0, 0.5, 1.0):
        config = PbtConfig(resample_probability=resample)
        for dimension, value in zip(DIMENSIONS, (0.95, "w", 8), strict=True):
            for _ in range(50):
                found = pbt.perturb(dimension, value, config, rng)
                if dimension.choices:
                    assert found in dimension.choices
                else:
                    assert dimension.low <= float(found) <= dimension.high
                    assert isinstance(found, int) == dimension.whole


def test_generations_end_with_the_runs() -> None:
    assert pbt.boundaries(PbtConfig(interval_steps=300), 900) == [300, 600, 900]
    assert pbt.boundaries(PbtConfig(interval_steps=400), 900) == [400, 800, 900]
    assert pbt.boundaries(PbtConfig(), 800) == list(range(100, 801, 100))
