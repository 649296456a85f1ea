"""A run whose experience comes from workers on a cluster."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from ...adr.decisions import decide
from ..algorithms.agent import sized_agent
from ..algorithms.teacher import Files
from ..config import TrainConfig
from ..rollout.adr_source import start_state
from ..rollout.in_process import learner
from ..runs.training_loop import Decide, Learns, Training
from .adr_server import AdrServer
from .head import HeadWatch
from .learning.learners import Learners
from .ray_connect import connect
from .sampling.rollout_pool import rollout_pool
from .sampling.sampler import RaySampler


def build(
    config: TrainConfig,
    failures: Path | None = None,
    lives: int = 0,
    teacher: Files | None = None,
) -> Training:
    """`in_process.build` with workers that collect; this process learns, unless learners do.

    lives: number of workers that the run has had before; teacher: see `read_teacher`. Raises
    ConnectError and ConfigError as `connect`, `Learners` and `Pool.start_all` do, and leaves no
    process running then.
    """
    adr = start_state(config)
    with ExitStack() as stack:
        end = connect(config.ray)
        stack.callback(end)
        pool = rollout_pool(config, failures, lives, teacher)
        if config.ray.address:
            pool.watch = HeadWatch(config.ray.wait_s)
            stack.callback(pool.watch.close)
        stack.callback(pool.close)
        learners = Learners(config) if config.train.learners else None
        if learners:
            stack.callback(learners.close)
        pool.start_all()
        assert pool.about is not None
        agent = sized_agent(config.policy, **pool.about, seed=config.seed).to(config.train.device)
        learns: Learns = learners or learner(config, agent)
        if learners:
            learners.begin(agent, pool.about)
        server = AdrServer(config) if adr.dimensions else None
        if server:
            stack.callback(server.close)
        decider: Decide = server or decide
        # What was started ends with the sampler, in the opposite order.
        sampler = RaySampler(config, pool, stack.pop_all().close, server)
    return Training(config, agent, learns, sampler, adr, decider)
