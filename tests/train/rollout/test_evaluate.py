"""Evaluation: the papers' protocol, one trial a world, the same again for the same seed."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from sleight.envs.config import EnvConfig, GoalConfig
from sleight.envs.make import make_env
from sleight.errors import ConfigError
from sleight.train.rollout.evaluation import FRESH, Evaluation, evaluate, protocol
from sleight.train.rollout.players import RunPlayer

SHORT = GoalConfig(timeout_s=0.8)


def _evaluation(*trials: int) -> Evaluation:
    return Evaluation("someone", list(trials), 1, 2, 3.5, {})


def test_figures_by_hand() -> None:
    # Mean 2; deviations -2, -1, 0, 3, squares 14, variance 14 / 3, error sqrt(14 / 3) / 2.
    found = _evaluation(0, 1, 2, 5)
    assert found.mean == 2.0
    assert found.standard_error == pytest.approx(math.sqrt(14 / 3) / 2)
    assert found.data()["median"] == 1.5
    assert found.data()["max"] == 5
    assert found.data()["trials"] == [0, 1, 2, 5]
    table = found.table()
    assert "2.00 +- 1.08" in table and "1.5, 5" in table and "5, 2, 1, 0" in table


def test_one_trial_has_no_standard_error() -> None:
    assert _evaluation(3).standard_error is None
    assert _evaluation(3).data()["standard_error"] is None
    for table in (_evaluation(3).table(), replace(_evaluation(0), goals={"any": (1, 1)}).table()):
        assert "nan" not in table and "inf" not in table and "+- 0.00" not in table
    assert json.loads(json.dumps(replace(_evaluation(0), seconds_per_success=math.inf).data()))[
        "seconds_per_success"
    ] is None  # fmt: skip
    assert "inf" not in replace(_evaluation(0), seconds_per_success=math.inf).table()


def test_the_protocol_is_the_papers() -> None:
    trained = EnvConfig(
        goals=GoalConfig(any_axis=1.0, face_up=0.0, timeout_s=8.0),
        randomization={"gravity": (-11.0, -9.0)},
        num_worlds=128,
    )
    config = protocol(trained, 100, {})
    assert config.num_worlds == 100
    goals = config.goals
    assert (goals.face_up, goals.any_axis, goals.about_z) == (1.0, 0.0, 0.0)
    assert (goals.flip_share, goals.timeout_s, goals.max_successes) == (0.5, 32.0, 50)
    assert goals.threshold_rad == 0.4
    # Nothing is random but the goals, which may lie anywhere.
    assert config.randomization == {"goal.angle": (math.pi, math.pi)}
    assert config.control == trained.control and config.actor_terms == trained.actor_terms


@pytest.mark.parametrize(("name", "value"), [("object.sise", 1.0), ("object.size", 9.0)])
def test_settings_are_checked(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match="object.size"):
        protocol(EnvConfig(), 4, {name: value})


def test_settings_reach_every_world(block_run: Path) -> None:
    settings = {"object.size": 1.1, "gravity": -7.5, "goal.angle": 0.8}
    player = RunPlayer(block_run)
    env = make_env(protocol(player.env_config, 5, settings, SHORT), 3)
    nominal = env.sim.model
    env.reset()
    player.start(env)
    block = nominal.geom("object").id
    for _ in range(12):  # over a reset
        size = env.sim.field("geom_size")[:, block]
        expected = torch.from_numpy(nominal.geom_size[block] * 1.1).expand(5, 3)
        torch.testing.assert_close(size, expected)
        assert env.sim.field("opt.gravity")[:, 2].tolist() == [-7.5] * 5
        assert torch.equal(env.task.largest_goal, torch.full((5,), 0.8))
        env.step(torch.zeros(5, 20))
    assert (env.length < 12).any()


def test_a_calibrated_world_is_the_nominal_one_and_is_said(block_run: Path) -> None:
    player = RunPlayer(block_run)
    trained = replace(player.env_config, nominal={"hand.gain": 0.8, "hand.damping": 0.5})
    config = protocol(trained, 2, {"hand.damping": 1.5}, SHORT)
    found = evaluate(player, config, 0)
    assert found.settings["nominal"] == {"hand.gain": 0.8}
    assert found.settings["randomization"]["hand.damping"] == 1.5
    assert "calibrated world   hand.gain 0.8\n" in found.table()
    env = make_env(config, 3)
    env.reset()
    before = torch.from_numpy(env.sim.model.actuator_gainprm[:, 0])
    gain = env.sim.field("actuator_gainprm")[:, :, 0]
    torch.testing.assert_close(gain, (0.8 * before).expand_as(gain))
    plain = protocol(player.env_config, 2, {}, SHORT)
    assert "calibrated" not in evaluate(player, plain, 0).table()


def test_the_same_seed_gives_the_same_trials(reach_run: Path) -> None:
    player = RunPlayer(reach_run)
    config = protocol(player.env_config, 6, {}, GoalConfig(timeout_s=4.0))
    first, again, other = (evaluate(player, config, seed) for seed in (0, 0, 1))
    assert first == again
    assert first.trials != other.trials


def test_a_trial_is_the_first_episode_of_its_world(block_run: Path) -> None:
    player = RunPlayer(block_run, stochastic=True, seed=3)  # who twitches, and succeeds by chance
    # Goals that are nearly reached from the start, so that there is something to count.
    goals = GoalConfig(timeout_s=2.4, threshold_rad=1.2, max_successes=2)
    config = protocol(player.env_config, 12, {"goal.angle": 1.4}, goals)
    found = evaluate(player, config, seed=5)
    player = RunPlayer(block_run, stochastic=True, seed=3)
    env = make_env(config, 5 + FRESH, cache_seed=5 + FRESH)
    observation, _ = env.reset()
    player.start(env)
    count, length, later = (torch.zeros(12, dtype=torch.long) for _ in range(3))
    running, dropped = torch.ones(12, dtype=torch.bool), torch.zeros(12, dtype=torch.bool)
    starts = torch.ones(12, dtype=torch.bool)
    while running.any():
        action = player.act(env, observation, starts)
        observation, _, terminated, truncated, info = env.step(action)
        starts = terminated | truncated
        count += info["success"] & running
        length += running
        dropped |= terminated & running
        later += info["success"] & ~running
        running &= ~starts
    assert found.trials == count.tolist()
    assert sum(found.trials) > 0 and later.sum() > 0, "nothing to tell the two apart"
    assert found.drops == int(dropped.sum())
    assert found.timeouts == int((~dropped & (count < 2)).sum())
    asked, reached = (sum(column) for column in zip(*found.goals.values(), strict=True))
    assert (reached, asked - reached) == (sum(found.trials), found.drops + found.timeouts)
    assert found.seconds_per_success == pytest.approx(int(length.sum()) * 0.08 / sum(found.trials))


def test_sampled_actions_are_another_policy(block_run: Path) -> None:
    env = make_env(protocol(RunPlayer(block_run).env_config, 4, {}, SHORT), 0)
    observation, _ = env.reset()
    starts = torch.ones(4, dtype=torch.bool)

    def action(stochastic: bool, seed: int) -> torch.Tensor:
        player = RunPlayer(block_run, stochastic, seed)
        player.start(env)
        return player.act(env, observation, starts)

    assert torch.equal(action(False, 0), action(False, 1))
    assert torch.equal(action(True, 0), action(True, 0))
    assert not torch.equal(action(True, 0), action(True, 1))


def test_the_command_writes_what_it_says(
    block_run: Path, tmp_path: Path, cli: Callable[..., tuple[int, str, str]]
) -> None:
    file = tmp_path / "eval.json"
    words = ("--trials", 4, "--seed", 2, "--set", "object.mass=1.5", "--variant", "tied",
             "--goals.timeout_s", 0.8)  # fmt: skip
    code, out, _ = cli("eval", block_run, *words, "--json", file)
    assert code == 0
    data = json.loads(file.read_text())
    assert len(data["trials"]) == 4 and f"mean +- s.e.       {data['mean']:.2f}" in out
    settings = data["settings"]
    assert settings["seed"] == 2 and settings["goals"]["timeout_s"] == 0.8
    assert settings["randomization"] == {"goal.angle": math.pi, "object.mass": 1.5}
    assert settings["variant"] == "tied"
    assert settings["versions"]["torch"]
    code, again, _ = cli("eval", block_run, *words)
    assert again == out
