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


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--variants", "none,glov"], "--variants: got glov, did you mean 'glove'?"),
        (["--trials", "0"], "--trials: got 0, allowed: an integer >= 1"),
    ],
)
def test_bad_flags_are_one_line(bundle, capsys, flags, line):
    assert main(["bench", "sim_to_sim", str(bundle), *flags]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1 and line in err
