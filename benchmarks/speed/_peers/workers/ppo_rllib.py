"""RLlib's PPO with an LSTM, all in one process beside Ray's own; its critic has an LSTM, too.

Its standard deviations depend on the state: with an LSTM, `free_log_std` fails.
"""

import sys
from typing import Any

import gymnasium
import numpy as np
import ray
import torch
from gymnasium.envs.registration import register
from gymnasium.vector.utils import batch_space
from hands import LEARNING_RATE, CountedHand, counts, flat, recipe
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.connectors.env_to_module import MeanStdFilter
from ray.rllib.core.rl_module.default_model_config import DefaultModelConfig
from serve import serve

from sleight.train.algorithms.ppo import PpoConfig
from sleight.train.config import TrainConfig

ID = "Flat/Block-v0"


class FlatHand(CountedHand):
    """With flat observations, and without `info`, which RLlib keeps for every step."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        size = int(gymnasium.spaces.flatdim(self.single_observation_space))
        self.single_observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (size,), np.float32)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)

    def reset(self, **kwargs: Any) -> tuple[np.ndarray, dict[str, Any]]:
        return flat(super().reset(**kwargs)[0]), {}

    def step(self, actions: np.ndarray) -> tuple[Any, ...]:
        seen, *ends, _ = super().step(np.asarray(actions))
        return flat(seen), *ends, {}


register(ID, vector_entry_point=FlatHand)


def algorithm(config: TrainConfig) -> PPOConfig:
    """The recipe in RLlib's words."""
    ppo, policy, worlds = config.block(PpoConfig), config.policy, config.env.num_worlds
    batch = worlds * config.rollout.horizon
    model = DefaultModelConfig(
        fcnet_hiddens=[policy.embedding_size],
        fcnet_activation="relu",
        use_lstm=True,
        lstm_cell_size=policy.hidden_size,
        max_seq_len=config.rollout.bptt_steps,
        vf_share_layers=False,
    )
    return (
        PPOConfig()
        .environment(ID, env_config={"config": config.env})
        .env_runners(
            num_env_runners=0,
            num_envs_per_env_runner=worlds,
            gym_env_vectorize_mode="vector_entry_point",
            env_to_module_connector=lambda *_: MeanStdFilter(),
        )
        .learners(num_learners=0)
        .rl_module(model_config=model)
        .training(
            lr=LEARNING_RATE,
            train_batch_size_per_learner=batch,
            minibatch_size=batch // ppo.minibatches,
            num_epochs=ppo.epochs,
            gamma=ppo.gamma,
            lambda_=ppo.gae_lambda,
            clip_param=ppo.clip_range,
            grad_clip=ppo.max_grad_norm,
            use_kl_loss=False,
            entropy_coeff=0.0,
        )
        .debugging(seed=0, log_level="ERROR")
    )


def main(variant: str, worlds: str, threads: str) -> None:
    """Serve."""
    config = recipe(worlds, threads)
    torch.set_num_threads(config.threads)
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
    learner = algorithm(config).build_algo()

    def step() -> int:
        learner.train()
        return config.env.num_worlds * config.rollout.horizon

    serve(step, ("ray", "gymnasium", "torch"), counts, period_s=config.env.period_s)
    ray.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
