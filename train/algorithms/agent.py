"""The networks of a run, sized by the environment that they act in."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ...envs.env import HandEnv
from ...policies.actor import Actor
from ...policies.config import PolicyConfig
from ...policies.critic import Critic


@dataclass(frozen=True)
class Agent:
    """Actor and critic."""

    actor: Actor
    critic: Critic


def term_sizes(env: HandEnv) -> dict[str, dict[str, int]]:
    """Group -> term -> size; terms that are empty in this run are left out."""
    return {
        group: {
            term.name: term.size or len(env.source.names)
            for term in terms
            if term.size or env.source.names
        }
        for group, terms in env.terms.items()
    }


def build_agent(config: PolicyConfig, env: HandEnv, seed: int) -> Agent:
    """New networks for this environment, the same for the same seed."""
    return sized_agent(config, term_sizes(env), len(env.hand.actuators), seed)


def sized_agent(
    config: PolicyConfig, sizes: dict[str, dict[str, int]], actuators: int, seed: int
) -> Agent:
    """`build_agent` where the environment is elsewhere; sizes: see `term_sizes`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        actor = Actor(config, sizes["actor"], actuators)
        critic = Critic(config, sizes["critic"])
    return Agent(actor, critic)
