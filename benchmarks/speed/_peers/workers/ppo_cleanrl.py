"""PPO with an LSTM in one file, after CleanRL's `ppo_atari_lstm.py` and `ppo_continuous_action.py`
(Huang et al. 2022, MIT license): sequences as long as the rollout, minibatches of whole worlds.
"""

import math
import sys

import torch
from hands import LEARNING_RATE, Hands, counts, recipe
from serve import serve
from torch import Tensor, nn

from sleight.policies.embedding import Normalizer
from sleight.train.algorithms.ppo import PpoConfig
from sleight.train.config import TrainConfig

State = tuple[Tensor, Tensor]


class Agent(nn.Module):
    """Actor with an LSTM, and a feed-forward critic."""

    def __init__(self, size: int, actions: int, config: TrainConfig) -> None:
        super().__init__()
        policy = config.policy
        width, hidden, inner = policy.embedding_size, policy.hidden_size, policy.critic_layers
        self.clip, self.normalizer = policy.observation_clip, Normalizer(size)
        self.embedding = nn.Sequential(nn.Linear(size, width), nn.ReLU())
        self.lstm, self.mean = nn.LSTM(width, hidden), nn.Linear(hidden, actions)
        nn.init.orthogonal_(self.mean.weight, 0.01)
        self.log_std = nn.Parameter(torch.full((actions,), math.log(policy.initial_std)))
        layers = [nn.Linear(size, inner[0]), nn.ReLU(), nn.Linear(inner[0], inner[1]), nn.ReLU()]
        self.critic = nn.Sequential(*layers, nn.Linear(inner[1], 1))

    def normal(self, seen: Tensor) -> Tensor:
        """Observations, normalized and clipped."""
        scale = (self.normalizer.variance + 1e-6).rsqrt()
        return ((seen - self.normalizer.mean) * scale).clamp(-self.clip, self.clip)

    def act(
        self, seen: Tensor, state: State, starts: Tensor
    ) -> tuple[torch.distributions.Normal, State]:
        """Distribution of T steps of N worlds; the memory is empty where an episode starts."""
        outputs = []
        for features, start in zip(self.embedding(seen), starts, strict=True):
            kept = (1.0 - start)[None, :, None]
            output, state = self.lstm(features[None], (kept * state[0], kept * state[1]))
            outputs.append(output)
        mean = self.mean(torch.cat(outputs))
        return torch.distributions.Normal(mean, self.log_std.exp().expand_as(mean)), state


class Learner:
    """Rollouts of T steps of N worlds, and epochs over them."""

    def __init__(self, config: TrainConfig) -> None:
        self.ppo, self.hands = config.block(PpoConfig), Hands(config.env)
        self.horizon, count = config.rollout.horizon, self.hands.count
        torch.manual_seed(0)
        self.agent = Agent(self.hands.size, self.hands.action_space.shape[0], config)
        self.optimizer = torch.optim.Adam(self.agent.parameters(), lr=LEARNING_RATE, eps=1e-5)
        self.seen, self.start = torch.from_numpy(self.hands.reset()), torch.zeros(count)
        hidden = config.policy.hidden_size
        self.state = torch.zeros(1, count, hidden), torch.zeros(1, count, hidden)
        self.returns, self.scale = torch.zeros(count), Normalizer(1)

    def iterate(self) -> int:
        """One rollout and its epochs; returns the number of control steps."""
        first = tuple(part.clone() for part in self.state)
        rows = [self._act() for _ in range(self.horizon)]
        seen, starts, actions, log_prob, value, reward, bootstrap = map(
            torch.stack, zip(*rows, strict=True)
        )
        with torch.no_grad():
            following = torch.cat([value[1:], self._value(self.seen)[None]])
        ends = torch.cat([starts[1:], self.start[None]])
        advantage = self._advantages(reward + self.ppo.gamma * bootstrap, value, following, ends)
        batch = seen, starts, actions, log_prob, advantage, advantage + value
        for _ in range(self.ppo.epochs):
            for worlds in torch.randperm(self.hands.count).chunk(self.ppo.minibatches):
                part = [rows[:, worlds] for rows in batch]
                self._descend(part, tuple(each[:, worlds] for each in first))
        self.agent.normalizer.update(seen)
        return self.horizon * self.hands.count

    @torch.no_grad()
    def _act(self) -> tuple[Tensor, ...]:
        seen, start, ppo = self.seen, self.start, self.ppo
        distribution, self.state = self.agent.act(
            self.agent.normal(seen)[None], self.state, start[None]
        )
        action = distribution.sample()
        log_prob, value = distribution.log_prob(action).sum(-1)[0], self._value(seen)
        following, reward, terminated, truncated, last = self.hands.step(
            action[0].clamp(-1, 1).numpy()
        )
        cut = torch.from_numpy(truncated & ~terminated).float()
        bootstrap = cut * self._value(torch.from_numpy(last)) if cut.any() else cut
        self.start = torch.from_numpy(terminated | truncated).float()
        gain = torch.from_numpy(reward).float()
        self.returns = self.returns * ppo.gamma + gain
        self.scale.update(self.returns[:, None])
        self.returns *= 1.0 - self.start
        self.seen = torch.from_numpy(following)
        gain = (gain * (self.scale.variance + 1e-8).rsqrt()).clamp(-10.0, 10.0)
        return seen, start, action[0], log_prob, value, gain, bootstrap

    def _value(self, seen: Tensor) -> Tensor:
        return self.agent.critic(self.agent.normal(seen)).squeeze(-1)

    def _advantages(self, reward: Tensor, value: Tensor, following: Tensor, ends: Tensor) -> Tensor:
        ppo, advantage = self.ppo, torch.zeros_like(reward)
        last = torch.zeros_like(reward[0])
        for now in reversed(range(self.horizon)):
            goes_on = 1.0 - ends[now]
            delta = reward[now] + ppo.gamma * following[now] * goes_on - value[now]
            last = advantage[now] = delta + ppo.gamma * ppo.gae_lambda * goes_on * last
        return advantage

    def _descend(self, part: list[Tensor], state: State) -> None:
        seen, starts, actions, log_prob, advantage, target = part
        distribution, _ = self.agent.act(self.agent.normal(seen), state, starts)
        ratio = (distribution.log_prob(actions).sum(-1) - log_prob).exp()
        advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
        clipped = ratio.clamp(1 - self.ppo.clip_range, 1 + self.ppo.clip_range)
        loss = -torch.minimum(ratio * advantage, clipped * advantage).mean()
        loss = loss + 0.5 * (self._value(seen) - target).square().mean()
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.agent.parameters(), self.ppo.max_grad_norm)
        self.optimizer.step()


def main(variant: str, worlds: str, threads: str) -> None:
    """Serve."""
    config = recipe(worlds, threads)
    torch.set_num_threads(config.threads)
    learner = Learner(config)
    serve(learner.iterate, ("torch",), counts, period_s=config.env.period_s)


if __name__ == "__main__":
    main(*sys.argv[1:])
