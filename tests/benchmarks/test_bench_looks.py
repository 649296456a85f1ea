"""`sleight bench looks`: sets that differ by what their name says, and a table and page of them."""

import json
import re
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from sleight.adr.intervals import median
from sleight.cli import main
from sleight.config import from_dict, to_dict
from sleight.train.pose import held_out_looks
from sleight.train.pose.config import PoseTrainConfig
from sleight.train.pose.held_out_looks import FACTORS, look_sets
from sleight.train.pose.looks_table import Row, by_share
from sleight.train.pose.pose_loop import start
from sleight.train.pose.pose_network import open_network
from sleight.vision.config import CamerasConfig, RenderConfig
from sleight.vision.keypoint_decoder import KeypointConfig
from sleight.vision.keypoint_net import KeypointNetConfig
from sleight.vision.renders.render_job import STATES, render
from tests.vision.conftest import can_render, prepare  # noqa: F401  (a fixture)

PRETRAINED = Path(__file__).parents[2] / "pretrained"


def ranges(config):
    jitter, looks = config.scaled()
    return asdict(jitter) | asdict(looks)


def test_a_set_of_one_factor_differs_from_strength_0_by_its_fields():
    sets = {one.name: one.config for one in look_sets(RenderConfig(seed=5))}
    nominal = ranges(sets["strength 0"])
    fields = [name for names in FACTORS.values() for name in names]
    assert sorted(fields) == sorted(set(nominal) - {"plain_share"})
    for factor, names in FACTORS.items():
        config = sets[f"only {factor}"]
        changed = {key for key, value in ranges(config).items() if value != nominal[key]}
        assert changed == set(names)
        assert (config.seed, config.renderer) == (5, "classic")


def test_strengths_are_those_of_all_ranges():
    sets = {one.name: one.config for one in look_sets(RenderConfig())}
    assert ranges(sets["strength 1"]) == ranges(RenderConfig())
    assert ranges(sets["strength 1.5"])["placement_deg"] == pytest.approx(4.5)
    assert ranges(sets["filament, strength 1"]) == ranges(sets["strength 1"])
    assert sets["filament, strength 1"].renderer == "filament"


def test_sets_have_folders_of_their_own_and_valid_configs():
    sets = look_sets(RenderConfig())
    assert len({one.folder for one in sets}) == len(sets) == 13
    for one in sets:
        assert re.fullmatch(r"[a-z0-9.-]+", one.folder)
        assert from_dict(RenderConfig, to_dict(one.config), "config") == one.config


def test_samples_are_divided_by_the_visible_share():
    shares = np.linspace(0.5, 1.0, 40)
    row = Row("all", 10.0 * (1.0 - shares), np.zeros(40), shares < 0.6)
    parts = by_share(row, shares)
    assert [len(part.position_mm) for part in parts] == [4, 6, 10, 20]
    assert parts[0].name == "all, 50 to 55 % visible"
    assert parts[0].rejected.all() and not parts[-1].rejected.any()
    assert np.diff([part.medians[0].value for part in parts]).max() < 0


def test_samples_of_one_share_are_one_part():
    (part,) = by_share(Row("all", np.ones(9), np.ones(9), None), np.ones(9))
    assert len(part.position_mm) == 9
    assert part.cells()[-1] == "–"


def test_a_row_counts_wrong_rotations():
    row = Row("a", np.arange(10.0), np.array([1.0] * 9 + [21.0]), None)
    assert row.cells()[:2] == ("a", "10")
    assert row.data()["beyond_20deg"][0] == pytest.approx(0.1)
    assert row.data()["position_mm"]["p90"] == pytest.approx(8.1)


def test_the_interval_of_a_median_holds_it():
    """19 of 20 intervals, or more, hold the true median of a skewed law."""
    rng = np.random.default_rng(0)
    for n in (6, 25):
        found = [median(rng.exponential(size=n)) for _ in range(1000)]
        assert 0.94 < np.mean([one.low <= np.log(2) <= one.high for one in found]) < 0.99
    assert np.isnan(median([1.0, 2.0, 4.0]).low)
    assert median([1.0, 2.0, 4.0]).value == 2.0


@pytest.mark.parametrize(
    ("name", "object_"), [("block_cameras", "block"), ("cube_cameras", "cube")]
)
def test_a_bundle_tells_its_cameras_and_object(name, object_):
    network = open_network(PRETRAINED / name)
    assert network.renders.object == object_
    for ours, nominal in zip(network.renders.cameras.views.values(),
                             CamerasConfig().views.values(), strict=True):  # fmt: skip
        distance_m, angle = ours.placement().distances(nominal.placement())
        assert distance_m < 1e-6 and angle < 1e-6


def tiny_run(folder):
    config = RenderConfig(cameras=CamerasConfig(image_px=32), shard_size=12)
    data = render(config, 12, prepare(folder / "data", config))
    net = KeypointNetConfig(input_px=16, channels=(4, 8), head_channels=(8,))
    return start(PoseTrainConfig(data=data, runs=folder, name="pose", training_samples=12,
                                 keypoints=KeypointConfig(net=net)))  # fmt: skip


@pytest.fixture
def fewer_sets(monkeypatch):
    """Three sets, and one of Filament on a machine without Vulkan."""
    monkeypatch.setattr(held_out_looks, "STRENGTHS", (0.0, 1.0))
    monkeypatch.setattr(held_out_looks, "FACTORS", {"lights": FACTORS["lights"]})
    monkeypatch.setattr(held_out_looks, "RENDERER_STRENGTHS", (1.0,))
    monkeypatch.setenv("VK_ICD_FILENAMES", "/nowhere")
    monkeypatch.setenv("VK_DRIVER_FILES", "/nowhere")


@pytest.mark.slow
def test_table_page_and_continuation(can_render, fewer_sets, tmp_path, capsys):  # noqa: F811
    run, out = tiny_run(tmp_path), tmp_path / "looks"
    states = tmp_path / "data" / STATES
    words = ["bench", "looks", str(run), "--count", "4", "--states", str(states), "--out", str(out)]
    assert main([*words, "--json", str(tmp_path / "looks.json")]) == 0
    table, said = capsys.readouterr()
    assert re.findall(r"^(.*): left out: .* it needs Vulkan", said, re.M) == [
        "filament, strength 1"
    ]
    data = json.loads((tmp_path / "looks.json").read_text())
    names = [row["name"] for row in data["rows"]]
    assert names[:3] == ["strength 0", "strength 1", "only lights"]
    assert all(name.startswith("strength 1, ") and "visible" in name for name in names[3:])
    assert sum(row["samples"] for row in data["rows"][3:]) == 4
    assert all(f"| {name} | " in table for name in names)
    page = (out / "looks.html").read_text()
    assert page.count("<img") == 2 * 3
    parts = re.sub(r"<script.*?</script>", "", page, flags=re.S)
    assert not re.search(r'(src|href)="(?!data:)', parts)

    shard = out / "strength-0" / "shard-00000.safetensors"
    made = shard.stat().st_mtime_ns
    assert main(words) == 0
    assert shard.stat().st_mtime_ns == made
    assert capsys.readouterr().out.split("\n\n")[0] == table.split("\n\n")[0]

    assert main([*words, "--seed", "2"]) == 2
    assert "renders of another config" in capsys.readouterr().err
    assert main([*words, "--seed", "0"]) == 2
    assert "--seed: got 0, the seed of the renders of its training" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "BUNDLE_OR_RUN"),
        (["no-such-folder"], "no-such-folder"),
        ([str(PRETRAINED / "block_cameras"), "--count", "0"], "--count: got 0"),
        ([str(PRETRAINED / "block_cameras"), "--seed", "x"], "got x"),
        ([str(PRETRAINED / "block_cameras"), "--states", "no-such-file"], "no-such-file"),
        ([str(PRETRAINED / "block")], "pose: got null"),
    ],
)
def test_bad_words_are_one_line(words, said, tmp_path, capsys):
    assert main(["bench", "looks", *words, "--out", str(tmp_path / "out")]) == 2
    told = capsys.readouterr()
    assert said in told.err and told.err.count("\n") == 1 and told.out == ""
    assert not (tmp_path / "out").exists()
