"""A hand of another number of joints, from a package of its own: trains, exports, runs on a rig."""

import json

import pytest

from tests.examples.conftest import MENAGERIE, ROOT, rig_trials

pytestmark = pytest.mark.skipif(
    not (MENAGERIE / "wonik_allegro").is_dir(),
    reason="no files of the Allegro Hand; MENAGERIE_ROOT names a checkout of MuJoCo Menagerie",
)
pytest.importorskip("mujoco_menagerie")

SMALL = (
    "--env.model.hand", "allegro", "--steps", 1024, "--env.num_worlds", 16, "--env.threads", 1,
    "--threads", 1, "--env.resets.cache", 32, "--wandb", "off", "--name", "allegro",
)  # fmt: skip


@pytest.fixture(scope="module")
def stranger(strangers):
    return strangers("new_hand")


@pytest.fixture(scope="module")
def bundle(stranger):
    """Of a run of a few iterations."""
    stranger.run("train", ROOT / "configs" / "block.yaml", *SMALL)
    stranger.run("export", "runs/allegro", "--out", "bundle")
    return stranger.folder / "bundle"


def test_the_bundle_is_the_hands(stranger, bundle):
    manifest = json.loads((bundle / "bundle.json").read_text())
    assert manifest["hand"]["name"] == "allegro_right"
    assert len(manifest["hand"]["joints"]) == len(manifest["hand"]["actuators"]) == 16
    shapes = {tensor["name"]: tensor["shape"] for tensor in manifest["inputs"]}
    assert shapes["joint_position"] == [1, 16] and shapes["goal_wxyz"] == [1, 4]
    out, _ = stranger.run("eval", bundle, "--trials", 2)
    assert "mean +- s.e." in out


@pytest.mark.slow
def test_the_bundle_runs_on_a_simulated_rig_of_that_hand(stranger, bundle):
    result = rig_trials(stranger, bundle, "--plant.hand", "allegro")
    assert result["complete"] == 1, result


def test_it_is_refused_on_another_hand(stranger, bundle):
    line = stranger.refused("rig", "sim", "--plant.hand", "alegro")
    assert "plant.hand: got alegro, did you mean 'allegro'" in line
    line = stranger.refused("train", "--env.model.hand", "alegro", "--wandb", "off")
    assert "model.hand: got alegro, did you mean 'allegro'" in line
