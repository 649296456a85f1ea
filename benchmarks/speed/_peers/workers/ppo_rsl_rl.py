"""rsl_rl's PPO on the CPU: an LSTM and a hidden layer after it for the actor, and its own critic.

It has no truncated BPTT, and cannot put a layer before the LSTM.
"""

import sys

import torch
from hands import LEARNING_RATE, Hands, counts, recipe
from rsl_rl.env import VecEnv
from rsl_rl.runners import OnPolicyRunner
from serve import serve
from tensordict import TensorDict

from sleight.train.algorithms.ppo import PpoConfig

NEVER = 1_000_000_000


class RslHands(VecEnv):
    """`Hands` as rsl_rl wants a vector of environments."""

    def __init__(self, hands: Hands) -> None:
        self._hands, self.num_envs, self.device = hands, hands.count, "cpu"
        self.num_actions, self.max_episode_length = hands.action_space.shape[0], NEVER
        self.episode_length_buf, self.cfg = torch.zeros(hands.count), {}
        self._seen = torch.from_numpy(hands.reset())

    def get_observations(self) -> TensorDict:
        return TensorDict({"policy": self._seen}, batch_size=[self.num_envs])

    def step(self, actions: torch.Tensor) -> tuple[TensorDict, torch.Tensor, torch.Tensor, dict]:
        clipped = actions.clamp(-1.0, 1.0).numpy()
        seen, reward, terminated, truncated, _ = self._hands.step(clipped)
        self._seen = torch.from_numpy(seen)
        limits = {"time_outs": torch.from_numpy(truncated & ~terminated).float()}
        ended = torch.from_numpy(terminated | truncated).long()
        return self.get_observations(), torch.from_numpy(reward).float(), ended, limits


def main(variant: str, worlds: str, threads: str) -> None:
    """Serve."""
    config = recipe(worlds, threads)
    torch.set_num_threads(config.threads)
    torch.manual_seed(0)
    ppo, policy, hands = config.block(PpoConfig), config.policy, Hands(config.env)
    layers = {"activation": "relu", "obs_normalization": True}
    actor = {
        "class_name": "RNNModel",
        "hidden_dims": [policy.hidden_size],
        "rnn_hidden_dim": policy.hidden_size,
        "distribution_cfg": {"class_name": "GaussianDistribution", "init_std": policy.initial_std},
    }
    critic = {"class_name": "MLPModel", "hidden_dims": list(policy.critic_layers)}
    algorithm = {
        "class_name": "PPO",
        "num_learning_epochs": ppo.epochs,
        "num_mini_batches": ppo.minibatches,
        "clip_param": ppo.clip_range,
        "gamma": ppo.gamma,
        "lam": ppo.gae_lambda,
        "entropy_coef": 0.0,
        "learning_rate": LEARNING_RATE,
        "max_grad_norm": ppo.max_grad_norm,
    }
    settings = {
        "num_steps_per_env": config.rollout.horizon,
        "save_interval": NEVER,
        "obs_groups": {"actor": ["policy"], "critic": ["policy"]},
        "actor": actor | layers,
        "critic": critic | layers,
        "algorithm": algorithm,
    }
    runner = OnPolicyRunner(RslHands(hands), settings)

    def step() -> int:
        runner.learn(1)
        return config.rollout.horizon * hands.count

    serve(step, ("rsl-rl-lib", "torch"), counts, period_s=config.env.period_s)


if __name__ == "__main__":
    main(*sys.argv[1:])
