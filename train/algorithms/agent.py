"""The networks of a run, sized by the environment that they act in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from ...envs.env import HandEnv
from ...envs.mdp.observations import Sizes, Term
from ...errors import ConfigError
from ...policies.actor import Actor
from ...policies.config import PolicyConfig
from ...policies.critic import Critic
from ...policies.encoders import TermShape


@dataclass(frozen=True)
class Agent:
    """Actor and critic."""

    actor: Actor
    critic: Critic

    def to(self, device: torch.device | str) -> Agent:
        """The same networks, moved to a device. Raises ConfigError if there is no such device."""
        try:
            self.actor.to(device)
            self.critic.to(device)
        except (RuntimeError, AssertionError) as error:  # as torch says it
            allowed = "cpu or cuda" if torch.cuda.is_available() else "cpu; torch sees no GPU here"
            raise ConfigError(f"train.device: got {device}, allowed: {allowed}") from error
        return self


def term_shapes(terms: Sequence[Term], sizes: Sizes) -> dict[str, TermShape]:
    """Term -> shape and kind; terms that are empty in this run are left out."""
    shapes = {term.name: TermShape(term.shape_in(sizes), term.kind) for term in terms}
    return {name: term for name, term in shapes.items() if term.size}


def term_sizes(env: HandEnv) -> dict[str, dict[str, TermShape]]:
    """Group -> `term_shapes`."""
    return {group: term_shapes(terms, env.sizes) for group, terms in env.terms.items()}


def build_agent(config: PolicyConfig, env: HandEnv, seed: int) -> Agent:
    """New networks for this environment, the same for the same seed."""
    return sized_agent(config, term_sizes(env), len(env.hand.actuators), seed)


def sized_agent(
    config: PolicyConfig, sizes: dict[str, dict[str, TermShape]], actuators: int, seed: int
) -> Agent:
    """`build_agent` where the environment is elsewhere; sizes: see `term_sizes`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        actor = Actor(config, sizes["actor"], actuators)
        critic = Critic(config, sizes["critic"])
    return Agent(actor, critic)
