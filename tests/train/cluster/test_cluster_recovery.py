"""Who is killed and who does not answer, on a real Ray cluster: nothing is lost or counts twice."""

import os
import signal
import threading
import time
from dataclasses import replace
from typing import Any

import pytest

from sleight.adr.decisions import Reports, decide
from sleight.adr.state import AdrState
from sleight.train.cluster.adr_server import AdrServer
from sleight.train.cluster.cluster_build import build
from sleight.train.cluster.cores import places, without
from sleight.train.cluster.patience import MANY, Patience
from sleight.train.cluster.sampling.sampler import RaySampler
from sleight.train.config import ActorsConfig, RayConfig, TrainConfig
from sleight.train.rollout.in_process import build as build_local
from sleight.train.runs.training_loop import Training
from tests.train.programs import PATIENCE_S

pytestmark = pytest.mark.usefixtures("cluster")
ITERATIONS = 6


@pytest.fixture(scope="module")
def alone(block_config: TrainConfig) -> TrainConfig:
    """One worker that is waited for: the run in one process, with everything else elsewhere."""
    actors = ActorsConfig(workers=1, max_lag=0, worker_cpus=0.5)
    ray = RayConfig(wait_s=PATIENCE_S, hang_s=PATIENCE_S)
    return replace(block_config, train=actors, ray=ray, steps=10**6)


@pytest.fixture(scope="module")
def undisturbed(alone: TrainConfig) -> AdrState:
    """What ADR has decided after the same iterations in one process."""
    training = build_local(replace(alone, train=ActorsConfig()))
    for _ in range(ITERATIONS):
        training.iterate()
    assert len(training.adr.history) > 3
    return training.adr


def _server(training: Training) -> AdrServer:
    assert isinstance(training.decide, AdrServer)
    return training.decide


def _kill_soon(pid: int) -> threading.Timer:
    """Stop a process, so that nothing it is asked for can end; and kill it a little later."""
    os.kill(pid, signal.SIGSTOP)
    timer = threading.Timer(1.0, os.kill, (pid, signal.SIGKILL))
    timer.start()
    return timer


def test_the_adr_server_killed_loses_no_decision(alone: TrainConfig, undisturbed: AdrState) -> None:
    training = build(alone)
    try:
        server = _server(training)
        episodes = 0
        for number in range(ITERATIONS):
            if number == 2:  # between two decisions
                os.kill(server.pid, signal.SIGKILL)
            if number == 4:  # while it decides
                _kill_soon(server.pid)
            row = training.iterate()
            episodes = sum(end - first for first, end in training.adr.seen)
        assert row["adr_restarts"] == 2
        assert episodes == len(training.episodes.episodes) > 20
        # Ids are only given by workers, so `seen` is what differs from the run in one process.
        assert training.adr.seen and training.adr.duplicates == 0
        assert replace(training.adr, seen=()) == undisturbed
    finally:
        training.sampler.close()


def test_the_adr_server_goes_on_from_a_state_that_was_loaded(
    alone: TrainConfig, undisturbed: AdrState
) -> None:
    server = AdrServer(alone)
    reports = Reports((-1, 0, 0), (-1, *undisturbed.versions[:1] * 2), (0.0, 3.0, 4.0), None, 10**6)
    try:
        expected = decide(undisturbed, alone.adr, reports)
        assert expected.history != undisturbed.history
        assert server(undisturbed, alone.adr, reports) == expected
        later = replace(reports, step=10**6 + 1)
        assert server(expected, alone.adr, later) == decide(expected, alone.adr, later)
        assert server.restarts == 0
        assert server(undisturbed, alone.adr, reports) == expected, "and back, as --resume does"
    finally:
        server.close()


def test_a_worker_that_does_not_answer_is_replaced(alone: TrainConfig) -> None:
    training = build(alone)
    sampler: Any = training.sampler
    assert isinstance(sampler, RaySampler)
    sampler.pool.patience = Patience(4.0)  # for batches; to build worlds takes its time
    sampler.pool.patience.note("begin", PATIENCE_S / MANY)
    try:
        training.iterate()
        member = sampler.pool.members[0]
        pid, began = member.pid, time.monotonic()
        os.kill(pid, signal.SIGSTOP)
        row = training.iterate()
        assert 4.0 <= time.monotonic() - began < PATIENCE_S
        assert row["worker_restarts"] == 1 and row["steps"] == 2 * 128
        assert sampler.pool.members[0].pid != pid
        assert training.adr.duplicates == 0
        assert not _runs(pid)
    finally:
        training.sampler.close()


def _runs(pid: int) -> bool:
    """Whether a process is still there; one that nobody has waited for yet is not."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            with open(f"/proc/{pid}/stat") as file:
                if file.read().rpartition(")")[2].split()[0] == "Z":
                    return False
        except OSError:
            return False
        time.sleep(0.2)
    return True


def test_patience_follows_what_a_task_takes() -> None:
    patience = Patience(5.0)
    assert patience.limit_s("collect") == 5.0
    patience.note("collect", 0.1)
    assert patience.limit_s("collect") == 5.0
    patience.note("collect", 3.0)
    patience.note("collect", 1.0)
    assert (patience.limit_s("collect"), patience.limit_s("begin")) == (3.0 * MANY, 5.0)


def test_learners_leave_the_workers_what_they_do_not_reserve() -> None:
    assert without([4.0, 8.0], 2, 2.0) == [4.0, 4.0]
    assert without([4.0, 8.0], 4, 2.0) == [2.0, 2.0]
    assert without([2.0], 1, 0.0) == [2.0] and without([], 2, 1.0) == []
    assert places(without([2.0], 3, 1.0), 1.0) == 0


def test_a_standby_worker_takes_the_place_of_one_that_dies(alone: TrainConfig) -> None:
    training = build(replace(alone, train=replace(alone.train, standby=1)))
    sampler = training.sampler
    assert isinstance(sampler, RaySampler)
    pool = sampler.pool
    try:
        until = time.monotonic() + PATIENCE_S
        while not training.iterate()["standby"]:
            assert time.monotonic() < until
        waiting, lives = pool.standby[0], pool.lives
        os.kill(pool.members[0].pid, signal.SIGKILL)
        row = training.iterate()
        # The batch is the standby's: nobody had to build worlds for it.
        assert row["worker_restarts"] == 1 and pool.members[0] is waiting
        assert row["workers"] == 1 and pool.lives == lives + 1
        (another,) = (member for member in pool.members.values() if member.slot == 1)
        assert another.life == lives and another.pid != waiting.pid
        # One that dies while it waits is replaced too, and nobody notices.
        while not pool.standby:
            pool.poll(1.0)
        os.kill(another.pid, signal.SIGKILL)
        assert [training.iterate()["workers"] for _ in range(2)] == [1, 1]
        assert pool.members[0] is waiting
    finally:
        sampler.close()
