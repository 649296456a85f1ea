"""The ranges of renders under ADR: real renders, measured at the ends, decide about the ends."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from sleight.adr.adr_config import AdrConfig
from sleight.adr.state import initial
from sleight.cli import main
from sleight.config import save
from sleight.errors import CheckpointError, ConfigError
from sleight.train.analysis.adr_report import report
from sleight.train.analysis.adr_runs import read
from sleight.train.pose.config import WidenConfig
from sleight.train.pose.pose_learner import load_pose_run
from sleight.train.pose.widening import (
    RENDERS,
    Widening,
    draw,
    measure,
    place,
    render_round,
    resume,
    start,
    table,
)
from sleight.vision.config import CamerasConfig, LooksConfig, RenderConfig
from sleight.vision.decoders import Guesses
from sleight.vision.keypoint_decoder import KeypointConfig
from sleight.vision.keypoint_net import KeypointNetConfig
from sleight.vision.renders.render_job import STATES
from tests.vision.conftest import can_render, home_states  # noqa: F401  (a fixture)

TINY = KeypointConfig(net=KeypointNetConfig(input_px=16, channels=(8, 8), head_channels=(8,)))
RENDER = RenderConfig(
    strength=0.0,
    supersample=1,  # with these cameras, which `in_the_light` is made for
    cameras=CamerasConfig(image_px=16, fovy_deg=30.0),
    looks=LooksConfig(shadow_share=0.0, plain_share=1.0),
)
ALWAYS = AdrConfig(
    step_sizes={"light.ambient": 1.0, "background.colour": 0.3},
    boundary_probability=1.0,
    threshold_high=0.7,
    threshold_low=0.3,
    buffer=4,
)


def _config(tmp_path, **changes):
    given = {
        "adr": ALWAYS, "rounds": 2, "round_samples": 24, "round_training_samples": 24,
        "batch_size": 12,
        "render": RENDER, "name": "wide", "runs": tmp_path, "target_mm": 1e4, "target_deg": 180.0,
        "keypoints": TINY, **changes,
    }  # fmt: skip
    return WidenConfig(**given)


def _prepare(folder):
    """States at home, which spares the physics."""
    folder.mkdir(parents=True)
    np.save(folder / STATES, home_states())


def in_the_light(batch):
    """Reads the truth where the pictures are bright enough to see anything, else nonsense."""
    dark = batch["images"].float().mean(dim=(1, 2, 3, 4)) < 166.0
    position = torch.where(dark[:, None], batch["position"] + 1.0, batch["position"])
    nothing = np.zeros(len(dark))
    return Guesses(position, batch["wxyz"], nothing, nothing, np.zeros((len(dark), 0)))


def test_what_cannot_be_read_at_an_end_keeps_that_end_from_growing(can_render, tmp_path):  # noqa: F811
    adr = replace(ALWAYS, step_sizes={"light.ambient": 1.0, "hand.gloss": 1.0})
    config = _config(tmp_path, target_mm=5.0, target_deg=5.0, adr=adr)
    _prepare(tmp_path / "renders")
    state = initial(table(config), config.adr)
    for number in range(4):
        renders = render_round(config, state, number, tmp_path / "renders")
        state, row = measure(in_the_light, renders, state, config, 10 * number, 24 * number)
    dark, bright, gloss = ((e.parameter, e.side) for e in state.history[:3])
    assert (dark, bright, gloss) == (
        ("light.ambient", "low"), ("light.ambient", "high"), ("hand.gloss", "high"),
    )  # fmt: skip
    decisions = {
        end: [e.decision for e in state.history if (e.parameter, e.side) == end]
        for end in (dark, bright, gloss)
    }
    # 0.34 and 0.34 exp(-0.4) are light enough, 0.34 exp(-0.8) is not: out, out, back, out again.
    assert decisions[dark] == ["widen", "widen", "tighten", "widen"]
    assert decisions[bright] == decisions[gloss] == ["widen"] * 4
    assert state.low[0] == -2.0 and state.high[0] == pytest.approx(2.7, abs=0.01)
    assert state.high[1] == 3.0, "beyond its limit"
    # All samples tried an end: where they do, they have it exactly.
    assert row["within"] == 0.0 and 0.5 < row["within_boundary"] <= 1.0
    shard = renders.shard(0)
    at_dark = shard["parameters"][shard["boundary"] == 0, 0]
    np.testing.assert_allclose(at_dark, 0.34 * np.exp(-0.4), rtol=1e-5)
    assert row["range/light.ambient"][0] == pytest.approx(0.34 * np.exp(-0.8))
    assert renders.shard(0)["version"].max() == 3


def test_a_run_resumes_exactly_and_its_report_speaks_of_renders(can_render, tmp_path, capsys):  # noqa: F811
    config = _config(tmp_path / "whole")
    _prepare(tmp_path / "whole" / "wide" / RENDERS)
    whole = start(config)
    adr = json.loads((whole / "adr.json").read_text())["state"]
    assert adr["step"] == 24 and len(adr["history"]) == 6
    # Begun, one round, and on again by --resume; the first round's renders are made once.
    stopped = Widening(replace(config, runs=tmp_path / "part"), tmp_path / "part" / "wide")
    part = stopped.folder
    part.mkdir(parents=True)
    save(stopped.config, part / "config.yaml")
    shutil.copytree(place(whole / RENDERS, 0), place(part / RENDERS, 0))
    shutil.copy(whole / RENDERS / STATES, part / RENDERS)
    stopped.turn()
    resume(part, [])
    assert json.loads((part / "adr.json").read_text())["state"] == adr
    (_, net, seen), (_, same, _) = load_pose_run(whole), load_pose_run(part)
    for one, other in zip(net.state_dict().values(), same.state_dict().values(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)
    # What the bundle will say that the network has seen are the ranges, not the nominal rig.
    assert seen.strength == 1.0 and seen.looks.background_colour == pytest.approx(0.6)
    assert seen.looks.light_total == (1.0, 1.0)

    run = read(whole)
    assert run.words.performance == "share within the target errors"
    page = report([run])
    assert "background.colour" in page and "samples learned from" in page
    assert "control steps" not in page and "successes</" not in page
    data = str(place(whole / RENDERS, 1))
    assert main(["vision", "eval", str(whole), "--data", data]) == 0
    assert "24 samples" in capsys.readouterr().out

    other = replace(
        config, name="other", keypoints=KeypointConfig(net=replace(TINY.net, channels=(8, 16)))
    )
    with pytest.raises(CheckpointError, match="got a network of"):
        start(replace(other, warm_start=whole))
    assert not (tmp_path / "whole" / "other").exists()
    warm = Widening(replace(config, name="other"), tmp_path / "other")
    warm.take_weights(whole)
    for one, like in zip(
        net.state_dict().values(), warm.learner.decoder.state_dict().values(), strict=True
    ):
        torch.testing.assert_close(one, like, rtol=0, atol=0)


def test_a_round_is_drawn_by_its_number_within_the_ranges(tmp_path):
    config = _config(tmp_path, round_samples=400)
    state = replace(initial(table(config), config.adr), low=(-1.0, 0.0), high=(0.5, 0.6))
    first, again = (draw(state, config, np.random.default_rng(7)) for _ in range(2))
    assert first.same(again)
    ambient, colour = first.values.T
    assert ambient.min() == pytest.approx(0.34 * np.exp(-0.4))
    assert ambient.max() == pytest.approx(0.34 * np.exp(0.2))
    assert colour.min() >= 0.0 and colour.max() == pytest.approx(0.6)
    # The dimensions take turns, and so do both ends of one that has two.
    assert np.bincount(first.boundary, minlength=4) / 400 == pytest.approx(
        [0.25, 0.25, 0.0, 0.5], abs=0.08
    )


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--adr.step_sizes.light.ambiant", "0.1"], "did you mean"),
        (["--adr.threshold_low", "0.9"], "low < high"),
        (["--target_deg", "0"], "target_deg"),
        (["--warm_start", "nowhere"], "nowhere: got no checkpoint"),
        (["--resume"], "--resume: got nothing"),
    ],
)
def test_bad_input_is_one_line(words, line, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["vision", "widen", *words]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("error: ") and err.count("\n") == 1 and line in err, err
    assert not list(tmp_path.iterdir())


def test_something_must_widen(tmp_path):
    with pytest.raises(ConfigError, match=r"adr\.step_sizes: got nothing"):
        _config(tmp_path, adr=replace(ALWAYS, step_sizes={}))
