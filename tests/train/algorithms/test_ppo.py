"""What steers the learner: the KL divergence, the clipping of gradients, the entropy's schedule."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from sleight.train.algorithms.ppo import Ppo
from sleight.train.algorithms.sequences import Sequences, shuffled
from sleight.train.rollout.batch import Batch


def _weights(learner: Ppo) -> dict[str, torch.Tensor]:
    parts = {"actor": learner.actor, "critic": learner.critic}
    return {
        f"{part}.{name}": value.clone()
        for part, module in parts.items()
        for name, value in module.state_dict().items()
    }


def _same(one: Ppo, two: Ppo) -> bool:
    others = _weights(two)
    return all(torch.equal(value, others[name]) for name, value in _weights(one).items())


def _rates(learner: Ppo) -> set[float]:
    return {group["lr"] for group in learner.optimizer.param_groups}


@pytest.mark.parametrize(
    ("target", "factor"), [((1e6, 2e6), 1.3), ((-2.0, -1.0), 1 / 1.5), ((-1.0, 1e6), 1.0)]
)
def test_the_rate_follows_the_kl(
    learn: Any, batch: Batch, target: tuple[float, float], factor: float
) -> None:
    learner = learn(learning_rate=3e-4, kl_target=target)
    row = learner.update(batch, 0.0)
    assert row["learning_rate"] == pytest.approx(3e-4 * factor)
    assert _rates(learner) == {row["learning_rate"]}


def test_the_rate_stays_within_its_limits(learn: Any, batch: Batch) -> None:
    rising = learn(learning_rate=3e-4, learning_rate_limits=(1e-4, 3.5e-4), kl_target=(1e6, 2e6))
    falling = learn(learning_rate=3e-4, learning_rate_limits=(2.5e-4, 1e-3), kl_target=(-2.0, -1.0))
    for _ in range(2):
        up, down = (learner.update(batch, 0.0) for learner in (rising, falling))
    assert (up["learning_rate"], down["learning_rate"]) == (3.5e-4, 2.5e-4)


def test_an_epoch_of_too_large_a_kl_is_the_last(learn: Any, batch: Batch) -> None:
    assert learn(epochs=4, kl_stop=10.0).update(batch, 0.0)["epochs"] == 4.0
    stopped = learn(epochs=4, kl_stop=1e-9, learning_rate=1e-3)
    row = stopped.update(batch, 0.0)
    assert row["epochs"] == 1.0 and row["kl"] > 1e-9
    assert _same(stopped, _updated(learn(epochs=1, learning_rate=1e-3), batch))


def _updated(learner: Ppo, batch: Batch) -> Ppo:
    learner.update(batch, 0.0)
    return learner


def test_gradients_of_actor_and_critic_are_each_clipped(learn: Any, batch: Batch) -> None:
    learner = learn(max_grad_norm=1e-3, epochs=1, minibatches=1)
    row = learner.update(batch, 0.0)
    assert row["grad_norm"] > 1e-3  # as it was before
    for module in (learner.actor, learner.critic):
        assert _norm(module) == pytest.approx(1e-3, rel=1e-3)


def _norm(module: nn.Module) -> float:
    grads = [p.grad.flatten() for p in module.parameters() if p.grad is not None]
    return float(torch.cat(grads).norm())


def test_the_entropy_bonus_goes_in_a_line_from_first_to_last_step(learn: Any, batch: Batch) -> None:
    moving, fixed = learn(entropy_coefficient=(0.2, 1.0)), learn(entropy_coefficient=(0.4, 0.4))
    moving.update(batch, 0.25)
    fixed.update(batch, 0.9)
    assert _same(moving, fixed)
    other = learn(entropy_coefficient=(0.2, 1.0))
    other.update(batch, 0.75)
    assert not _same(other, fixed)


def test_the_entropy_bonus_raises_the_entropy(learn: Any, batch: Batch) -> None:
    def after(bonus: float) -> float:
        learner = learn(
            entropy_coefficient=(bonus, bonus),
            epochs=4,
            learning_rate=1e-3,
            learning_rate_limits=(1e-3, 1e-3),
        )
        learner.update(batch, 0.0)
        return float(learner.update(batch, 0.0)["entropy"])

    assert after(1.0) > after(0.0) > after(-1.0)


def test_saved_and_loaded_it_learns_the_same(learn: Any, batch: Batch) -> None:
    learner = learn()
    learner.update(batch, 0.0)
    tensors, data = learner.state()
    tensors = {name: value.clone() for name, value in tensors.items()}
    copy = learn(learning_rate=1.0)
    copy.actor.load_state_dict(learner.actor.state_dict())
    copy.critic.load_state_dict(learner.critic.state_dict())
    copy.load_state(tensors, data)
    assert learner.update(batch, 0.5) == copy.update(batch, 0.5)
    assert _same(learner, copy)


@pytest.fixture(scope="module")
def sequences(batch: Batch) -> Sequences:
    # Numbers that tell their own step and world.
    steps, worlds = torch.meshgrid(*map(torch.arange, batch.reward.shape), indexing="ij")
    state = batch.critic["target"][:-1]
    return Sequences(batch, batch.actor["target"], state, steps.float(), worlds.float(), 8)


def test_a_sequence_is_consecutive_steps_of_one_world(sequences: Sequences, batch: Batch) -> None:
    part = sequences.take(torch.arange(sequences.count))
    step, world = part.advantage.long(), part.target.long()
    assert step.shape == (8, 16)  # 16 steps of 8 worlds
    assert torch.equal(step[1:] - step[:-1], torch.ones(7, 16, dtype=torch.long))
    assert (step[0] % 8 == 0).all()
    assert (world == world[0]).all()
    assert torch.equal(part.raw, batch.raw[step, world])
    assert torch.equal(part.actor, batch.actor["target"][step, world])
    assert torch.equal(part.critic, batch.critic["target"][step, world])
    for index in range(16):
        carry = batch.carries[int(step[0, index]) // 8]
        for mine, theirs in zip(part.carry, carry, strict=True):
            assert torch.equal(mine[index], theirs[world[0, index]])


def test_an_epoch_takes_every_sequence_once(sequences: Sequences) -> None:
    generator = torch.Generator().manual_seed(0)
    epochs = [list(shuffled([sequences.count], 0, 3, generator)) for _ in range(2)]
    assert [weight for _, weight in epochs[0]] == [1.0] * 3
    first, second = ([part for part, _ in epoch] for epoch in epochs)
    assert [len(part) for part in first] == [6, 5, 5]
    assert torch.equal(torch.cat(first).sort().values, torch.arange(16))
    assert not torch.equal(torch.cat(first), torch.cat(second))


def test_learners_share_the_minibatches_of_an_epoch() -> None:
    counts, values = (7, 12), [torch.arange(7.0), 100 + torch.arange(12.0)]
    epochs = [
        list(shuffled(counts, rank, 3, torch.Generator().manual_seed(5))) for rank in range(2)
    ]
    for rank, count in enumerate(counts):
        taken = torch.cat([index for index, _ in epochs[rank]])
        assert torch.equal(taken.sort().values, torch.arange(count))
    for (one, weight), (two, other) in zip(*epochs, strict=True):
        parts = [values[0][one], values[1][two]]
        mean = (parts[0].mean() * weight + parts[1].mean() * other) / 2
        assert float(mean) == pytest.approx(float(torch.cat(parts).mean()))


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_rewarded_actions_become_likelier(learn: Any, batch: Batch, sign: float) -> None:
    """The reward is one motor's action, at once and without a future: its mode follows."""
    learner = learn(
        gamma=0.0, epochs=10, learning_rate=6e-3, learning_rate_limits=(6e-3, 6e-3), kl_stop=10.0
    )

    def motor(raw: torch.Tensor | None) -> torch.Tensor:
        with torch.no_grad():
            distribution = learner.actor.unroll(batch.actor, batch.carries[0], batch.starts)
            return distribution.action(distribution.mode() if raw is None else raw)[..., 5]

    before = motor(None).mean()
    learner.update(replace(batch, reward=sign * motor(batch.raw)), 0.0)
    assert sign * (motor(None).mean() - before) > 0.05


def test_the_kl_that_is_aimed_at_shrinks_evenly(learn: Any, batch: Batch) -> None:
    kl = learn(epochs=1, learning_rate=5e-4).update(batch, 0.0)["kl"]
    assert kl > 0.0
    # The band [kl / 2, 2 kl] holds kl; times 0.55, halfway to 0.1, its upper end still
    # does; at a tenth no more.
    rates = [
        learn(epochs=1, learning_rate=5e-4, kl_target=(kl / 2, 2 * kl), kl_final=0.1).update(
            batch, progress
        )
        for progress in (0.0, 0.5, 1.0)
    ]
    assert [row["learning_rate"] for row in rates] == pytest.approx([5e-4, 5e-4, 5e-4 / 1.5])
