"""`sleight data from-rig`: the log of a run becomes what a recording in simulation would be."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from sleight.cli import main
from sleight.contract.bundle import load_bundle
from sleight.deploy.logs.run_log import RunLog
from sleight.envs.config import GoalConfig
from sleight.envs.env import HandEnv
from sleight.envs.hands.shadow import SHADOW_RIGHT as HAND
from sleight.envs.make import make_env
from sleight.errors import DataError
from sleight.train.demonstrations.data_set import open_demonstrations
from sleight.train.demonstrations.recorder import Recorder
from sleight.train.demonstrations.rig_log import write_rig_log
from sleight.train.rollout.evaluation import first_episodes, protocol
from sleight.train.rollout.players import Player, open_player
from tests.deploy.image_bundle import image_bundle

BUNDLE = Path(__file__).parents[2] / "pretrained" / "block"
FIELDS = ("joint_position", "joint_velocity", "object_position", "object_wxyz")
NOTHING = dict.fromkeys(("applied", "effort", "hand_age_s", "pose_age_s", "object_joints"))


class Logger:
    """Logs the trial of one world as a rig does, with a hold in it."""

    def __init__(self, env: HandEnv, log: RunLog) -> None:
        self.env, self.log, self.turn = env, log, dict[str, Any]()

    def chose(self, player: Player, env: HandEnv, action: torch.Tensor, _: Any) -> None:
        sensors = {n: v[0].numpy() for n, v in env.actor_sensors.items()}
        self.turn = {
            **NOTHING,
            **{name: sensors[name] for name in FIELDS},
            "trial": 1,
            "goal": {"goal_wxyz": sensors["goal_wxyz"]},
            "action": action[0].numpy(),
            "last_target": sensors["target"],
        }
        self.log.write("turn", **self.turn)
        self.log.write("turn", **{**self.turn, "action": None})  # it holds

    def got(self, *_: Any) -> None:
        """Nothing."""


class Both:
    """Two recorders."""

    def __init__(self, *parts: Any) -> None:
        self.parts = parts

    def chose(self, *words: Any) -> None:
        for part in self.parts:
            part.chose(*words)

    def got(self, *words: Any) -> None:
        for part in self.parts:
            part.got(*words)


@pytest.fixture(scope="module")
def rig_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder, and beside it what was recorded in the simulation that it is of."""
    folder = tmp_path_factory.mktemp("rig")
    player = open_player(BUNDLE)
    trained = replace(player.env_config, resets=replace(player.env_config.resets, cache=4))
    env = make_env(protocol(trained, 1, {"goal.angle": 0.6}, GoalConfig(max_successes=2)), 3)
    (folder / "run").mkdir()
    log = RunLog(folder / "run" / "run.mcap", HAND, 0.08)
    sha256 = load_bundle(BUNDLE).manifest.graph.sha256
    log.write("start", bundle={"name": "block", "folder": str(BUNDLE), "sha256": sha256}, dry=False)
    with Recorder(folder / "recorded") as recorder:
        first_episodes(player, env, "", recorder=Both(recorder, Logger(env, log)))
    log.close()
    log.check()
    (folder / "run" / "result.json").write_text(json.dumps({"endings": ["dropped"]}))
    return folder / "run"


def test_a_log_says_what_the_simulation_would(rig_run: Path, tmp_path: Path) -> None:
    assert main(["data", "from-rig", str(rig_run), str(tmp_path / "out")]) == 0
    log, sim = (
        open_demonstrations(tmp_path / "out"),
        open_demonstrations(rig_run.parent / "recorded"),
    )
    assert log.manifest.source == "rig" and not log.manifest.rewards
    assert log.manifest.steps == sim.manifest.steps > 5
    assert log.manifest.control == sim.manifest.control
    for name in log.arrays.keys() - {"success"}:
        torch.testing.assert_close(log.arrays[name], sim.arrays[name], atol=1e-4, rtol=0, msg=name)
    assert {"previous_object_wxyz", "last_action", "target"} < log.manifest.sensors.keys()
    # The last success ends the trial, and no goal follows.
    assert torch.equal(log.arrays["success"][:-1], sim.arrays["success"][:-1])
    assert log.arrays["success"].sum() == 1
    assert log.terminated.tolist() == [True]


def test_a_student_learns_from_a_log(rig_run: Path, tmp_path: Path) -> None:
    """Its critic has the terms that the log has."""
    assert main(["data", "from-rig", str(rig_run), str(tmp_path / "out")]) == 0
    small = "--policy.embedding_size 16 --policy.hidden_size 16 --policy.critic_layers [16,16]"
    flags = ["--clone.data", str(tmp_path / "out"), "--env.num_worlds", "4", *small.split()]
    flags += ["--rollout.horizon", "16", "--clone.minibatches", "2", "--steps", "128"]
    flags += ["--runs", str(tmp_path), "--name", "student", "--wandb", "off", "--threads", "1"]
    terms = "[joint_position, target, object_position, goal_relative]"
    assert main(["clone", *flags, "--env.critic_terms", terms]) == 0


def test_what_is_no_log_of_a_policy(
    rig_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*words: Any) -> str:
        capsys.readouterr()
        assert main(["data", *map(str, words)]) == 2
        return capsys.readouterr().err

    out = tmp_path / "out"
    assert "no such log" in refused("from-rig", tmp_path, out)
    assert "is not empty" in refused("from-rig", rig_run, rig_run)
    other = ("from-rig", rig_run, out, "--bundle", BUNDLE.parent / "block_lstm")
    assert "bundle.sha256: got " in refused(*other)
    path = tmp_path / "dry"
    path.mkdir()
    log = RunLog(path / "run.mcap", HAND, 0.08)
    sha256 = load_bundle(BUNDLE).manifest.graph.sha256
    entry = {"name": "block", "folder": str(BUNDLE), "sha256": sha256}
    log.write("start", bundle=entry, dry=True)
    log.close()
    assert "dry: got true, allowed: a run that moved the hand" in refused("from-rig", path, out)
    path = shutil.copytree(path, tmp_path / "empty")
    log = RunLog(path / "run.mcap", HAND, 0.08)
    log.write("start", bundle=entry)
    log.close()
    assert "got no step of a policy" in refused("from-rig", path, out)
    assert "got shwo, did you mean 'show'?" in refused("shwo", out)
    assert not out.exists()


def test_the_log_of_a_policy_that_reads_pictures_is_refused(tmp_path: Path) -> None:
    player: Any = SimpleNamespace(bundle=load_bundle(image_bundle(tmp_path / "bundle")))
    with pytest.raises(DataError, match="run.mcap: got the run of a policy that reads pictures"):
        write_rig_log([], (), player, "run.mcap", tmp_path / "out")
    assert not (tmp_path / "out").exists()
