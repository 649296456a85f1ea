"""`sleight bench pose`: with the truth put in, the errors are those of the rest."""

import re

import pytest

from sleight.cli import main
from sleight.train.pose.config import PoseTrainConfig
from sleight.train.pose.pose_loop import start
from sleight.vision.config import CamerasConfig, RenderConfig
from sleight.vision.keypoint_decoder import KeypointConfig
from sleight.vision.keypoint_net import KeypointNetConfig
from sleight.vision.renders.render_job import render
from tests.vision.conftest import can_render, prepare  # noqa: F401  (a fixture)


def cells(out, name):
    (line,) = re.findall(rf"^\| {re.escape(name)} \|(.*)\|$", out, re.M)
    return [float(cell.strip(" %")) for cell in line.split("|")]


def test_each_part_of_the_truth_helps(can_render, tmp_path, capsys):  # noqa: F811
    config = RenderConfig(cameras=CamerasConfig(image_px=32), shard_size=12)
    data = render(config, 12, prepare(tmp_path / "data", config))
    net = KeypointNetConfig(input_px=16, channels=(4, 8), head_channels=(8,))
    run = start(PoseTrainConfig(data=data, runs=tmp_path, name="pose", training_samples=12,
                                keypoints=KeypointConfig(net=net)))  # fmt: skip
    capsys.readouterr()
    out = tmp_path / "table.md"
    assert main(["bench", "pose", str(run), "--data", str(data), "--out", str(out)]) == 0
    text = out.read_text()
    assert capsys.readouterr().out == text
    untrained = cells(text, "as on the robot")
    assert untrained[0] > 10 and untrained[2] > 20
    told = cells(text, "perfect keypoints, cameras as told")
    assert 0.8 < told[0] < 2.5 and told[2] < 1.0
    perfect = cells(text, "all perfect")
    assert perfect[0] < 0.8 * told[0] and perfect[2] < 0.5 and perfect[4] == 0.0
    assert cells(text, "5")[1] > 10


def test_a_missing_run_is_one_line(tmp_path, capsys):
    assert main(["bench", "pose", str(tmp_path / "no"), "--data", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("words", [["--data", "x"], []])
def test_missing_words_are_refused(words, capsys):
    assert main(["bench", "pose", *words]) == 2
    assert capsys.readouterr().out == ""
