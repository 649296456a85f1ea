"""Windows that are drawn from the replay memory, against a loop over everything that was added."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from sleight.train.algorithms.off_policy.replay_memory import Replay, Sample, Steps

T, N, GAMMA = 6, 5, 0.9


class Story:
    """Steps of N worlds in one row; observations tell their own step and world."""

    def __init__(self, batches: int, seed: int = 0) -> None:
        rng = torch.Generator().manual_seed(seed)
        shape = (batches * T, N)
        chance = torch.rand(shape, generator=rng)
        self.reward = torch.randn(shape, generator=rng)
        self.terminated, self.truncated = chance < 0.1, (chance > 0.08) & (chance < 0.2)
        step, world = torch.meshgrid(*map(torch.arange, (shape[0] + 1, N)), indexing="ij")
        self.seen = torch.stack((step, world), dim=-1).float()
        self.broken: set[tuple[int, int]] = set()
        """Steps and worlds after which another world continues."""

    def batch(self, index: int) -> Steps:
        """The steps of one batch."""
        part = slice(index * T, (index + 1) * T)
        longer = slice(index * T, (index + 1) * T + 1)
        return Steps(
            actor=self.seen[part],
            critic=torch.cat((self.seen, -self.seen), dim=-1)[longer],
            action=self.seen[part] * 2,
            reward=self.reward[part],
            terminated=self.terminated[part],
            truncated=self.truncated[part],
        )

    def expected(self, step: int, world: int, n_steps: int, end: int) -> tuple[float, float, int]:
        """Sum of rewards, discount, and the step whose state is asked, of the window of a step.

        end: how many steps have been added.
        """
        total, discount = 0.0, 1.0
        for at in range(step, step + n_steps):
            terminated, truncated = self.terminated[at, world], self.truncated[at, world]
            known = at + 1 < end and not truncated and (at, world) not in self.broken
            if not (terminated or known):
                return total, discount, at
            total += discount * float(self.reward[at, world])
            if terminated:
                return total, 0.0, at + 1
            discount *= GAMMA
        return total, discount, step + n_steps


def _check(story: Story, sample: Sample, n_steps: int, end: int) -> Tensor:
    """Compare every window with the loop; returns the steps they begin with."""
    steps, worlds = sample.actor.long().T
    for row in range(len(steps)):
        step, world = int(steps[row]), int(worlds[row])
        total, discount, last = story.expected(step, world, n_steps, end)
        assert float(sample.reward[row]) == pytest.approx(total, abs=1e-5)
        assert float(sample.discount[row]) == pytest.approx(discount, abs=1e-6)
        assert bool(sample.weight[row]) == (last > step)
        assert sample.action[row].tolist() == [2 * step, 2 * world]
        if discount:
            assert sample.next_actor[row].tolist() == [last, world]
            assert sample.next_critic[row].tolist() == [last, world, -last, -world]
    return steps


@pytest.mark.parametrize("n_steps", [1, 3, 8])
@pytest.mark.parametrize("capacity", [10**6, 20 * N])
def test_windows_are_those_of_a_loop(n_steps: int, capacity: int) -> None:
    """With room for all steps, and with a ring that begins anew in the middle of a batch."""
    story, replay = Story(7), Replay(capacity)
    rng = torch.Generator().manual_seed(1)
    for index in range(7):
        replay.add(story.batch(index))
        end = (index + 1) * T
        assert replay.steps == min(end * N, capacity // N * N)
        steps = _check(story, replay.sample(400, n_steps, GAMMA, rng), n_steps, end)
        assert steps.min() == max(0, end - capacity // N) and steps.max() == end - 1


def test_terminations_truncations_and_whole_windows_all_occur() -> None:
    """Or the comparison would say little."""
    replay = Replay(10**6)
    for index in range(7):
        replay.add(Story(7).batch(index))
    sample = replay.sample(2000, 3, GAMMA, torch.Generator().manual_seed(1))
    for value in (0.0, GAMMA, GAMMA**2, GAMMA**3):
        assert (sample.discount - value).abs().lt(1e-6).float().mean() > 0.02
    assert 0.02 < (sample.weight == 0).float().mean() < 0.3


def test_a_window_does_not_go_on_in_another_world() -> None:
    """Workers bring their worlds in any order: here world 0 comes again, and the others do not."""
    story, replay = Story(2), Replay(10**6)
    replay.add(story.batch(0))
    second = story.batch(1)
    critic = second.critic.clone()
    critic[0, 1:] += 0.5
    replay.add(replace(second, critic=critic))
    story.broken = {(T - 1, world) for world in range(1, N)}
    sample = replay.sample(2000, 3, GAMMA, torch.Generator().manual_seed(1))
    whole = (sample.next_critic % 1 == 0).all(dim=-1)
    _check(story, Sample(**{n: v[whole] for n, v in vars(sample).items()}), 3, 2 * T)


def test_another_number_of_worlds_begins_a_new_memory() -> None:
    """A run may be resumed with more workers."""
    story, replay = Story(2), Replay(10**6)
    replay.add(story.batch(0))
    wide = {name: torch.cat((value, value), dim=1) for name, value in vars(story.batch(1)).items()}
    replay.add(Steps(**wide))
    assert replay.steps == T * 2 * N
    drawn = replay.sample(400, 1, GAMMA, torch.Generator().manual_seed(1)).actor[:, 0]
    assert (drawn.min(), drawn.max()) == (T, 2 * T - 1)


def test_saved_and_loaded_it_draws_the_same() -> None:
    story, replay, other = Story(5), Replay(20 * N), Replay(20 * N)
    for index in range(4):
        replay.add(story.batch(index))
    tensors, data = replay.state()
    tensors = {name: value.clone() for name, value in tensors.items()}
    other.load_state(tensors, data, torch.device("cpu"))
    for each in (replay, other):
        each.add(story.batch(4))
    one, two = (
        each.sample(100, 3, GAMMA, torch.Generator().manual_seed(2)) for each in (replay, other)
    )
    assert all(torch.equal(value, vars(two)[name]) for name, value in vars(one).items())
