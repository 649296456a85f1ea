"""Batches side by side, and on their way between processes: nothing changes its place."""

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from sleight.errors import ConfigError
from sleight.train.cluster.array_wire import digest, nbytes, pack, to_arrays, unpack
from sleight.train.cluster.cores import cores_per_worker, places
from sleight.train.cluster.identity import check_identity, identity
from sleight.train.config import TrainConfig
from sleight.train.rollout.batch import Batch, concatenate, split
from sleight.train.rollout.in_process import build


@pytest.fixture(scope="module")
def batch(block_config: TrainConfig) -> Batch:
    """With finished episodes and truncations."""
    training = build(block_config)
    sampler = training.sampler
    sampler.publish(3, {}, training.adr)
    found = replace(sampler.next(), episode_ids=())
    found = replace(found, episode_ids=tuple(range(100, 100 + len(found.episodes))))
    assert len(found.final_index) and len(found.episodes) > 4
    return found


def _worlds(batch: Batch, which: list[int]) -> Batch:
    """The part of a batch that is of these worlds."""
    kept = [i for i, (_, n) in enumerate(batch.final_index.tolist()) if n in which]
    index = batch.final_index[kept]
    index[:, 1] = torch.tensor([which.index(n) for n in index[:, 1].tolist()])
    own = [i for i, e in enumerate(batch.episodes) if e.world in which]
    flat = ("raw", "log_prob", "reward", "terminated", "truncated", "starts")
    return replace(
        batch,
        actor={name: value[:, which] for name, value in batch.actor.items()},
        critic={name: value[:, which] for name, value in batch.critic.items()},
        **{name: getattr(batch, name)[:, which] for name in flat},
        carries=tuple(tuple(part[which] for part in carry) for carry in batch.carries),
        final_index=index,
        final={name: value[kept] for name, value in batch.final.items()},
        episodes=tuple(
            replace(batch.episodes[i], world=which.index(batch.episodes[i].world)) for i in own
        ),
        episode_ids=tuple(batch.episode_ids[i] for i in own),
    )


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor):
        return one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(one[k], other[k]) for k in one)
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    return repr(one) == repr(other)


def test_parts_of_a_batch_side_by_side_are_the_batch(batch: Batch) -> None:
    joined = concatenate(
        [_worlds(batch, [0, 1, 2]), _worlds(batch, [3]), _worlds(batch, [4, 5, 6, 7])]
    )
    by_part = {"final_index", "final", "episodes", "episode_ids"}
    for field in fields(Batch):
        if field.name not in by_part:
            assert _same(getattr(joined, field.name), getattr(batch, field.name)), field.name
    order = [
        [row.tolist() for row in batch.final_index].index(row.tolist())
        for row in joined.final_index
    ]
    assert sorted(order) == list(range(len(batch.final_index)))
    for name, value in joined.final.items():
        assert torch.equal(value, batch.final[name][order])
    numbers = dict(zip(batch.episode_ids, map(repr, batch.episodes), strict=True))
    assert dict(zip(joined.episode_ids, map(repr, joined.episodes), strict=True)) == numbers


@pytest.mark.parametrize("parts", [1, 2, 3, 8])
def test_shares_of_a_batch_are_its_worlds(batch: Batch, parts: int) -> None:
    shares = split(batch, parts)
    assert max(s.steps for s in shares) - min(s.steps for s in shares) in (0, 16)
    first = 0
    for share in shares:
        worlds = list(range(first, first := first + share.reward.shape[1]))
        assert all(
            _same(getattr(share, f.name), getattr(_worlds(batch, worlds), f.name))
            for f in fields(Batch)
        )
        assert share.raw.is_contiguous() and all(v.is_contiguous() for v in share.actor.values())
    assert first == batch.reward.shape[1]


def test_a_learner_makes_the_same_of_both(batch: Batch, block_config: TrainConfig) -> None:
    weights = []
    for given in (batch, concatenate([_worlds(batch, [0, 1]), _worlds(batch, [2, 3, 4, 5, 6, 7])])):
        training = build(block_config)
        training.learner.update(given, 0.0)
        weights.append(training.agent.actor.state_dict())
    assert _same(*map(dict, weights))


def test_the_version_of_several_is_the_oldest(batch: Batch) -> None:
    newer = replace(batch, version=5, sim_seconds=batch.sim_seconds + 2, seconds=99.0, broken=2)
    joined = concatenate([newer, replace(batch, broken=1)])
    assert (joined.version, joined.seconds, joined.steps) == (3, 99.0, 2 * batch.steps)
    assert joined.broken == 3
    assert joined.sim_seconds == pytest.approx(batch.sim_seconds + 1)
    assert {e.world for e in joined.episodes} - set(range(8)) <= set(range(8, 16))
    assert concatenate([batch]) is batch


def test_what_arrives_is_what_was_sent_and_is_the_receivers_own(batch: Batch) -> None:
    data = pack(batch)
    assert isinstance(data["reward"], np.ndarray)
    data["reward"] = data["reward"].copy()
    data["reward"].flags.writeable = False
    found = unpack(data)
    assert all(_same(getattr(found, f.name), getattr(batch, f.name)) for f in fields(Batch))
    found.reward.zero_()
    assert data["reward"].any()
    tensors = {"a": torch.zeros(3, 2), "b": (torch.zeros(5, dtype=torch.float64),)}
    assert nbytes(to_arrays(tensors)) == 3 * 2 * 4 + 5 * 8


def test_a_digest_tells_weights_apart() -> None:
    weights = {"a": np.arange(6.0).reshape(2, 3).T, "b": np.zeros(2, np.float32)}
    same = {name: value.copy() for name, value in reversed(weights.items())}
    assert digest(weights) == digest(same)
    same["b"][1] = np.nextafter(np.float32(0), np.float32(1))
    assert digest(weights) != digest(same)


@pytest.mark.parametrize(
    ("nodes", "workers", "cores"),
    [
        ([2], 1, 2), ([2], 2, 1), ([2], 3, 0), ([16], 5, 3), ([1, 1, 1], 1, 1), ([2, 2], 2, 2),
        ([8, 2], 5, 2), ([], 1, 0), ([0.5], 1, 0),
    ],
)  # fmt: skip
def test_cores_are_divided_among_workers(nodes: list[float], workers: int, cores: float) -> None:
    found = cores_per_worker(nodes, workers)
    assert found == cores
    if found:
        assert places(nodes, found) >= workers > places(nodes, found + 1)


def test_fractions_of_a_core_have_their_places() -> None:
    assert [places([2, 1], cores) for cores in (0.5, 0.1, 0.3, 1.5)] == [6, 30, 9, 1]


def test_other_code_is_refused() -> None:
    own = identity()
    check_identity(own, own, "worker 0")
    check_identity({**own, "commit": ""}, own, "worker 0")  # installed from a wheel
    other = {"sleight": "0.0.1", "commit": "abc+", "code": "0" * 12}
    with pytest.raises(
        ConfigError, match=r"worker 3: got sleight 0\.0\.1, commit abc\+, code 0{12}"
    ):
        check_identity(other, own, "worker 3")
