"""Several learners are one: what they learn, what they agree on, and what their end costs."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch

from sleight.errors import ConfigError
from sleight.train.algorithms.agent import Agent, build_agent, term_sizes
from sleight.train.algorithms.ppo import PpoConfig
from sleight.train.cluster.cluster_build import build
from sleight.train.cluster.learning.learners import Learners
from sleight.train.config import ActorsConfig, RayConfig, TrainConfig
from sleight.train.rollout.batch import Batch
from sleight.train.rollout.in_process import build as build_local
from sleight.train.runs.training_loop import Training

pytestmark = pytest.mark.usefixtures("cluster")
TOLERANCE = {"atol": 2e-5, "rtol": 2e-4}


@pytest.fixture(scope="module")
def whole(reach_config: TrainConfig) -> TrainConfig:
    """Minibatches are whole batches, so that one learner and several take the same; in float32, in
    which the order of sums makes the smaller difference."""
    ppo = PpoConfig(minibatches=1, epochs=3, kl_stop=10.0, precision="float32")
    actors = ActorsConfig(workers=1, learners=2)
    return replace(reach_config.with_block(ppo), train=actors, ray=RayConfig(wait_s=300.0))


@pytest.fixture(scope="module")
def local(whole: TrainConfig) -> tuple[Training, list[Batch], list[dict[str, Any]]]:
    """A run in one process, the batches that it learned from, and what it wrote down."""
    training = build_local(replace(whole, train=ActorsConfig()))
    batches: list[Batch] = []
    original = training.sampler.next

    def spy() -> Batch:
        batches.append(original())
        return batches[-1]

    training.sampler.next = spy  # type: ignore[method-assign]  # watched, not changed
    return training, batches, [training.iterate() for _ in range(3)]


def _learners(config: TrainConfig, local: Training) -> Learners:
    """Learners at the beginning of the run in one process."""
    env = local.sampler.collector.env  # type: ignore[attr-defined]  # it is the local one
    agent = build_agent(config.policy, env, config.seed)
    learners = Learners(config)
    learners.begin(agent, {"sizes": term_sizes(env), "actuators": len(env.hand.actuators)})
    return learners


def _weights(agent: Agent) -> dict[str, torch.Tensor]:
    parts = {"actor": agent.actor, "critic": agent.critic}
    return {
        f"{part}.{name}": value.clone()
        for part, module in parts.items()
        for name, value in module.state_dict().items()
    }


def _progress(config: TrainConfig, batches: list[Batch]) -> list[float]:
    return [min((i + 1) * b.steps / config.steps, 1.0) for i, b in enumerate(batches)]


def _learn(learners: Learners, batches: list[Batch]) -> list[dict[str, Any]]:
    places = _progress(learners.config, batches)
    return [learners.update(b, p) for b, p in zip(batches, places, strict=True)]


@pytest.fixture(scope="module")
def undisturbed(whole: TrainConfig, local: Any) -> Iterator[tuple[Learners, list[dict[str, Any]]]]:
    """Two learners that have learned from the same batches."""
    learners = _learners(whole, local[0])
    yield learners, _learn(learners, local[1])
    learners.close()


def test_two_learners_learn_what_one_learns_from_the_whole_batch(
    local: Any, undisturbed: Any
) -> None:
    training, _, expected = local
    learners, rows = undisturbed
    for got, row in zip(rows, expected, strict=True):
        for name in got.keys() & row.keys():
            assert got[name] == pytest.approx(row[name], rel=2e-3, abs=2e-5), name
        assert got["learning_rate"] == row["learning_rate"] and got["epochs"] == row["epochs"]
        assert {"kl", "entropy", "explained_variance", "grad_norm"} <= got.keys()
    one, several = _weights(training.agent), _weights(learners.agent)
    assert several.keys() == one.keys()
    for name, value in one.items():
        torch.testing.assert_close(several[name], value, **TOLERANCE, msg=name)
    counts = [name for name in one if name.endswith("count")]
    assert counts and all(float(several[name]) == float(one[name]) > 0 for name in counts)


def test_a_single_learner_elsewhere_is_the_one_in_this_process(
    local: Any, whole: TrainConfig
) -> None:
    ppo = replace(whole.block(PpoConfig), minibatches=2)
    config = replace(whole.with_block(ppo), train=ActorsConfig(workers=1, learners=1))
    near = build_local(replace(config, train=ActorsConfig()))
    learners = _learners(config, near)
    batch = local[1][0]
    try:
        for progress in (0.25, 0.5):
            got, expected = learners.update(batch, progress), near.learner.update(batch, progress)
            assert all(got[name] == expected[name] for name in expected)
    finally:
        learners.close()
    weights = _weights(near.agent)
    assert all(
        torch.equal(value, weights[name]) for name, value in _weights(learners.agent).items()
    )


def _listening(pid: int) -> set[str]:
    words = ["ss", "-Hltnp"]
    lines = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    found = {line.split()[3].rpartition(":")[0] for line in lines if f"pid={pid}," in line}
    return {address.strip("[]").removeprefix("::ffff:") for address in found}


def test_learners_listen_on_loopback_alone(undisturbed: Any) -> None:
    learners, _ = undisturbed
    found = [_listening(pid) for pid in learners.pids]
    assert found[0] and set.union(*found) == {"127.0.0.1"}


@pytest.mark.parametrize(
    ("victim", "late"), [(1, True), pytest.param(0, False, marks=pytest.mark.slow)]
)
def test_a_learner_killed_in_an_update_changes_nothing(
    victim: int, late: bool, whole: TrainConfig, local: Any, undisturbed: Any
) -> None:
    """late: the first in its place does not come in time, as on a machine that is too busy."""
    learners = _learners(whole, local[0])
    _, batches, _ = local
    places = _progress(whole, batches)
    try:
        learners.update(batches[0], places[0])
        first = list(learners.pids)
        if late:
            _come_late_once(learners)
        os.kill(first[victim], signal.SIGSTOP)  # so that the update cannot end before the kill
        timer = threading.Timer(0.5, os.kill, (first[victim], signal.SIGKILL))
        timer.start()
        row = learners.update(batches[1], places[1])
        timer.join()
        assert row["learner_restarts"] == 1 + late and not set(first) & set(learners.pids)
        last = learners.update(batches[2], places[2])
        same = undisturbed[1][2]
        apart = {"learner_restarts", "learner_s", "share_s"}
        assert {k: v for k, v in last.items() if k not in apart} == {
            k: v for k, v in same.items() if k not in apart
        }
    finally:
        learners.close()
    expected = _weights(undisturbed[0].agent)
    for name, value in _weights(learners.agent).items():
        assert torch.equal(value, expected[name]), name


def _come_late_once(learners: Learners) -> None:
    gather, calls = learners._gather, []

    def late(task: str, references: list[Any], limit_s: float | None = None) -> list[Any]:
        if task == "place" and not calls:
            calls.append(task)
            limit_s = 1e-6
        return gather(task, references, limit_s)

    learners._gather = late  # type: ignore[method-assign]  # once, then the original


def test_more_learners_than_the_batch_has_shares(reach_config: TrainConfig) -> None:
    config = reach_config.with_block(PpoConfig(minibatches=8))
    config = replace(config, train=ActorsConfig(workers=1, learners=3))
    with pytest.raises(ConfigError, match=r"train\.learners: got 3, allowed: at most 2: .* 4 of"):
        build(config)
