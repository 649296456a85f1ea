"""The search: it spends its budget, finds what is hard, and its scores are not those that chose."""

import statistics
from dataclasses import replace

import numpy as np
import pytest

from sleight.errors import ConfigError
from sleight.train.validation import failure_search
from sleight.train.validation.failure_search import Budget, FailureSearch
from sleight.train.validation.trials import Trial
from sleight.train.validation.validation_set import read_set, write_set


def test_a_budget_by_hand() -> None:
    # 12 cases: 96 fresh tries, 48 candidates x 2, 24 x 4, and 96 a round: (500 - 288) // 96 = 2.
    budget = Budget(1000, 12, 8)
    assert budget.screens == [(48, 2), (24, 4)]
    assert (budget.quick, budget.rounds, budget.explored) == (4, 2, 1000 - 288 - 2 * 96)
    small = Budget(40, 2, 4)  # 8 fresh, 8 x 1 and 4 x 2 of the candidates
    assert (small.rounds, small.explored) == (0, 16)
    small.check()
    with pytest.raises(ConfigError, match="--trials: got 39, allowed with --cases 2.*: 40 or more"):
        replace(small, trials=39).check()


class _Simulated:
    """In place of trials: successes are Poisson, and their mean is a function of the world."""

    def __init__(self, mean) -> None:
        self.mean, self.rng, self.count, self.seeds = mean, np.random.default_rng(1), 0, []

    def __call__(self, player, config, starts, cache_seed, seed, title):
        self.count += len(starts)
        self.seeds.append(seed)
        names = [*config.randomization]
        means = [self.mean(dict(zip(names, s.values, strict=True))) for s in starts]
        return [Trial(int(n), False, True) for n in self.rng.poisson(means)]


def _search(reach_search, monkeypatch, mean, budget=Budget(1000, 12, 8)):  # noqa: B008
    simulated = _Simulated(mean)
    monkeypatch.setattr(failure_search, "run_trials", simulated)
    found = FailureSearch(*reach_search, budget, seed=4).run()
    assert simulated.count == budget.trials, "the whole budget and no more"
    assert len({*simulated.seeds}) == len(simulated.seeds), "each batch has its own goals and noise"
    return found


def test_where_all_worlds_are_alike_the_kept_scores_say_so(reach_search, monkeypatch) -> None:
    found = _search(reach_search, monkeypatch, lambda world: 4.0)
    selected = statistics.fmean(case.selected_mean for case in found.cases)
    fresh = [n for case in found.cases for n in case.successes]
    # 96 tries of a Poisson of 4: standard error 0.2.
    assert selected < 3.4 and abs(statistics.fmean(fresh) - 4.0) < 0.7
    assert abs(found.search.explored_mean - 4.0) < 0.4
    assert found.pass_mark == pytest.approx(found.search.explored_mean / 2, rel=1e-4)


def test_it_finds_the_hard_corner_and_stays_in_the_ranges(reach_search, monkeypatch) -> None:
    def hard(world):
        return 0.2 if world["gravity"] < -11 and world["hand.gain"] < 0.75 else 6.0

    found = _search(reach_search, monkeypatch, hard)
    assert sum(hard(case.parameters) < 1 for case in found.cases) >= 11
    for case in found.cases:
        assert {*case.parameters} == {"gravity", "hand.gain"}
        assert all(
            found.ranges[n][0] <= v <= found.ranges[n][1] for n, v in case.parameters.items()
        )
    assert [case.selected_mean for case in found.cases] == sorted(
        case.selected_mean for case in found.cases
    )


def test_children_stay_in_the_ranges_and_do_not_gather_at_an_end(reach_search) -> None:
    search = FailureSearch(*reach_search, Budget(1000, 12, 8), seed=0)
    low, high = search._low, search._high
    world = low + (high - low) * np.random.default_rng(0).random(2)
    worlds = []
    for _ in range(4000):
        world = search._child(world)
        worlds.append((world - low) / (high - low))
    places = np.array(worlds)
    assert places.min() >= 0 and places.max() <= 1
    # Reflection keeps the uniform distribution; a limit would leave a tenth of them at the ends.
    for column in places.T:
        shares = np.histogram(column, bins=10, range=(0, 1))[0] / len(column)
        assert shares.max() < 0.16 and shares.min() > 0.05
    assert (np.diff(places, axis=0) == 0).any(), "some parameters keep their value"


def test_a_search_of_real_trials_round_the_file(reach_search, tmp_path) -> None:
    found = FailureSearch(*reach_search, Budget(40, 2, 4), seed=4).run()
    assert read_set(write_set(tmp_path / "set.json", found)).digest == found.digest
    assert [len(case.successes) for case in found.cases] == [4, 4]
    assert found.ranges["hand.damping"] == (1.2, 1.2) and "hand.damping" not in found.varying
    assert (tmp_path / "set.json").stat().st_size < 4000
    again = FailureSearch(*reach_search, Budget(40, 2, 4), seed=4).run()
    assert again == found
