"""The pose network in training: it learns what it is shown, resumes exactly, and exports."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from sleight.cli import main
from sleight.config import load
from sleight.contract.bundle import load_bundle
from sleight.errors import DataError
from sleight.train.config import TrainConfig
from sleight.train.pose.config import PoseTrainConfig
from sleight.train.pose.pose_evaluation import GraphReader, NetReader, judge
from sleight.train.pose.pose_learner import load_pose_run
from sleight.train.pose.pose_loop import Trainer, resume, start
from sleight.train.pose.render_batches import batches
from sleight.vision.config import CamerasConfig, RenderConfig, StatesConfig
from sleight.vision.keypoint_decoder import KeypointConfig
from sleight.vision.keypoint_net import KeypointNetConfig
from sleight.vision.onnx_pose import OnnxPose
from sleight.vision.photo import PhotoConfig
from sleight.vision.renders.render_job import render
from sleight.vision.renders.shards import open_renders
from sleight.vision.windows import AugmentConfig
from tests.deploy.conftest import make_bundle
from tests.vision.conftest import can_render, prepare  # noqa: F401  (a fixture)

NET = KeypointNetConfig(input_px=32, channels=(8, 16, 16), head_channels=(16, 16))
SMALL = KeypointConfig(net=NET, centre_jitter=0.02)
STILL = AugmentConfig(turn_deg=0.0, zoom=0.0, shift=0.0)


@pytest.fixture(scope="module")
def renders(can_render, tmp_path_factory):  # noqa: F811
    """Eight fixed pictures of the nominal rig."""
    config = RenderConfig(strength=0.0, cameras=CamerasConfig(image_px=32), shard_size=5)
    folder = prepare(tmp_path_factory.mktemp("data") / "renders", config)
    return render(config, 8, folder)


def _config(renders, tmp_path, **changes):
    return PoseTrainConfig(
        data=renders, test=renders, runs=tmp_path, name="pose", augment=STILL,
        keypoints=changes.pop("keypoints", SMALL),
        batch_size=8, seed=1,
        training_samples=changes.pop("training_samples", 64), **changes,
    )  # fmt: skip


def test_every_sample_comes_once_an_epoch_in_an_order_that_can_be_resumed(renders):
    opened = open_renders(renders)
    order = batches(opened, 3, 16, seed=5)
    whole = [next(order)["images"].flatten(1) for _ in range(9)]
    for epoch in range(3):
        seen = torch.cat(whole[3 * epoch : 3 * epoch + 3])
        assert len(seen) == 8 and len(torch.unique(seen, dim=0)) == 8
    for skipped in (1, 4, 8):
        again = next(batches(opened, 3, 16, seed=5, first=skipped))["images"].flatten(1)
        torch.testing.assert_close(again, whole[skipped])


def test_it_learns_eight_pictures_by_heart(renders, tmp_path):
    plain = PhotoConfig((1, 1), (1, 1), (1, 1), 0.0, 0.0, 0.0)
    trainer = Trainer(
        _config(renders, tmp_path, training_samples=8 * 400, photo=plain, learning_rate=3e-3)
    )
    order = batches(trainer.renders, 8, 16, 1)
    losses = []
    while trainer.samples_seen < trainer.config.training_samples:
        losses.append(trainer.step(next(order)))
        if len(losses) % 50 == 0:
            errors = judge(NetReader(trainer.decoder), trainer.renders).errors
            trainer.decoder.train()
            if errors.position_mm.max() < 5 and errors.rotation_deg.max() < 10:
                break
    assert errors.position_mm.max() < 5, errors.table()
    assert errors.rotation_deg.max() < 10, errors.table()
    # What is left is the entropy of the heatmaps that the network is to learn.
    assert np.mean(losses[-5:]) < 0.35 * np.mean(losses[:5])


def test_a_run_resumes_exactly(renders, tmp_path):
    refined = replace(SMALL, refine_share=0.4)
    whole = start(_config(renders, tmp_path / "whole", keypoints=refined))
    part = start(_config(renders, tmp_path / "part", keypoints=refined))
    # The same to the last bit, and so it is after a stop in the middle.
    _, net, _ = load_pose_run(whole)
    _, same, _ = load_pose_run(part)
    for one, other in zip(net.state_dict().values(), same.state_dict().values(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)
    stopped = Trainer(_config(renders, tmp_path / "stopped", keypoints=refined))
    folder = tmp_path / "stopped" / "pose"
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text((whole / "config.yaml").read_text())
    order = batches(stopped.renders, 8, 16, 1)
    for _ in range(3):
        stopped.step(next(order))
    stopped.save(folder, stopped.renders.config)
    resume(folder, [])
    _, resumed, _ = load_pose_run(folder)
    for one, other in zip(net.state_dict().values(), resumed.state_dict().values(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)
    rows = [json.loads(line) for line in (whole / "metrics.jsonl").read_text().splitlines()]
    assert rows[-1]["steps"] == 64 and rows[-1]["test"]["samples"] == 8


def test_it_is_exported_and_reads_the_same_on_onnx(renders, tmp_path, capsys):
    whole = start(_config(renders, tmp_path / "whole", keypoints=replace(SMALL, refine_share=0.4)))
    _, net, _ = load_pose_run(whole)
    bundle = make_bundle(tmp_path / "bundle")
    assert main(["vision", "export", str(whole), "--bundle", str(bundle)]) == 0
    loaded = load_bundle(bundle)
    entry = loaded.manifest.pose
    assert entry.keypoints.refinements == 2
    assert list(entry.cameras) == ["left", "right", "top"] and entry.image_px == 32
    opened = open_renders(renders)
    assert len(entry.keypoints.points_m) == 14 and len(entry.keypoints.landmarks) == 8
    ours = judge(NetReader(net), opened)
    theirs = judge(GraphReader(OnnxPose(loaded.pose_graph, entry)), opened)
    np.testing.assert_allclose(theirs.errors.position_mm, ours.errors.position_mm, atol=0.1)
    np.testing.assert_allclose(theirs.errors.rotation_deg, ours.errors.rotation_deg, atol=0.1)
    # The bundle's predicted errors are as large as the real ones.
    by_m, by_rad = entry.keypoints.error_factors
    assert (by_m, by_rad) == pytest.approx(ours.factors)
    np.testing.assert_allclose(theirs.error_m, by_m * ours.error_m, rtol=0.02)
    assert theirs.factors == pytest.approx((1.0, 1.0), rel=0.02)
    assert entry.keypoints.error_limit_m == pytest.approx(ours.limits[0])
    capsys.readouterr()
    for reader in (whole, bundle):
        out = tmp_path / f"{reader.name}.yaml"
        words = ["--data", str(renders), "--as-ranges", str(out)]
        assert main(["vision", "eval", str(reader), *words]) == 0
        assert set(load(TrainConfig, out).env.randomization) <= {"observation.delay"}
    first, second = capsys.readouterr().out.strip().split("8 samples")[:2]
    assert first.split() == second.split() and "constant position mm" in first


def test_states_of_a_policy_can_be_rendered(can_render, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setattr("sleight.train.pose.visited_states.WORLDS", 4)
    bundle = Path(__file__).parents[3] / "pretrained" / "block"
    file = tmp_path / "states.npy"
    assert main(["vision", "states", str(bundle), "--count", "10", "--out", str(file)]) == 0
    states = np.load(file)
    assert states.shape == (10, 31) and np.isfinite(states).all()
    assert (states[:, 26] > -0.04).all(), "a dropped block was kept"
    # Moments of one trial lie 8 steps apart: the hand has moved, the block still is one.
    assert np.abs(states[:4, :24] - states[4:8, :24]).max(axis=1).min() > 0.05
    np.testing.assert_allclose(np.linalg.norm(states[:, 27:], axis=1), 1.0, atol=1e-6)
    shown = StatesConfig(file=file, unchanged_share=1.0, rotated_share=0.0)
    config = RenderConfig(strength=0.0, cameras=CamerasConfig(image_px=16), states=shown)
    (shard,) = open_renders(render(config, 3, tmp_path / "renders")).shards()
    apart = np.abs(shard["position"][:, None] - states[None, :, 24:27]).max(axis=-1)
    assert (apart.min(axis=1) < 1e-6).all(), "pictures show other states"
    np.save(file, states[:, :30])
    with pytest.raises(DataError, match=r"got an array \(10, 30\), allowed: states \(M, 31\)"):
        render(config, 3, tmp_path / "other")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ["paint"],
            "got paint, did you mean 'train'? available: states, render, train, widen, eval,",
        ),
        (["render", "--count", "0", "--out", "x"], "--count: got 0"),
        (["states", "nowhere", "--count", "2", "--out", "x.npy"], "nowhere: got no checkpoint"),
        (["render", "--count", "4", "--out", "x", "--strenght", "1"], "strength"),
        (["train", "--data", "nowhere"], "nowhere/dataset.json: no such file"),
        (["eval", "nowhere", "--data", "nowhere"], "nowhere/dataset.json: no such file"),
        (["train", "--resume"], "--resume: got nothing"),
    ],
)
def test_bad_input_is_one_line(words, line, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["vision", *words]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("error: ") and err.count("\n") == 1 and line in err, err
    assert not list(tmp_path.iterdir())
