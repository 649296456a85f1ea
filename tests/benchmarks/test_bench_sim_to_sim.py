"""`sleight bench sim_to_sim`: a row for each policy and variant, the same hands for all."""

import json
import re

import pytest

from sleight.cli import main


def test_a_row_for_each_policy_and_variant(bundle, tmp_path, capsys):
    path = tmp_path / "table.json"
    words = (str(bundle), "--variants", "none,tied", "--trials", "2", "--json", str(path))
    assert main(["bench", "sim_to_sim", *words]) == 0
    out = capsys.readouterr().out
    row = r"^\| bundle \| (\w+) \| [\d.]+ \+- [\d.]+ \| [\d.]+ \| (\d+), (\d+) \| (.*) \|$"
    rows = re.findall(row, out, re.M)
    assert [found[0] for found in rows] == ["none", "tied"]
    for _, first, second, ends in rows:
        assert int(first) >= int(second)  # sorted
        assert sum(map(int, ends.split(" | "))) == 2
    data = json.loads(path.read_text())
    assert [found["variant"] for found in data["rows"]] == ["none", "tied"]
    assert all(len(found["trials"]) == 2 for found in data["rows"])
    assert data["rows"][0]["seconds"] > 0


def test_it_goes_on_where_it_stopped_and_parts_are_joined(bundle, tmp_path, capsys):
    """Goals that are easier, in two files, each row measured once."""
    common = ("--trials", "1", "--max_angle_rad", "1.0", "--flip_share", "0")
    first, second = tmp_path / "first.json", tmp_path / "second.json"

    def bench(*words):
        assert main(["bench", "sim_to_sim", *words]) == 0
        out, err = capsys.readouterr()
        return [line for line in out.splitlines() if line.startswith("| s")], err.count("1 of 1")

    words = (f"swing={bundle}", *common, "--json", str(first), "--variants")
    _, count = bench(*words, "none")
    assert count == 1
    rows, count = bench(*words, "tied,none")
    assert count == 1  # the other one is in the file
    assert [line.split(" | ")[1] for line in rows] == ["tied", "none"]
    data = json.loads(first.read_text())
    assert data["rows"][0]["goals"]["max_angle_rad"] == 1.0
    bench(f"slow={bundle}", *common, "--json", str(second), "--variants", "none")
    rows, count = bench("--join", str(first), str(second))
    assert count == 0
    assert [line.split(" | ")[0] for line in rows] == ["| swing", "| swing", "| slow"]
    data["seed"] = 5
    second.write_text(json.dumps(data))
    assert main(["bench", "sim_to_sim", "--join", str(first), str(second)]) == 2
    assert "second.json: seed: got 5, allowed: 0" in capsys.readouterr().err
    assert main(["bench", "sim_to_sim"]) == 2
    assert "got neither, allowed: bundles, or --join FILE" in capsys.readouterr().err


def test_every_trial_with_one_hand(bundle, tmp_path, capsys):
    """The first is that of the hand's own row; then it goes on, and files are not mixed."""
    path = tmp_path / "hand.json"

    def trials(*flags):
        words = ("bench", "sim_to_sim", str(bundle), "--variants", "none", "--seed", "3")
        assert main([*words, *flags]) == 0
        return [line for line in capsys.readouterr().err.splitlines() if ", none: " in line]

    of_its_own = trials("--trials", "2")
    one = trials("--trials", "2", "--hand", "3", "--json", str(path))
    assert len(one) == 2 and one[0] == of_its_own[0]
    (found,) = json.loads(path.read_text())["rows"]
    assert found["seconds"] > 0 and json.loads(path.read_text())["hand"] == 3
    words = ("bench", "sim_to_sim", str(bundle), "--variants", "none", "--seed", "3")
    assert main([*words, "--trials", "2", "--json", str(path)]) == 2
    assert "hand.json: hand: got 3, allowed: None" in capsys.readouterr().err
    before = tmp_path / "before.json"  # as written when there was no --hand
    data = {key: value for key, value in json.loads(path.read_text()).items() if key != "hand"}
    before.write_text(json.dumps(data))
    assert main(["bench", "sim_to_sim", "--join", str(before), str(path)]) == 2
    assert "hand.json: hand: got 3, allowed: None" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--variants", "none,glov"], "--variants: got glov, did you mean 'glove'?"),
        (["--trials", "0"], "--trials: got 0, allowed: an integer >= 1"),
        (["--hand", "-1"], "--hand: got -1, allowed: an integer >= 0"),
        (["--seed", "-1"], "--seed: got -1, allowed: an integer >= 0"),
    ],
)
def test_bad_flags_are_one_line(bundle, capsys, flags, line):
    assert main(["bench", "sim_to_sim", str(bundle), *flags]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1 and line in err
