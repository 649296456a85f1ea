"""A batch of experience: what collection gives, and what an algorithm learns from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from ...envs.episode import Episode
from ...policies.actor import Carry

Terms = dict[str, Tensor]


@dataclass(frozen=True)
class Batch:
    """T steps of N worlds."""

    version: int
    """Version of the policy that acted; of the oldest one, where several collected the batch."""
    actor: Terms
    """Term -> (T, N, size): the observations of the actor."""
    critic: Terms
    """Term -> (T + 1, N, size): the observations of the critic, after the last step included."""
    raw: Tensor
    """(T, N, A): the sampled actions, as the distribution scores them (before clipping)."""
    log_prob: Tensor
    reward: Tensor
    """(T, N) each."""
    terminated: Tensor
    truncated: Tensor
    """(T, N) bool: the step ended its episode."""
    starts: Tensor
    """(T, N) bool: the step is the first of its episode."""
    carries: tuple[Carry, ...]
    """The recurrent state (N, hidden) before every sequence of `rollout.bptt_steps`."""
    final_index: Tensor
    """(K, 2): step and world of each truncation."""
    final: Terms
    """Term -> (K, size): the observations of the critic in the truncated states."""
    episodes: tuple[Episode, ...]
    sim_seconds: float
    """Time in physics [s]; the mean, where several workers collected the batch."""
    seconds: float
    """Time of collection [s]."""
    episode_ids: tuple[int, ...] = ()
    """IDs of `episodes`, unique in the run; () where none can be reported twice."""
    labels: Terms = field(default_factory=dict)
    """Parameter of the teacher's distribution -> (T, N, ...); {} without a teacher."""
    student_share: float = 1.0
    """Fraction of the steps in which the policy that learns has acted, and not its teacher."""
    broken: int = 0
    """Worlds that were reset because their physics diverged."""

    @property
    def steps(self) -> int:
        """Control steps in the batch."""
        return self.reward.numel()


def on_device(batch: Batch, device: torch.device | str) -> Batch:
    """The batch with its tensors on a device."""
    if batch.reward.device == torch.device(device):
        return batch

    def move(tensor: Tensor) -> Tensor:
        return tensor.to(device)

    values = {field.name: getattr(batch, field.name) for field in fields(batch)}
    return Batch(**map_leaves(values, Tensor, move))


def map_leaves(value: Any, kind: type, change: Callable[[Any], Any]) -> Any:
    """`value` with `change` made to everything of a kind, inside dicts and tuples too."""
    if isinstance(value, kind):
        return change(value)
    if isinstance(value, dict):
        return {name: map_leaves(part, kind, change) for name, part in value.items()}
    if isinstance(value, tuple):
        return tuple(map_leaves(part, kind, change) for part in value)
    return value


def concatenate(parts: Sequence[Batch]) -> Batch:
    """Batches of equal T side by side: their worlds follow each other in the order of `parts`."""
    first = parts[0]
    if len(parts) == 1:
        return first
    sizes = [part.reward.shape[1] for part in parts]
    offsets = [sum(sizes[:index]) for index in range(len(parts))]
    placed = list(zip(parts, offsets, strict=True))
    carries = zip(*(part.carries for part in parts), strict=True)
    return Batch(
        version=min(part.version for part in parts),
        actor=_join([part.actor for part in parts], 1),
        critic=_join([part.critic for part in parts], 1),
        **{name: torch.cat([getattr(part, name) for part in parts], 1) for name in _WORLDS},
        carries=tuple(tuple(map(torch.cat, zip(*chunk, strict=True))) for chunk in carries),
        final_index=torch.cat(
            [p.final_index + p.final_index.new_tensor([0, at]) for p, at in placed]
        ),
        final=_join([part.final for part in parts], 0),
        episodes=tuple(replace(e, world=e.world + at) for p, at in placed for e in p.episodes),
        sim_seconds=sum(part.sim_seconds for part in parts) / len(parts),
        seconds=max(part.seconds for part in parts),
        episode_ids=tuple(number for part in parts for number in part.episode_ids),
        labels=_join([part.labels for part in parts], 1),
        student_share=sum(part.student_share for part in parts) / len(parts),
        broken=sum(part.broken for part in parts),
    )


def split(batch: Batch, parts: int) -> list[Batch]:
    """`parts` batches of nearly equal numbers of worlds; the inverse of `concatenate`."""
    edges = [batch.reward.shape[1] * part // parts for part in range(parts + 1)]
    return [_worlds(batch, first, end) for first, end in pairwise(edges)]


def _worlds(batch: Batch, first: int, end: int) -> Batch:
    """Worlds `first` to `end - 1` of a batch."""
    final = (batch.final_index[:, 1] >= first) & (batch.final_index[:, 1] < end)
    own = [at for at, episode in enumerate(batch.episodes) if first <= episode.world < end]
    episodes = (batch.episodes[at] for at in own)
    return replace(
        batch,
        actor={name: value[:, first:end].contiguous() for name, value in batch.actor.items()},
        critic={name: value[:, first:end].contiguous() for name, value in batch.critic.items()},
        **{name: getattr(batch, name)[:, first:end].contiguous() for name in _WORLDS},
        carries=tuple(tuple(part[first:end] for part in carry) for carry in batch.carries),
        final_index=batch.final_index[final] - batch.final_index.new_tensor([0, first]),
        final={name: value[final] for name, value in batch.final.items()},
        episodes=tuple(replace(episode, world=episode.world - first) for episode in episodes),
        episode_ids=tuple(batch.episode_ids[at] for at in own) if batch.episode_ids else (),
        labels={name: value[:, first:end].contiguous() for name, value in batch.labels.items()},
    )


_WORLDS = ("raw", "log_prob", "reward", "terminated", "truncated", "starts")


def _join(parts: Sequence[Terms], dim: int) -> Terms:
    return {name: torch.cat([part[name] for part in parts], dim) for name in parts[0]}


def advantages(
    reward: Tensor,
    value: Tensor,
    final_value: Tensor,
    terminated: Tensor,
    truncated: Tensor,
    gamma: float,
    gae_lambda: float,
) -> tuple[Tensor, Tensor]:
    """Generalized advantage estimation, and the returns (T, N) that it implies.

    value: (T + 1, N). final_value: (T, N), the value of the state that a truncation cut short,
    elsewhere unused. A termination is worth nothing afterwards; a truncation is worth its final
    value; either way nothing leaks from the next episode (equations 11 and 16 of 1506.02438).
    """
    done = terminated | truncated
    following = torch.where(truncated, final_value, value[1:]) * ~terminated
    delta = reward + gamma * following - value[:-1]
    advantage = torch.zeros_like(reward)
    ahead = torch.zeros_like(reward[0])
    for step in range(len(reward) - 1, -1, -1):
        ahead = delta[step] + gamma * gae_lambda * ahead * ~done[step]
        advantage[step] = ahead
    return advantage, advantage + value[:-1]
