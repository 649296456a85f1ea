"""Plans on a simulated rig: its link, its cube's reports and its loop; faces turn by torque."""

import json
import re

import pytest

from sleight.cli import main
from sleight.contract.bundle import load_bundle
from sleight.deploy.logs.log_read import read_log
from sleight.deploy.logs.replay import replay
from sleight.deploy.rig_file import load_rig
from sleight.deploy.runtime import trial_runner
from sleight.envs.cube.cubelets import read_quaternions
from sleight.envs.cube.notation import FAIR_SCRAMBLE, apply_turns, parse_moves
from sleight.envs.objects.cubes.cube_parts import cubelet_rotations
from sleight.errors import DataError
from tests.deploy.conftest import QUICK
from tests.deploy.cube_rig import Oracle, cube_bundle, sim_with

MOVES = "U R' F2"
TIMES = ("--duration_s", "90", "--realtime", "false", "--plan.max_gap_s", "2")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return cube_bundle(tmp_path_factory.mktemp("cube") / "bundle")


@pytest.fixture
def run(folder, tmp_path, monkeypatch):
    """Run a bundle on the rig that an oracle moves; returns the run's folder and its result."""

    def begin(oracle, *flags, show=lambda progress: None):
        real = trial_runner.judge_of

        def judge_of(*parts):
            oracle.judge = real(*parts)  # the oracle reads the goal from it, nothing else
            return oracle.judge

        monkeypatch.setattr(trial_runner, "judge_of", judge_of)
        words = (str(folder), *oracle.flags(), "--log.dir", str(tmp_path / "runs"), *QUICK, *TIMES)
        config = load_rig([*words, *flags])
        return trial_runner.run_rig(config, load_bundle(folder), lambda: False, show)

    return begin


def state_of_the_cube(oracle):
    """The true state, from the physics."""
    plant = oracle.plant
    return read_quaternions(cubelet_rotations(plant.qpos[plant._layout.parts])).state


def moves_of(trial):
    return [goal["move"] for goal in trial["goals"]]


def test_a_plan_is_followed_and_wrong_turns_are_planned_anew(run, tmp_path, capsys):
    """The second turn is of another face, the fourth of two faces at once: only the first of these
    is mended without a search."""
    ends, wrong = [], {2: {"F": 1}, 4: {"R": -1, "L": 1}}

    def note(progress):
        if progress.trials_done > len(ends):
            ends.append(state_of_the_cube(oracle))

    with Oracle(sim_with(), wrong) as oracle:
        place, result = run(oracle, "--scramble", MOVES, "--trials", "2", show=note)
    ends.append(state_of_the_cube(oracle))
    assert result["endings"] == ["finished", "finished"], result["per_trial"]
    assert result["complete"] == 2
    assert all(end.same_stickers(apply_turns(parse_moves(MOVES).turns)) for end in ends[:2])
    first, second = result["per_trial"]
    for trial in (first, second):
        plan = trial["plan"]
        assert plan["steps"] == plan["total"] == trial["successes"] and plan["finished"]
        assert trial["goals"][-1]["reached"] and trial["goals"][-1]["duration_s"] > 0
    assert [goal["replaced"] for goal in first["goals"] if not goal["reached"]] == [
        "another turn", "another turn", "a plan was found",
    ]  # fmt: skip
    assert len(first["plan"]["wrong"]) == 2 and second["plan"]["wrong"] == []
    assert "search" in moves_of(first)
    turns = [move for move in moves_of(second) if move.startswith("turn")]
    assert turns == ["turn U", "turn R'", "turn F'", "turn F'"]
    assert replay(place).trials == 2
    assert main(["rig", "report", str(place)]) == 0
    page = (place / "report.html").read_text()
    for text in ("flip to R", "turn R&#39;", "another turn", "a plan was found", "2 wrong"):
        assert text in page, text


def test_a_scrambled_cube_is_solved(run):
    with Oracle(sim_with("--plant.scramble", MOVES)) as oracle:
        _, result = run(oracle, "--solve", MOVES, "--trials", "1")
    assert result["endings"] == ["finished"]
    assert state_of_the_cube(oracle).solved


def test_the_hand_holds_when_the_angles_stop_and_the_trial_is_cut(run, tmp_path):
    log = tmp_path / "rig.jsonl"
    fault = "[{kind: angles_freeze, after_s: 5}]"
    with (
        Oracle(sim_with("--faults", fault, "--log", str(log))) as oracle,
        pytest.raises(DataError, match=r"cube angles: got the last one .* ago, allowed: a report"),
    ):
        # The second trial cannot begin.
        run(oracle, "--scramble", FAIR_SCRAMBLE, "--trials", "2", "--plan.max_gap_s", "1")
    events = [json.loads(line) for line in log.read_text().splitlines()]
    frozen = next(e["t"] for e in events if e["event"] == "fault_on")
    held = next(e["t"] for e in events if e["event"] == "hold" and e["t"] > frozen)
    assert held - frozen < 1.0 + 1.0
    (place,) = (tmp_path / "runs").glob("rig-*")
    result = json.loads((place / "result.json").read_text())
    (trial,) = result["per_trial"]
    assert trial["ending"] == "cut" and result["complete"] == 0
    assert trial["reason"].startswith("cube angles: got the last one 1.")
    assert result["end"].startswith("error: cube angles: got the last one")
    assert sum(goal["reached"] for goal in trial["goals"]) >= 1
    # Not one target of the policy after the last report was too old.
    turns = read_log(place).turns
    lost = next(k for k, turn in enumerate(turns) if "cube angles" in turn["note"])
    assert turns[lost]["applied"] is None
    assert all(turn["action"] is None for turn in turns[lost:])
    assert main(["rig", "report", str(place)]) == 0
    assert "cut: cube angles: got the last one" in (place / "report.html").read_text()


def test_a_cube_in_another_state_than_the_plans_begins_no_trial(run):
    with (
        Oracle(sim_with("--plant.scramble", "R")) as oracle,
        pytest.raises(DataError, match=r"cube: face R: got -1.\d+ rad, allowed: within 0.25 of 0"),
    ):
        run(oracle, "--scramble", MOVES, "--trials", "1")


def test_the_command_runs_a_plan(new_rig, policy_run, folder, tmp_path):
    """A hand that does not turn the cube: the trial is cut by the end of the run."""
    rig = new_rig("--plant.object", "cube", "--plant.timestep_s", "0.004")
    process = policy_run(rig, "--scramble", MOVES, "--duration_s", "4", "--trials", "1",
                         "--plan.max_gap_s", "2", folder=folder)  # fmt: skip
    out, err = process.communicate(timeout=90)
    assert process.returncode == 0, (out, err)
    assert "of 7 steps, 0 wrong" in out or "of 8 steps, 0 wrong" in out or "dropped" in out
    (place,) = (tmp_path / "runs").glob("rig-*")
    result = json.loads((place / "result.json").read_text())
    assert result["end"] == "done" and result["per_trial"][0]["ending"] in ("cut", "dropped")
    assert moves_of(result["per_trial"][0])


@pytest.mark.parametrize(("held", "said"), [
    ("cube", r"  ok    face angles +1[0-3]\.\d reports per second"),
    ("block", r"  FAIL  face angles +got none, allowed: a report every 2 s"),
])  # fmt: skip
def test_a_check_looks_at_the_reports(new_rig, folder, tmp_path, capsys, held, said):
    rig = new_rig("--plant.object", held, "--plant.timestep_s", "0.004")
    words = (*rig.flags(), "--log.dir", str(tmp_path / "runs"), *QUICK, "--plan.max_gap_s", "2")
    assert bool(main(["rig", "check", str(folder), *words])) == (held == "block")
    assert re.search(said, capsys.readouterr().out)
