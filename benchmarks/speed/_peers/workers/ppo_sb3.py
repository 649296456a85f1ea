"""sb3-contrib's RecurrentPPO: an LSTM for the actor, a feed-forward critic on the same terms.

It has no truncated BPTT: sequences are as long as the rollout.
"""

import math
import sys
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from hands import LEARNING_RATE, Hands, counts, recipe
from sb3_contrib import RecurrentPPO
from serve import serve
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.vec_env import VecEnv, VecNormalize

from sleight.train.algorithms.ppo import PpoConfig


class VecHands(VecEnv):
    """`Hands` as Stable-Baselines3 wants a vector of environments."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands
        space = spaces.Box(-np.inf, np.inf, (hands.size,), np.float32)
        super().__init__(hands.count, space, hands.action_space)

    def reset(self) -> np.ndarray:
        return self._hands.reset()

    def step_async(self, actions: np.ndarray) -> None:
        self._actions = actions

    def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        seen, reward, terminated, truncated, last = self._hands.step(self._actions)
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for world in (terminated | truncated).nonzero()[0]:
            limit = bool(truncated[world] and not terminated[world])
            infos[world] = {"terminal_observation": last[world], "TimeLimit.truncated": limit}
        return seen, reward.astype(np.float32), terminated | truncated, infos

    def close(self) -> None:
        pass

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        return [None] * self.num_envs

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        raise NotImplementedError

    def env_method(self, method_name: str, *args: Any, **kwargs: Any) -> list[Any]:
        raise NotImplementedError

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        return [False] * self.num_envs


class Embedding(BaseFeaturesExtractor):
    """A linear map and a ReLU, as ours before the LSTM."""

    def __init__(self, space: spaces.Box, width: int) -> None:
        super().__init__(space, width)
        self._net = torch.nn.Sequential(torch.nn.Linear(space.shape[0], width), torch.nn.ReLU())

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        return self._net(seen)


def main(variant: str, worlds: str, threads: str) -> None:
    """Serve."""
    config = recipe(worlds, threads)
    torch.set_num_threads(config.threads)
    ppo, policy = config.block(PpoConfig), config.policy
    hands, horizon = Hands(config.env), config.rollout.horizon
    env = VecNormalize(VecHands(hands), gamma=ppo.gamma, clip_obs=policy.observation_clip)
    model = RecurrentPPO(
        "MlpLstmPolicy",
        env,
        n_steps=horizon,
        batch_size=horizon * hands.count // ppo.minibatches,
        n_epochs=ppo.epochs,
        learning_rate=LEARNING_RATE,
        gamma=ppo.gamma,
        gae_lambda=ppo.gae_lambda,
        clip_range=ppo.clip_range,
        max_grad_norm=ppo.max_grad_norm,
        device="cpu",
        seed=0,
        policy_kwargs={
            "lstm_hidden_size": policy.hidden_size,
            "enable_critic_lstm": False,
            "net_arch": {"pi": [], "vf": [policy.critic_layers[-1]]},
            "features_extractor_class": Embedding,
            "features_extractor_kwargs": {"width": policy.embedding_size},
            "share_features_extractor": False,
            "log_std_init": math.log(policy.initial_std),
        },
    )

    def step() -> int:
        before = model.num_timesteps
        model.learn(horizon * hands.count, reset_num_timesteps=False)
        return int(model.num_timesteps - before)

    packages = ("sb3-contrib", "stable-baselines3", "torch")
    serve(step, packages, counts, period_s=config.env.period_s)


if __name__ == "__main__":
    main(*sys.argv[1:])
