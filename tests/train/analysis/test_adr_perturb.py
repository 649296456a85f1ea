"""`sleight adr perturb`: each disturbance does what it says, when it says, and nothing else."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from sleight.adr.recovery import Trial
from sleight.envs.config import GoalConfig
from sleight.envs.env import HandEnv
from sleight.envs.make import make_env
from sleight.envs.randomization.table import BY_NAME
from sleight.envs.snapshot import save_state
from sleight.envs.tasks.goal_kinds import CUBE_KINDS
from sleight.train.analysis.perturb import Arm, Perturber, Study, arms, play, study
from sleight.train.analysis.perturb_page import HEAD, changes, page, table
from sleight.train.rollout.evaluation import protocol
from sleight.train.rollout.players import RunPlayer

RANGES = {
    "object.mass": (0.5, 2.0),
    "gravity": (-12.0, -8.0),
    "observation.noise": (0.5, 2.0),
    "action.delay": (0.0, 2.0),
}
EASY = GoalConfig(timeout_s=1.6, threshold_rad=1.2, max_successes=4)
"""Goals that are nearly reached from the start, so that there is something to count."""


def easy_env(player: RunPlayer, worlds: int = 8) -> HandEnv:
    env = make_env(protocol(player.env_config, worlds, {"goal.angle": 1.4}, EASY, RANGES), 3)
    env.reset()
    return env


def test_a_world_is_drawn_anew_and_the_trial_goes_on(block_run: Path) -> None:
    env = easy_env(RunPlayer(block_run))
    for _ in range(3):
        env.step(torch.zeros(8, 20))
    body = env.sim.model.body("object").id
    chosen, rest = torch.tensor([1, 4]), torch.tensor([0, 2, 3, 5, 6, 7])

    def goes_on() -> dict[str, torch.Tensor]:
        task = env.task
        return {
            "qpos": env.sim.state("qpos").clone(), "qvel": env.sim.state("qvel").clone(),
            "target": env.control.target.clone(), "action": env.control.action.clone(),
            "goal": task.goal.clone(), "length": env.length.clone(),  # type: ignore[attr-defined]
            "successes": env.successes.clone(), "age": env.goal_age.clone(),
            "seen": env.memories["actor"].position.clone(),
        }  # fmt: skip

    def world() -> dict[str, torch.Tensor]:
        return {
            "mass": env.sim.field("body_mass")[:, body].clone(),
            "gravity": env.sim.field("opt.gravity")[:, 2].clone(),
            "noise": env.noise.offset.clone(),
            "coordinates": env.coordinates[:, 1:].clone(),  # the first is held
        }

    state, before = goes_on(), world()
    env.redraw(chosen)
    for name, value in goes_on().items():
        torch.testing.assert_close(value, state[name], msg=name)
    for name, value in world().items():
        assert torch.equal(value[rest], before[name][rest]), name
        assert (value[chosen] != before[name][chosen]).reshape(2, -1).all(dim=1).all(), name
    masses = env.sim.model.body_mass[body] * torch.exp(0.5 * env.coordinates[:, 1].double())
    torch.testing.assert_close(world()["mass"], masses, atol=1e-6, rtol=1e-5)
    env.step(torch.zeros(8, 20))
    assert (env.length == 4).all(), "nobody has begun anew"


GOES_ON = (
    *("sim.state", "memory_", "task.goal", "task.distance"),
    *("control.target", "control.action", "control._past"),
    *("tracking.past", "tracking.seen", "tracking.lost", "tracking.fresh", "slack.place"),
    *("env.successes", "env.length", "env.goal_age", "env.earned"),
)
"""Of a snapshot: what a trial goes on with when its world is drawn anew."""


def test_all_that_goes_on_is_there_and_stays(block_run: Path) -> None:
    """Nothing of a trial begins anew with its world."""
    more = ("observation.delay", "observation.dropout", "action.backlash")
    ranges = RANGES | {name: BY_NAME[name].limits for name in more}
    config = protocol(RunPlayer(block_run).env_config, 5, {}, EASY, ranges)
    env = make_env(config, 0)
    env.reset()
    for _ in range(3):
        env.step(torch.ones(5, 20))
    before = save_state(env)
    env.redraw(torch.tensor([0, 3]))
    after = save_state(env)
    for prefix in GOES_ON:
        found = [name for name in before if name.startswith(prefix)]
        assert found, prefix
        for name in found:
            torch.testing.assert_close(after[name], before[name], msg=name, equal_nan=True)
    assert not torch.equal(after["tracking.delay"][[0, 3]], before["tracking.delay"][[0, 3]])
    assert not torch.equal(after["slack.inverse"][[0, 3]], before["slack.inverse"][[0, 3]])


def test_a_broken_joint_keeps_its_target_and_the_policy_is_not_told(block_run: Path) -> None:
    player = RunPlayer(block_run)
    env = easy_env(player)
    Perturber(env, player, Arm("joint", 0), torch.full((8,), 5))
    before = env.control.target.clone()
    action = torch.ones(8, 20)
    for _ in range(4):
        env.step(action)
    running = env.length == 4
    moved = (env.control.target - before).abs()[running]
    assert moved[:, 5].max() == 0 and moved.amax(dim=0).gt(0.01).sum() > 10
    assert env.control.action[running][:, 5].min() == 1.0


@pytest.mark.parametrize("what", ["memory", "joint", "world"])
def test_trials_are_disturbed_once_after_their_nth_success(block_run: Path, what: str) -> None:
    player = RunPlayer(block_run)
    env = easy_env(player)
    watcher = Perturber(env, player, Arm(what, 2), torch.arange(8))  # type: ignore[arg-type]
    done: list[list[int]] = []
    watcher._disturb = lambda due: done.append(due.nonzero().squeeze(-1).tolist())  # type: ignore[method-assign]
    everyone, nobody = torch.ones(8, dtype=torch.bool), torch.zeros(8, dtype=torch.bool)
    odd = torch.arange(8) % 2 == 1
    watcher.note(everyone, nobody, everyone)
    assert done == []
    watcher.note(odd, torch.arange(8) == 7, torch.arange(8) != 5)
    assert done == [[1, 3]], "7 has ended, 5 has ended before"
    watcher.note(everyone, nobody, everyone)
    assert done == [[1, 3], [0, 2, 4, 5, 6]]
    assert watcher.reached[3] == pytest.approx([0.08, 0.16, 0.24])


def test_arms_that_do_nothing_are_the_undisturbed_one(block_run: Path) -> None:
    """Up to the disturbance every arm is the same trial; without one, to the end."""
    player = RunPlayer(block_run, stochastic=True, seed=3)
    goals = replace(EASY, timeout_s=2.4)
    config = protocol(player.env_config, 24, {"goal.angle": 1.4}, goals, RANGES)

    def trials(what: str, after: int) -> list[Trial]:
        again = RunPlayer(block_run, stochastic=True, seed=3)
        return play(again, config, Arm(what, after), 5)  # type: ignore[arg-type]

    plain = trials("nothing", 0)
    assert sum(t.successes for t in plain) > 2, "nothing to compare"
    assert trials("memory", 50) == plain
    late = trials("memory", 1)
    for before, after in zip(plain, late, strict=True):
        assert after.reached_s[:1] == before.reached_s[:1]
    assert all(t.failed == (t.successes < 4) for t in plain)
    assert all(len(t.kinds) == t.successes + t.failed for t in plain)
    asked = {kind for trial in plain for kind in trial.kinds}
    assert len(asked) > 1 and asked <= set(CUBE_KINDS.names)


def test_arms_fit_the_policy(block_run: Path) -> None:
    player = RunPlayer(block_run)
    assert [arm.name for arm in arms(player, (10,), RANGES)] == [
        "undisturbed", "joint broken from the start",
        "memory reset after 10", "world drawn anew after 10", "joint broken after 10",
    ]  # fmt: skip
    policy = replace(player.config.policy, memory="none")
    player.config = replace(player.config, policy=policy)
    assert [arm.what for arm in arms(player, (1, 2), {})] == ["nothing", *["joint"] * 3]


def test_the_page_compares_the_same_goals() -> None:
    slow = Trial((1.0, 2.0, 5.0, 6.0), False)
    trials = {
        Arm("nothing", 0): [Trial((1.0, 2.0, 3.0, 4.0), False)] * 3,
        Arm("joint", 0): [Trial((2.0,), True)],
        Arm("memory", 2): [slow, slow, Trial((1.0, 2.0), True, ("turn", "turn", "flip"))],
    }
    found = Study("runs/a", 4, trials, {})
    rows = {arm.name: change for arm, change in changes(found, 5)}
    reset = rows["memory reset after 2"]
    assert reset.window == 1 and reset.slower_s.value == 2.0
    assert reset.failure_first.value == pytest.approx(1 / 3)
    assert rows["undisturbed"].slower_s.value == 0.0
    assert rows["joint broken from the start"].trials == 0
    written = page(found, 5)
    assert written.count('class="chart"') == 2 and "memory reset after 2" in written
    said = table(found, 5)
    assert "around success 2" in said
    row = next(line for line in said.splitlines() if "flip" in line)
    assert re.split(r"\s{2,}", row.strip()) == [
        "memory reset after 2",
        "flip",
        "1",
        "-",
        "1.00 [0.21, 1.00]",
    ]
    assert "<td>flip</td>" in written


def test_what_was_not_measured_is_a_dash_and_cells_stay_apart() -> None:
    wide = [Trial((100.0, 1300.0, 1301.0, 1302.0), False), Trial((1.0, 2.0, 900.0, 902.0), False)]
    trials = {
        Arm("nothing", 0): wide,
        Arm("joint", 0): [Trial((), True)] * 2,
        Arm("memory", 2): [Trial((1.0, 2.0, 3.0, 4.0), False)],
    }
    text = table(Study("runs/a", 4, trials, {}), 5)
    assert "nan" not in text
    rows = {re.split(r"\s{2,}", line.strip())[0]: re.split(r"\s{2,}", line.strip())
            for line in text.splitlines()[3:]}  # fmt: skip
    assert all(len(row) == len(HEAD) + 1 for row in rows.values()), text
    assert rows["joint broken from the start"][1:6] == ["0", "-", "-", "-", "-"]
    assert rows["memory reset after 2"][2] == "1.00", "one trial has no interval"


def test_the_command(block_run: Path, tmp_path: Path, cli: Callable) -> None:
    out = tmp_path / "perturb.json"
    words = ("--trials", 6, "--after", "1", "--goals.max_successes", 3, "--goals.timeout_s", 0.8,
             "--goals.threshold_rad", 1.2, "--set", "goal.angle=1.4")  # fmt: skip
    code, said, err = cli("adr", "perturb", block_run, *words, "--json", out,
                          "--html", tmp_path / "p.html")  # fmt: skip
    assert code == 0, err
    found = json.loads(out.read_text())
    assert len(found["goals"]) == 5 and len(found["changes"]) == 5
    assert found["settings"]["fixed"] == {"goal.angle": 1.4}
    assert "memory reset after 1" in said and (tmp_path / "p.html").is_file()


def test_bad_input_is_one_line(block_run: Path, refused: Callable) -> None:
    assert "from 1 to 48" in refused("adr", "perturb", block_run, "--after", "49")
    assert "different numbers" in refused("adr", "perturb", block_run, "--after", "3,3")
    assert "--window: got 0" in refused("adr", "perturb", block_run, "--window", 0)
    assert "unknown flag" in refused("adr", "perturb", block_run, "--wndow", 3)


def test_a_study_keeps_to_its_arms(block_run: Path) -> None:
    player = RunPlayer(block_run)
    goals = replace(EASY, max_successes=3)
    found = study(player, {}, 3, goals, after=(1,), fixed={"goal.angle": 1.4})
    assert [arm.what for arm in found.arms] == ["nothing", "joint", "memory", "joint"]
    assert all(len(trials) == 3 for trials in found.arms.values())
