"""Eyes: the actor sees what they give, everybody else the truth."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from sleight.envs.config import EnvConfig, ResetConfig
from sleight.envs.env import HandEnv
from sleight.envs.make import make_env
from sleight.envs.mdp.eyes import Eyes
from sleight.envs.mdp.observations import TERMS, Sensors, Term
from sleight.envs.snapshot import load_state, save_state
from sleight.errors import ConfigError

CONFIG = EnvConfig(num_worlds=3, threads=1, resets=ResetConfig(cache=16))


class Shifted(Eyes):
    """Sees the object one metre to the side, and counts how often each world was looked at."""

    sizes = {"looks": 1}  # noqa: RUF012 (as the contract declares it)

    def __init__(self) -> None:
        self.looks = torch.zeros(3)
        self.begun: list[list[int]] = []

    @property
    def gives(self) -> Sensors:
        return {"object_position": torch.zeros(0, 3), "looks": torch.zeros(0, 1)}

    def begin(self, worlds: Tensor) -> None:
        self.begun.append(worlds.tolist())

    def see(self, qpos: Tensor, true: Sensors, worlds: Tensor, awake: Tensor) -> Sensors:
        self.looks[worlds[awake]] += 1
        aside = true["object_position"] + torch.tensor([1.0, 0.0, 0.0])
        assert torch.equal(true["object_position"], qpos[:, 24:27].float())
        return {"object_position": aside, "looks": self.looks[worlds].unsqueeze(-1)}


def _env(eyes: Eyes | None) -> HandEnv:
    return make_env(CONFIG, seed=1, eyes=eyes)


def test_the_actor_sees_through_them_and_the_critic_does_not() -> None:
    eyes = Shifted()
    env, plain = _env(eyes), _env(None)
    seen, _ = env.reset(seed=4)
    same, _ = plain.reset(seed=4)
    for _ in range(3):
        actor, critic = seen["actor"]["object_position"], seen["critic"]["object_position"]
        torch.testing.assert_close(actor - critic, torch.tensor([[1.0, 0.0, 0.0]]).expand(3, 3))
        # They draw no random numbers: everything else is as without them.
        for name, value in same["critic"].items():
            assert torch.equal(value, seen["critic"][name])
        seen, same = env.step(torch.zeros(3, 20))[0], plain.step(torch.zeros(3, 20))[0]
    assert eyes.begun == [[0, 1, 2]]
    assert torch.equal(env.true_sensors["object_position"] + torch.tensor([1.0, 0.0, 0.0]),
                       env.actor_sensors["object_position"])  # fmt: skip


def test_worlds_that_rest_are_not_looked_at() -> None:
    eyes = Shifted()
    env = _env(eyes)
    env.reset(seed=4)
    env.sim.resting = torch.tensor([False, True, False])
    env.step(torch.zeros(3, 20))
    assert eyes.looks.tolist() == [2.0, 1.0, 2.0]


def test_their_state_is_saved_with_the_environment() -> None:
    eyes = Shifted()
    env = _env(eyes)
    env.reset(seed=4)
    saved = save_state(env)
    env.step(torch.zeros(3, 20))
    load_state(env, saved)
    assert eyes.looks.tolist() == [1.0, 1.0, 1.0]


def test_only_the_actor_may_read_what_they_give() -> None:
    TERMS.add("looks", Term("looks", lambda s: s["looks"], ("looks",), "", "", ("looks",)))
    own = replace(CONFIG, actor_terms=("target", "looks"))
    observation, _ = make_env(own, eyes=Shifted()).reset(seed=0)
    assert observation["actor"]["looks"].shape == (3, 1)
    with pytest.raises(ConfigError, match="env.actor_terms: got looks, which reads looks"):
        make_env(replace(own))
    with pytest.raises(ConfigError, match="env.critic_terms: got looks, which reads looks"):
        make_env(replace(CONFIG, critic_terms=("looks",)), eyes=Shifted())
