"""What the learner makes of a collected batch is what the worker saw."""

from dataclasses import replace

import pytest
import torch

from sleight.train.algorithms.ppo import PpoConfig
from sleight.train.algorithms.sequences import Sequences
from sleight.train.config import TrainConfig
from sleight.train.rollout.batch import Batch
from sleight.train.rollout.in_process import build
from sleight.train.runs.training_loop import Training


def _collected(config: TrainConfig, memory: str, head: str) -> tuple[Training, Batch]:
    policy = replace(config.policy, memory=memory, head=head)
    training = build(replace(config, policy=policy))
    for _ in range(2):  # the second batch begins in the middle of episodes, with normalizers set
        training.iterate()
    with torch.no_grad():
        training.agent.actor.head.weight.mul_(100.0)  # so that what is remembered matters
    training.sampler.publish(7, {}, training.adr)
    return training, training.sampler.next()


@pytest.mark.parametrize("memory", ["lstm", "none"])
@pytest.mark.parametrize("head", ["bins", "gaussian"])
@pytest.mark.parametrize("task", ["reach", "block"])
def test_replay_gives_the_probabilities_that_the_worker_saw(
    task: str, head: str, memory: str, request: pytest.FixtureRequest
) -> None:
    training, batch = _collected(request.getfixturevalue(f"{task}_config"), memory, head)
    inside = batch.starts.clone()
    inside[:: training.config.rollout.bptt_steps] = False
    assert inside.any(), "no episode begins inside a chunk: the test would show nothing"
    actor, chunk = training.agent.actor, training.config.rollout.bptt_steps
    seen = actor.embedding.inputs(batch.actor)
    sequences = Sequences(batch, seen, seen, batch.reward, batch.reward, chunk)
    part = sequences.take(torch.randperm(sequences.count))
    with torch.no_grad():
        replayed = actor.replay(part.actor, part.carry, part.starts)
    torch.testing.assert_close(replayed.log_prob(part.raw), part.log_prob, atol=1e-5, rtol=1e-5)
    assert float(part.log_prob.std()) > 0.1


def test_an_update_starts_from_a_ratio_of_one(reach_config: TrainConfig) -> None:
    """Normalizers move with every batch, but only after it was replayed as it had been seen."""
    training = build(reach_config.with_block(PpoConfig(epochs=1, minibatches=1)))
    training.iterate()  # the first batch of all sets the normalizers, before it is replayed
    for _ in range(3):
        row = training.iterate()
        assert abs(row["kl"]) < 1e-6
        assert row["clip_fraction"] == 0.0


def test_a_batch_is_what_happened(reach_config: TrainConfig) -> None:
    _, batch = _collected(reach_config, "lstm", "bins")
    horizon, worlds = reach_config.rollout.horizon, reach_config.env.num_worlds
    assert batch.version == 7
    assert batch.steps == horizon * worlds
    assert batch.raw.shape == (horizon, worlds, 20)
    assert {len(term) for term in batch.critic.values()} == {horizon + 1}
    assert len(batch.carries) == horizon // reach_config.rollout.bptt_steps
    # An episode begins where one ended the step before.
    ended = batch.terminated | batch.truncated
    assert torch.equal(batch.starts[1:], ended[:-1])
    assert len(batch.episodes) == int(ended.sum()) > 0
    # `reach` is never dropped, so every end is cut short, and the state that it was cut at is kept.
    steps, found = batch.final_index.T
    assert torch.equal(torch.stack(torch.where(batch.truncated)).T, batch.final_index)
    for step, world in zip(steps.tolist(), found.tolist(), strict=True):
        assert batch.truncated[step, world]
        row = int(((steps == step) & (found == world)).nonzero())
        last = batch.final["joint_position"][row]
        assert not torch.equal(last, batch.critic["joint_position"][step + 1, world])
        # One control step moves a joint by less than the reset to a random pose does.
        moved = (last - batch.critic["joint_position"][step, world]).abs().max()
        assert moved < 1.0
    # What the actor sees at a step is what the critic sees then: `reach` has no noise.
    for name, term in batch.actor.items():
        assert torch.equal(term, batch.critic[name][:-1])


def test_batches_go_on_where_the_last_one_ended(reach_config: TrainConfig) -> None:
    training, first = _collected(reach_config, "lstm", "bins")
    second = training.sampler.next()
    for name, term in second.critic.items():
        assert torch.equal(term[0], first.critic[name][-1])
    ended = first.terminated[-1] | first.truncated[-1]
    assert torch.equal(second.starts[0], ended)
    assert torch.equal(second.carries[0][0][ended], torch.zeros_like(second.carries[0][0][ended]))
    assert (second.carries[0][0][~ended].abs().sum(dim=-1) > 0).all()
