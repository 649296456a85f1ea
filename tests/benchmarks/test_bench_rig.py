"""`sleight bench rig`: the rig's physics without its clock is the rig's, and the table adds up."""

import functools
import re
import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sleight.cli import main
from sleight.contract.bundle import load_bundle
from sleight.deploy.runtime.plan_config import PlanConfig
from tests.deploy.conftest import make_bundle
from tests.deploy.cube_rig import cube_bundle
from tests.deploy.image_bundle import image_bundle

BENCH = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks" / "rigs" / "rig.py"))


def test_the_table_has_a_row_for_each_world_and_the_ends_add_up(bundle, capsys):
    assert main(["bench", "rig", str(bundle), "--trials", "2", "--seed", "3"]) == 0
    out, err = capsys.readouterr()
    row = r"^(.+?)  +([\d.]+) \+- +([\d.]+) +([\d.]+) +(\d+) +(\d+) +(\d+) +(\d+)"
    rows = re.findall(row, out, re.M)
    assert [row[0] for row in rows] == list(BENCH["ROWS"])
    for row in rows:
        assert sum(map(int, row[5:8])) == 2
    assert len(re.findall(r"^.+: \d of 2: \d+$", err, re.M)) == 6
    assert re.search(r"^ONNX Runtime, one thread +[\d.]+ +[\d.]+", out, re.M)
    assert "torch: no checkpoint in the bundle" in out


@pytest.mark.parametrize("world", ["Training", "Rig"])
def test_a_world_is_the_seeds(bundle, world):
    """The same seed places and moves alike, another does not; the object comes to rest."""
    manifest = load_bundle(bundle).manifest

    def run(seed):
        hand = BENCH[world](manifest.task, manifest.control.period_s, seed)
        hand.place()
        for _ in range(10):
            hand.tick(BENCH["HAND"].home)
        joints, velocity, pose = hand.look()
        return np.concatenate((joints, velocity, *pose.values()))

    first, again, other = run(1), run(1), run(2)
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.01
    assert first[50] > -0.04


@pytest.mark.parametrize("world", ["Training", "Rig"])
def test_a_world_holds_the_object_of_the_bundle(bundle, world):
    manifest = load_bundle(bundle).manifest
    task = replace(manifest.task, object="face", object_joints=("top", "bottom"))
    hand = BENCH[world](task, manifest.control.period_s, 1)
    hand.place()
    for _ in range(10):
        hand.tick(BENCH["HAND"].home)
    pose = hand.look()[2]
    assert set(pose) == {"object_position", "object_wxyz", "object_joints"}
    assert pose["object_joints"].shape == (2,) and pose["object_joints"].any()
    block = BENCH[world](manifest.task, manifest.control.period_s, 1)
    assert "object_joints" not in block.look()[2]


def test_the_gate_counts_what_it_cuts(tmp_path):
    """A policy that asks for more than the gate lets pass, and one that does not."""
    kind, gated = BENCH["Training"], True
    for swing_rad, cut in ((1.0, True), (0.01, False)):
        bundle = load_bundle(make_bundle(tmp_path / str(swing_rad), swing_rad))
        player = BENCH["Player"](bundle, 0)
        trial = player.trial(kind, gated, 0)
        assert trial.ending is not None
        assert len(player.shown) == round(trial.duration_s / 0.08)
        assert any(hit.startswith("speed:") for hit in player.hits) == cut


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--trials", "0"], "--trials: got 0, allowed: an integer >= 1"),
        (["--flip_share", "2"], "sleight bench rig: flip_share: got 2, allowed: in [0, 1]"),
        (["--run", "nowhere"], "nowhere"),
    ],
)
def test_bad_flags_are_one_line(bundle, capsys, flags, line):
    assert main(["bench", "rig", str(bundle), *flags]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    errors = [text for text in err.splitlines() if text.startswith("error: ")]
    assert len(errors) == 1 and line in errors[0]


def test_a_policy_that_reads_pictures_is_one_line(tmp_path, capsys):
    assert main(["bench", "rig", str(image_bundle(tmp_path / "bundle"))]) == 2
    assert "got a policy that reads pictures, allowed: one that reads poses" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize("moves", [{"scramble": "U R"}, {"solve": "R' U'"}])
def test_goals_follow_a_plan_by_what_the_rigs_cube_reports(tmp_path, moves):
    found = load_bundle(cube_bundle(tmp_path / "bundle"))
    plan = PlanConfig(**moves, goal_timeout_s=0.3)
    world = functools.partial(BENCH["Rig"], plan=plan, timestep_s=0.004)
    trial = BENCH["Player"](found, 0).trial(world, True, 0)
    assert trial.ending in ("timeout", "dropped") and trial.successes == 0
    assert trial.plan.total in (2, 3, 4) and trial.goal.move
    start = trial.judge.tracker.now.state
    assert start.solved is bool("scramble" in moves)
