"""A rig file is strict: what is wrong in it is one line that says what is meant."""

from pathlib import Path

import pytest

from sleight.cli import main
from sleight.contract.bundle import load_bundle
from sleight.deploy.drivers.driver_registry import HandConfig, open_hand
from sleight.deploy.rig_file import RigConfig, fingerprint, load_rig
from sleight.deploy.runtime.rig_connect import connected_poses
from sleight.errors import ConfigError

ROOT = Path(__file__).parents[2]


def written(tmp_path, text):
    path = tmp_path / "lab.yaml"
    path.write_text(text)
    return str(path)


def test_the_shipped_file_is_the_default_rig_with_the_shipped_policy():
    config = load_rig([str(ROOT / "configs" / "rig_sim.yaml")])
    assert config.policy.bundle == Path("pretrained/block")
    plain = load_rig(["--policy.bundle", "pretrained/block"])
    assert fingerprint(config, "x") == fingerprint(plain, "x")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("gate: {speed_scael: 0.2}", "speed_scael: unknown field, did you mean 'speed_scale'?"),
        ("hnad: {host: here}", "hnad: unknown field, did you mean 'hand'?"),
        ("gate: {margin_rad: 2}",
         "gate.margin_rad: got 2, allowed: a number in [0, 0.1]; 2 degrees are 0.03491 rad"),
        ("gate: {max_error_rad: 20}",
         "max_error_rad: got 20, allowed: a number in [0.01, 1.6]; 20 degrees are 0.3491 rad"),
        ("loop: {hand_max_age_s: 30}", "in [0.001, 1]; 30 milliseconds are 0.03 s"),
        ("gate: {margin_rad: -1}", "gate.margin_rad: got -1, allowed: a number in [0, 0.1]"),
        ("hand: {port: 70000}", "hand.port: got 70000, allowed: an integer in [0, 65535]"),
        ("rig: {side: left}", "rig: side: got left, allowed: right"),
        ("rig: {name: a/b}", "rig: name: got 'a/b', allowed: the name of a folder"),
        ("cameras: [{name: a, device: x}, {name: b, device: x}]",
         "cameras: got the device x twice, allowed: one camera each"),
        ("cameras: [{name: a, device: x, siez: [1, 2]}]", "did you mean 'size'?"),
        ("cameras: [{name: a}]", "cameras.0.device: missing, allowed: text"),
        ("- 1", "got [1], allowed: a mapping of fields"),
        ("rig: {name: [", "not valid YAML at line 1"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line_and_nothing_is_made(tmp_path, capsys, text, line):
    for command in ("check", "dry-run", "run"):
        assert main(["rig", command, written(tmp_path, text)]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.count("\n") == 1
        assert line in err
        assert "lab.yaml" in err
    assert [path.name for path in tmp_path.iterdir()] == ["lab.yaml"]


def test_a_range_without_a_usual_mistake_gives_no_hint(tmp_path):
    with pytest.raises(ConfigError, match=r"allowed: a number in \[0, 0.1\]$"):
        load_rig(["--gate.margin_rad", "90"])


def test_words_are_a_file_and_a_folder_in_any_order(tmp_path):
    path, folder = written(tmp_path, "rig: {name: lab1}"), tmp_path / "bundle"
    folder.mkdir()
    for words in ([path, str(folder)], [str(folder), path]):
        config = load_rig([*words, "--trials", "3"])
        assert (config.rig.name, config.policy.bundle, config.trials) == ("lab1", folder, 3)
    with pytest.raises(ConfigError, match=r"got a second bundle, allowed: one beside"):
        load_rig([str(folder), str(tmp_path)])
    with pytest.raises(ConfigError, match=r"nowhere: no such file; allowed: a rig file or a"):
        load_rig([str(tmp_path / "nowhere")])


def test_the_fingerprint_is_of_what_matters(tmp_path):
    base = load_rig([written(tmp_path, "rig: {name: lab1}  # a comment\ngate: {margin_rad: 0.03}")])
    same = load_rig([
        written(tmp_path, "gate: {margin_rad: 0.03}\nrig: {name: lab1}"), "--trials", "3",
        "--goal_seed", "4", "--log.dir", "elsewhere",
    ])  # fmt: skip
    assert fingerprint(base, "graph") == fingerprint(same, "graph")
    assert fingerprint(base, "graph") != fingerprint(base, "another graph")
    path = written(tmp_path, "rig: {name: lab1}\ngate: {margin_rad: 0.03}")
    for flag, value in (("gate.margin_rad", "0.04"), ("hand.port", "1"), ("rig.name", "lab2")):
        other = load_rig([path, f"--{flag}", value])
        assert fingerprint(other, "graph") != fingerprint(base, "graph")


def test_another_calibration_or_pose_network_needs_another_check(tmp_path):
    path = tmp_path / "left.yaml"
    camera = f"{{name: left, device: /dev/video0, intrinsics: {path}}}"
    rig = load_rig([written(tmp_path, f"cameras: [{camera}]")])
    prints = [fingerprint(rig, "policy")]  # the file is not there yet
    for text in ("focal_px: [1, 1]", "focal_px: [2, 2]"):
        path.write_text(text)
        prints += [fingerprint(rig, "policy"), fingerprint(rig, "policy", "pose")]
    assert len(set(prints)) == 5


def test_a_driver_that_is_not_there_and_a_rig_without_eyes(bundle):
    with pytest.raises(ConfigError, match=r"hand.driver: got rigg, did you mean 'rig'\?"):
        open_hand(HandConfig(driver="rigg"))
    with pytest.raises(ConfigError, match="referee: got null, allowed: "):
        connected_poses(RigConfig(referee=None), load_bundle(bundle), {}).__enter__()
