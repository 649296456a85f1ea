"""Broken physics: the world starts anew, is counted and kept for replay; no other notices."""

import os
from dataclasses import replace

import mujoco
import numpy as np
import pytest
import torch
from mujoco.batch import SimulationError

from sleight.envs.sim.failures import MOST

BROKEN = ("qpos", "qvel")
MASSES = {"object.mass": (0.5, 2.0), "gravity": (-11.0, -9.0)}


def finite(observation):
    return all(value.isfinite().all() for group in observation.values() for value in group.values())


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e12])
def test_a_broken_world_starts_anew_and_no_other(build, wander, name, value):
    env, twin = (build(randomization=MASSES) for _ in range(2))
    actions = wander(4, 4)
    for one in (env, twin):
        one.reset(seed=2)
        one.step(actions[0])
    env.sim.state(name)[2, 3] = value
    found, reward, terminated, truncated, info = env.step(actions[1])
    alike = twin.step(actions[1])
    assert terminated.tolist() == [False, False, True, False] and not truncated.any()
    assert reward[2] == 0.0 and not info["success"][2]
    assert finite(found) and reward.isfinite().all()
    assert all(term.isfinite().all() for term in info["reward_terms"].values())
    assert env.sim.failures == 1 and twin.sim.failures == 0
    assert [episode.world for episode in info["episodes"]] == [2]
    others = [0, 1, 3]
    assert torch.equal(reward[others], alike[1][others])
    for action in actions[2:]:
        found, *_ = env.step(action)
        twin.step(action)
        assert finite(found)
        np.testing.assert_array_equal(env.sim.state("qpos")[others], twin.sim.state("qpos")[others])
    assert env.sim.failures == 1


def test_a_failure_is_kept_and_breaks_again(build, wander, tmp_path):
    env = build(randomization=MASSES, failures=tmp_path / "failures")
    env.reset(seed=2)
    for action in wander(4, 3):
        env.step(action)
    assert not (tmp_path / "failures").exists()
    env.sim.state("qvel")[1, 24] = float("nan")
    mass = float(env.sim.field("body_mass")[1, -1])
    env.step(torch.full((4, 20), 0.5))
    (path,) = (tmp_path / "failures").glob("failure-*.npz")
    kept = np.load(path, allow_pickle=False)
    assert int(kept["world"]) == 1 and kept["body_mass"][-1] == mass
    model = mujoco.MjModel.from_binary_path(str(tmp_path / "failures" / "model.mjb"))
    for name in set(kept.files) - {"world", "state"}:
        owner = model.opt if name.startswith("opt.") else model
        getattr(owner, name.removeprefix("opt."))[:] = kept[name]
    data = mujoco.MjData(model)
    mujoco.mj_setState(model, data, kept["state"], mujoco.mjtState.mjSTATE_INTEGRATION)
    assert np.isnan(data.qvel[24])
    # The controls are those of the step that broke.
    assert data.ctrl.any()
    mujoco.mj_step(model, data)
    assert data.warning[mujoco.mjtWarning.mjWARN_BADQVEL].number == 1


@pytest.mark.parametrize("kind", ["not finite", "raised"])
def test_what_mujoco_does_not_warn_about_is_caught_too(build, monkeypatch, kind):
    """A state that turns bad in the last substep, and an error that MuJoCo raises in one world."""
    env = build()
    env.reset(seed=0)
    step = env.sim.batch.step

    def broken(*words, **keywords):
        step(*words, **keywords)
        if kind == "raised":
            raise SimulationError(np.array([3]), "out of memory")
        env.sim.state("qvel")[3, 0] = float("nan")

    monkeypatch.setattr(env.sim.batch, "step", broken)
    found, reward, terminated, *_ = env.step(torch.zeros(4, 20))
    assert terminated.tolist() == [False, False, False, True] and reward[3] == 0.0
    assert finite(found) and env.sim.failures == 1


def test_an_action_that_is_no_number_ends_its_world_and_nothing_else(build):
    env = build()
    env.reset(seed=0)
    actions = torch.zeros(4, 20)
    actions[2, 5] = float("nan")
    found, reward, terminated, *_ = env.step(actions)
    assert terminated.tolist() == [False, False, True, False] and reward[2] == 0.0
    assert reward.isfinite().all() and finite(found)


@pytest.mark.parametrize("varied", [False, True])
def test_an_action_that_is_no_number_stays_out_of_all_that_is_observed(build, ranges, varied):
    steps = []
    for bad in (float("nan"), 0.0):
        env = build(randomization=ranges if varied else {})
        env.autoreset = False  # as Gymnasium's vectors: the last observation is shown
        env.reset(seed=0)
        actions = torch.zeros(4, 20)
        actions[2, 5] = bad
        steps.append(env.step(actions))
        assert finite(steps[-1][0])
    (found, reward, terminated, _, info), (plain, *_) = steps
    assert terminated.tolist() == [False, False, True, False] and reward[2] == 0.0
    assert all(term.isfinite().all() for term in info["reward_terms"].values())
    assert [e.reward for e in info["episodes"] if e.world == 2] == [0.0]
    others = [0, 1, 3]
    for group in found:
        for name, value in found[group].items():
            assert torch.equal(value[others], plain[group][name][others]), (group, name)


def test_a_failed_worlds_reward_has_finite_terms(build):
    env = build()
    env.reset(seed=0)
    env.sim.state("qvel")[1, 24] = float("nan")
    *_, info = env.step(torch.zeros(4, 20))
    assert all(term.isfinite().all() for term in info["reward_terms"].values())


def test_a_failure_is_kept_in_a_folder_whose_name_is_not_utf8(build, tmp_path):
    folder = tmp_path / os.fsdecode(b"run\xff")
    env = build(failures=folder)
    env.reset(seed=0)
    env.sim.state("qvel")[1, 24] = float("nan")
    env.step(torch.zeros(4, 20))
    assert sorted(path.suffix for path in folder.iterdir()) == [".mjb", ".npz"]


def test_only_so_many_failures_are_kept(build, tmp_path):
    env = build(failures=tmp_path)
    env.reset(seed=0)
    for _ in range(MOST // 4 + 2):
        env.sim.state("qvel")[:, 0] = float("nan")
        env.step(torch.zeros(4, 20))
    assert len(list(tmp_path.glob("failure-*.npz"))) == MOST
    assert env.sim.failures == 4 * (MOST // 4 + 2)


def test_a_bad_action_does_not_reach_the_observation(build):
    env = build(control=replace(build().config.control, law="relative_to_joint"))
    env.reset(seed=0)
    found, *_ = env.step(torch.full((4, 20), 1e30))
    assert finite(found)
