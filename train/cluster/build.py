"""A run whose experience comes from workers on a cluster."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from ..agent import sized_agent
from ..config import TrainConfig
from ..loop import Training
from ..ppo import Learner
from ..randomization import start_state
from .connect import connect
from .pool import Pool
from .sampler import RaySampler


def build(config: TrainConfig, failures: Path | None = None, lives: int = 0) -> Training:
    """`local.build` with workers; this process learns and simulates nothing.

    lives: how many workers the run had before. Raises ConnectError and ConfigError as `connect` and
    `Pool.start_all` do, and then leaves nothing running.
    """
    adr = start_state(config)
    with ExitStack() as stack:
        end = connect(config.ray)
        stack.callback(end)
        pool = Pool(config, str(failures.resolve()) if failures else "", lives)
        stack.callback(pool.close)
        pool.start_all()
        assert pool.about is not None
        agent = sized_agent(config.policy, **pool.about, seed=config.seed)
        learner = Learner(config.ppo, agent.actor, agent.critic, config.seed + 2)
        sampler = RaySampler(pool, end)
        stack.pop_all()
    return Training(config, agent, learner, sampler, adr)
