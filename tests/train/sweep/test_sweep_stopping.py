"""Which runs of a sweep are stopped early, without processes."""

from typing import Any

import pytest

from sleight.train.sweep.config import AshaConfig, FieldConfig
from tests.train.sweep.fake_trials import GAMMAS, STEPS, Write, run_sweep

FALLING = FieldConfig(values=tuple(reversed(GAMMAS.values)))


def test_asha_stops_the_poor_and_repeats_what_survives(write: Write, world: dict[str, Any]) -> None:
    source = write(
        method="grid", fields={"ppo.gamma": FALLING}, seeds=2, stopping="asha",
        asha=AshaConfig(reduction_factor=3), concurrent=3,
    )  # fmt: skip
    made = run_sweep(source)
    assert made.state.study.rungs == [100, 300]
    ends = {tried.index: tried.ends for tried in made.state.settings}
    best = ends[0]
    assert [best[seed].state for seed in (0, 1)] == ["complete", "complete"]
    pruned = [index for index, end in ends.items() if end[0].state == "pruned"]
    assert pruned and all(ends[i].keys() == {0} for i in pruned), "no repeats of what was stopped"
    assert all(ends[i][0].steps < STEPS for i in pruned)


def test_asha_keeps_the_last_in_line_only_if_it_is_among_the_best(
    write: Write, world: dict[str, Any]
) -> None:
    source = write(method="grid", fields={"ppo.gamma": FALLING}, stopping="asha",
                   asha=AshaConfig(min_steps=300, reduction_factor=3))  # fmt: skip
    state = run_sweep(source).state
    # One after the other, each worse than all before: the first alone is in the best third.
    assert [tried.ends[0].state for tried in state.settings] == ["complete"] + ["pruned"] * 8


@pytest.mark.parametrize("mode", ["max", "min"])
def test_mode_says_which_way_is_better(write: Write, world: dict[str, Any], mode: Any) -> None:
    source = write(method="grid", fields={"ppo.gamma": GAMMAS}, stopping="asha", mode=mode,
                   asha=AshaConfig(min_steps=300))  # fmt: skip
    states = [tried.ends[0].state for tried in run_sweep(source).state.settings]
    # The values rise: the best so far each time, or the worst.
    assert states == (["complete"] * 9 if mode == "max" else ["complete"] + ["pruned"] * 8)
