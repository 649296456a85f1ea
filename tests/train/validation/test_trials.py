"""Trials from given starts: a start is the same whoever is beside it, and only its seed counts."""

from contextlib import closing
from dataclasses import replace

import torch

from sleight.envs.make import make_env
from sleight.envs.tasks.reach import ReachConfig
from sleight.train.validation.trials import GivenWorlds, Start, begin, run_trials

LIGHT, HEAVY = (3.14, 1.2, -8.5, 0.7), (3.14, 1.2, -11.5, 1.3)


def _begun(config, starts, seed=0):
    """The first observations from these starts, gravity, and a step's worth of random numbers."""
    config = replace(config, num_worlds=len(starts))
    source = GivenWorlds([*config.randomization], [s.values for s in starts], "cpu")
    with closing(make_env(config, source=source, cache_seed=3)) as env:
        seen = begin(env, starts, seed)["critic"]
        rows = torch.cat([seen[name].clone() for name in seen if name != "world"], dim=1)
        gravity = env.sim.field("opt.gravity")[:, 2].tolist()
        return rows, gravity, env.rng.uniform(3)


def test_a_start_does_not_depend_on_the_worlds_beside_it(reach_search) -> None:
    config = reach_search[1]
    starts = [Start(LIGHT, 7), Start(HEAVY, 8), Start(LIGHT, 7), Start(LIGHT, 9)]
    rows, gravity, after = _begun(config, starts)
    assert gravity == [-8.5, -11.5, -8.5, -8.5], "each world has its own parameters"
    torch.testing.assert_close(rows[0], rows[2], rtol=0, atol=0)
    assert not torch.equal(rows[0], rows[3]), "another seed is another start"
    alone, _, same = _begun(config, starts[:1])
    torch.testing.assert_close(alone[0], rows[0], rtol=0, atol=0)
    assert torch.equal(after, same)
    assert not torch.equal(after, _begun(config, starts, seed=1)[2]), "what follows is the try's"


def test_tries_of_one_start_differ_and_repeat(reach_search) -> None:
    player, config = reach_search
    # Goals that are near enough to be reached by chance.
    config = replace(config, goals=replace(config.goals, timeout_s=2.0, max_successes=9))
    config = config.with_block(ReachConfig(threshold_m=0.035))
    starts = [Start(HEAVY, seed) for seed in (1, 2, 3) for _ in range(6)]
    first, again, other = (run_trials(player, config, starts, 3, s, "t") for s in (0, 0, 1))
    assert first == again != other
    assert len(first) == 18 and any(trial.successes for trial in first)
    assert all(t.timed_out == (t.successes < 9) and not t.dropped for t in first)
    by_start = [[t.successes for t in first[i : i + 6]] for i in (0, 6, 12)]
    assert any(len({*tries}) > 1 for tries in by_start), "later goals differ"
