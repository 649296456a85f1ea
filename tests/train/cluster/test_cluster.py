"""Training on a real Ray cluster of this machine: what workers bring, and what their end costs."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from sleight.errors import ConfigError, ConnectError, SleightError
from sleight.train.cluster import pool as pools
from sleight.train.cluster.array_wire import to_arrays
from sleight.train.cluster.cluster_build import build
from sleight.train.cluster.evaluator import Evaluator
from sleight.train.cluster.ray_connect import connect
from sleight.train.cluster.sampling.rollout_task import LIFE_BITS
from sleight.train.cluster.sampling.sampler import RaySampler
from sleight.train.config import ActorsConfig, RayConfig, TrainConfig
from sleight.train.rollout.in_process import build as build_local
from sleight.train.runs.stages.stage_loop import note
from sleight.train.runs.training_loop import Training
from tests.train.programs import PATIENCE_S
from tests.train.rows import iterate_both

pytestmark = pytest.mark.usefixtures("cluster")


def _workers(config: TrainConfig, workers: int, max_lag: int = 1) -> TrainConfig:
    actors = ActorsConfig(workers=workers, max_lag=max_lag, worker_cpus=0.5)
    return replace(config, train=actors, ray=RayConfig(wait_s=300.0), steps=10**6)


@pytest.fixture(scope="module")
def pair(block_config: TrainConfig) -> Iterator[Training]:
    """Two workers under ADR, used by several tests one after the other."""
    training = build(_workers(block_config, 2))
    yield training
    training.sampler.close()


def _sampler(training: Training) -> RaySampler:
    assert isinstance(training.sampler, RaySampler)
    return training.sampler


def test_one_worker_that_is_waited_for_is_the_run_in_one_process(reach_config: TrainConfig) -> None:
    config = _workers(reach_config, 1, max_lag=0)
    far, near = build(config), build_local(replace(config, train=ActorsConfig()))
    try:
        assert [row["lag"] for row in iterate_both(far, near, 4)] == [0, 0, 0, 0]
    finally:
        far.sampler.close()


def test_the_next_batch_is_collected_while_the_learner_learns(pair: Training) -> None:
    rows = [pair.iterate() for _ in range(5)]
    assert [row["lag"] for row in rows] == [0, 0, 1, 1, 1]
    assert [row["steps"] for row in rows] == [256 * i for i in range(1, 6)]
    assert all(row["collecting"] + row["queue"] == 2 for row in rows[1:])
    row = rows[-1]
    assert (row["workers"], row["worker_restarts"], row["lag_mean"]) == (2, 0, 1)
    # The two batches of one update may both be of the faster worker.
    assert all(any(f"worker/{k}/steps_per_second" in row for row in rows) for k in (0, 1))
    assert row["wait_s"] >= 0 and row["transfer_s"] > 0
    assert row["weights_mb"] > 0.01 and row["batch_mb"] > 0.01
    assert 0 < row["sim_s"] < row["collect_s"] and row["learn_s"] > 0
    # Made before the update that ran while this batch was collected.
    assert row["weights_age_s"] > rows[-2]["learn_s"]
    assert row["adr_restarts"] == 0
    line = note(row)
    assert "2 workers of " in line and "policy lag 1.0" in line
    assert f"learn {row['learn_s']:.2f} s" in line


def test_every_episode_counts_once_and_adr_decides(pair: Training) -> None:
    ids: list[int] = []
    record = pair.episodes.add
    pair.adr = replace(pair.adr, seen=())
    sampler = _sampler(pair)
    original = sampler.next

    def spy() -> Any:
        batch = original()
        assert len(batch.episode_ids) == len(batch.episodes)
        ids.extend(batch.episode_ids)
        return batch

    sampler.next = spy  # type: ignore[method-assign]  # watched, not changed
    for _ in range(4):
        pair.iterate()
    sampler.next = original  # type: ignore[method-assign]
    assert record and len(ids) > 8 and len(set(ids)) == len(ids)
    assert {number >> LIFE_BITS for number in ids} == {0, 1}
    assert sum(end - first for first, end in pair.adr.seen) == len(ids)
    assert len(pair.adr.seen) == 2, "the ids of one life follow each other"
    assert pair.adr.duplicates == 0
    assert pair.adr.history


def test_a_killed_worker_is_replaced_and_its_batch_collected_anew(pair: Training) -> None:
    sampler = _sampler(pair)
    before = pair.iterate()
    victim = sampler.pool.members[0].pid
    other = sampler.pool.members[1].pid
    os.kill(victim, signal.SIGKILL)
    rows = [pair.iterate()]
    came = "worker/0/steps_per_second"  # told of those that brought a batch
    while not (rows[-1]["workers"] == 2 and rows[-1]["worker_restarts"] and came in rows[-1]):
        rows.append(pair.iterate())
    rows += [pair.iterate() for _ in range(2)]
    assert {
        row["steps"] - last["steps"] for last, row in zip([before, *rows], rows, strict=False)
    } == {256}
    assert max(row["lag"] for row in rows) <= 1
    assert rows[-1]["worker_restarts"] == 1
    assert sampler.pool.members[0].pid not in (victim, other)
    assert sampler.pool.members[1].pid == other
    assert pair.adr.duplicates == 0
    assert {first >> LIFE_BITS for first, _ in pair.adr.seen} == {0, 1, 2}


def test_all_workers_killed_at_once(pair: Training) -> None:
    sampler = _sampler(pair)
    for member in list(sampler.pool.members.values()):
        os.kill(member.pid, signal.SIGKILL)
    row = pair.iterate()
    assert row["worker_restarts"] == 3
    assert row["lag"] <= 1


def test_a_checkpoint_goes_on_with_new_lives(pair: Training, block_config: TrainConfig) -> None:
    weights, tensors, meta = pair.save()
    assert meta["sampler"] == {"lives": _sampler(pair).pool.lives} and meta["sampler"]["lives"] >= 5
    local = build_local(replace(block_config, steps=10**6))
    local.load(weights, tensors, meta)
    assert local.steps == pair.steps
    assert local.iterate()["steps"] == pair.steps + 128


def test_the_policy_is_evaluated_beside_training(reach_config: TrainConfig) -> None:
    import ray

    near = build_local(reach_config)
    weights = to_arrays(dict(near.agent.actor.state_dict()))
    published = ray.put({"version": 7, "weights": weights, "ranges": near.adr})
    actors = ActorsConfig(workers=1, evaluate_s=0.01, evaluate_trials=3)
    evaluator = Evaluator(replace(reach_config, train=actors))

    def wait() -> dict[str, float]:
        deadline = time.monotonic() + PATIENCE_S
        while not (found := evaluator.result()):
            assert time.monotonic() < deadline
            evaluator.offer(published)
            time.sleep(0.05)
        return found

    first = wait()
    assert (first["eval/version"], first["eval/trials"]) == (7, 3)
    assert 0 <= first["eval/successes_mean"] <= first["eval/successes_max"]
    evaluator.offer(published)
    evaluator.close()  # killed in the middle: that one is lost, the next comes
    second = wait()
    assert {**first, "eval/seconds": 0} == {**second, "eval/seconds": 0}
    evaluator.close()


def test_a_worker_with_other_code_is_refused(
    reach_config: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = {"sleight": "9.9.9", "commit": "", "code": "another"}
    monkeypatch.setattr(pools, "identity", lambda: other)
    with pytest.raises(ConfigError, match=r"worker \d: got sleight .*allowed: sleight 9\.9\.9"):
        build(_workers(reach_config, 1))


def test_more_workers_than_room(reach_config: TrainConfig) -> None:
    config = _workers(reach_config, 5)
    with pytest.raises(ConfigError, match=r"train\.workers: got 5, allowed: 4 of 0\.5 cores"):
        build(config)
    joined = replace(config, ray=RayConfig(address="127.0.0.1:1", wait_s=1.0))
    began = time.monotonic()
    with pytest.raises(ConfigError, match=r"got 5, of which [1-5] found no place within 1 s"):
        build(joined)  # the process is in a cluster already, so the address is not looked at
    assert time.monotonic() - began < PATIENCE_S


def test_what_breaks_in_a_worker_is_one_line(reach_config: TrainConfig) -> None:
    config = _workers(reach_config, 1)
    broken = replace(config, env=replace(config.env, rewards={"nonsense": 1.0}))
    with pytest.raises(SleightError, match="nonsense"):
        build(broken)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nonsense", "http://somewhere", "host:port"])
def test_an_address_without_a_cluster_is_one_line(
    address: str, cli: Callable[..., tuple[int, str, str]]
) -> None:
    import ray

    assert ray.is_initialized()
    from sleight.train.cluster.ray_connect import probe

    with pytest.raises(SleightError, match=rf"--ray\.address: got {address}") as caught:
        probe(address, 3.0)
    assert caught.value.exit_code == (3 if address == "127.0.0.1:1" else 2)


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (Exception("pages of log\nThe current node timed out during startup."), ConnectError),
        (ConnectionError("no socket"), ConnectError),
        (KeyError("a defect of ours"), KeyError),
    ],
)
def test_rays_own_start_that_fails_is_one_line(
    error: Exception, raised: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a machine that is too busy; Ray itself cannot be made to fail so at will."""
    import ray

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", fail)
    with pytest.raises(raised) as caught:
        connect(RayConfig())
    if raised is ConnectError:
        assert str(caught.value) == f"the run's own Ray: {str(error).splitlines()[-1]}"


def test_an_address_without_workers_is_refused(refused: Callable[..., str]) -> None:
    assert "ray.address: got auto with train.workers 0" in refused("train", "--ray.address", "auto")
    assert "evaluate_s: got 5 with train.workers 0" in refused("train", "--train.evaluate_s", "5")
