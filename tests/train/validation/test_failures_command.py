"""`sleight eval --find-failures` and `--failures`: files, exit codes, and what is refused."""

import json
from pathlib import Path

import pytest

SMALL = ("--goals.timeout_s", "0.8", "--goals.max_successes", "3")
FIND = ("--cases", "2", "--tries", "2", "--trials", "32", "--range", "gravity=-12,-8", *SMALL)


def test_a_set_is_found_run_and_compared(reach_run, tmp_path, cli) -> None:
    file, first = tmp_path / "set.json", tmp_path / "first.json"
    code, out, _ = cli("eval", reach_run, "--find-failures", file, *FIND)
    assert code == 0 and out.endswith(f"{file}\n") and "selected with" in out
    found = json.loads(file.read_text())
    assert (found["env"]["task"], found["env"]["goals"]["max_successes"]) == ("reach", 3)
    assert found["ranges"]["gravity"] == [-12.0, -8.0] and len(found["cases"]) == 2
    assert found["search"]["trials"] == 32 and found["search"]["versions"]["mujoco"]

    _spoilt(file, ("pass_mark", 10.0))  # which nobody reaches
    run = ("eval", reach_run, "--failures", file, "--tries", "5")
    code, out, _ = cli(*run, "--json", first)
    result = json.loads(first.read_text())
    assert code == 0 and "5 tries each" in out and "regression" not in out
    assert [len(case["successes"]) for case in result["cases"]] == [5, 5]

    code, out, _ = cli(*run, "--against", first, "--json", tmp_path / "second.json")
    assert code == 0 and "no regression" in out
    second = json.loads((tmp_path / "second.json").read_text())
    assert second["cases"] == result["cases"], "the same seed gives the same tries"

    for case in result["cases"]:
        case["successes"] = [40, 41, 42, 43, 44]
    first.write_text(json.dumps(result))
    code, out, _ = cli(*run, "--against", first, "--json", tmp_path / "second.json")
    assert code == 1 and "regression: case 1, case 2" in out
    second = json.loads((tmp_path / "second.json").read_text())
    assert second["regressions"] == ["case 1", "case 2"]


def _spoilt(path: Path, *changes) -> None:
    data = json.loads(path.read_text())
    for *keys, last, value in changes:
        inner = data
        for key in keys:
            inner = inner[key]
        inner[last] = value
    path.write_text(json.dumps(data))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("env", "task", "block"), "a policy of the task reach, allowed: the task block"),
        (("env", "model", "hand", "menagerie"), "hand gymnasium-robotics, allowed: the hand"),
        (("env", "control", "substeps", 5), "period of 0.08 s, allowed: a control period"),
        (("kind", "result"), "kind: got 'result', allowed: 'validation set'"),
        (("format", 2), "format: got 2, allowed: 1"),
        (("cases", []), "cases: got 0 with 0 names, allowed: 1 to 1000"),
        (("cases", 1, "name", "case 1"), "cases: got 3 with 2 names"),
        (("cases", 0, "parameters", "gravty", 1.0), "case 1: got unknown parameter 'gravty', did"),
        (("cases", 0, "parameters", "gravity", -15), "case 1: gravity: got -15, allowed: [-14,"),
        (("cases", 0, "parameters", "gravity", -13), "gravity: got -13, allowed: [-12, -8]"),
        (("cases", 0, "parameters", {"gravity": -9}), "hand.gain: got no value, allowed"),
        (("cases", 0, "parameters", "hand.damping", 1.2), "hand.damping: got it in addition"),
        (("cases", 0, "start", -1), "start: got -1, allowed: an integer in [0"),
        (("cases", 0, "successes", []), "case 1: successes: got none, allowed: one or more"),
        (("ranges", "gravity", [-8, -12]), "ranges: gravity: got -8 to -12, allowed: low <= high"),
        (("ranges", "hand.gain", [0.1, 1]), "ranges: hand.gain: got 0.1, allowed: [0.4, 2.5]"),
        (("pass_mark", 0), "pass_mark: got 0, allowed: a number in (0"),
        (("extra", 1), "extra: unknown field"),
    ],
)  # fmt: skip
def test_a_set_that_is_none_is_refused(change, says, reach_run, set_file, refused) -> None:
    _spoilt(set_file, change)
    assert says in refused("eval", reach_run, "--failures", set_file)


def test_a_file_that_is_no_set_is_refused(reach_run, tmp_path, set_file, refused) -> None:
    whole = set_file.read_text()
    for text, says in (
        ("", "truncated JSON"), (whole[:300], "invalid JSON"), ("[]", "kind: got list"),
        ("{}", "kind: got None"),
    ):  # fmt: skip
        set_file.write_text(text)
        assert f"{set_file}: {says}" in refused("eval", reach_run, "--failures", set_file)
    missing = tmp_path / "none.json"
    assert f"{missing}: no such file" in refused("eval", reach_run, "--failures", missing)


def test_a_result_of_another_set_is_refused(reach_run, tmp_path, set_file, cli, refused) -> None:
    old = tmp_path / "old.json"
    assert cli("eval", reach_run, "--failures", set_file, "--tries", 1, "--json", old)[0] == 0
    run = ("eval", reach_run, "--failures", set_file, "--against")
    assert "kind: got 'validation set', allowed: 'validation result'" in refused(*run, set_file)
    _spoilt(old, ("cases", 2, "name", "case 9"))
    assert "case 3: got no result, allowed: one of each case of" in refused(*run, old)
    _spoilt(old, ("set_digest", "other"))
    assert "a result of the set other, allowed: a result of" in refused(*run, old)
    _spoilt(old, ("cases", 0, "successes", [-1]))
    assert "successes" in refused(*run, old)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--cases", "3"), "--cases: got it alone, allowed: with --find-failures"),
        (("--tries", "3"), "--tries: got it alone, allowed: with --find-failures or --failures"),
        (("--against", "x"), "--against: got it alone, allowed: with --failures"),
        (("--failures", "x", "--trials", "9"), "--trials: got it with --failures, allowed"),
        (("--failures", "x", "--range", "gravity=-9,-8"), "--range: got it with --failures"),
        (("--failures", "x", "--goals.timeout_s", "3"), "--goals: got it with --failures"),
        (("--failures", "x", "--tries", "0"), "--tries: got 0, allowed: an integer >= 1"),
        (("--find-failures", "x", "--pose", "both"), "--pose: got it with --find-failures"),
        (("--failures", "x", "--record", "y"), "--record: got it with --failures, allowed"),
        (("--find-failures", "x", "--json", "y"), "--json: got it with --find-failures"),
        (("--find-failures", "x", "--failures", "y"), "not allowed with argument"),
        (("--find-failures", "x"), "a policy that was trained in one world, allowed: --range"),
        (("--find-failures", "x", *FIND, "--cases", "1001"), "--cases: got 1001, allowed: 1 to"),
        (("--find-failures", "x", *FIND, "--trials", "9"), "--trials: got 9, allowed with --"),
    ],
)  # fmt: skip
def test_flags_that_do_not_go_together(words, says, reach_run, refused, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert says in refused("eval", reach_run, *words)
    assert [*tmp_path.iterdir()] == []
