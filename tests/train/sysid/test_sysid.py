"""Calibration from recordings: the chain of a motor, the fit, and what training takes of it."""

import json
import os
import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sleight.config import load
from sleight.contract.recording import Recording, write_csv
from sleight.envs.hands.shadow import SHADOW_RIGHT as HAND
from sleight.envs.make import make_env
from sleight.errors import DataError
from sleight.train.config import TrainConfig
from sleight.train.rollout.adr_source import physical_ranges, start_state
from sleight.train.sysid.fit import (
    AS_TRAINED,
    BY_EFFORT,
    Calibration,
    Found,
    _check_success,
    solve,
)
from sleight.train.sysid.fitted_parameters import BY_NAME, MOTORS, ROWS
from sleight.train.sysid.motor_chain import servo, setpoints, tendons
from sleight.train.sysid.ranges import nominals, training_yaml
from sleight.train.sysid.residual import Problem, check_effort, noise_of

ROOT = Path(__file__).parents[3]
BENCH = runpy.run_path(str(ROOT / "benchmarks" / "rigs" / "sysid.py"))


def still(turns=100, effort=True):
    """A hand at home that nothing moves."""
    rng = np.random.default_rng(0)
    times_s = 0.08 * np.arange(turns)
    position = np.tile(HAND.joint_target(HAND.home), (turns, 1))
    return Recording(
        source="still",
        period_s=0.08,
        command_s=times_s,
        target=np.tile(HAND.home, (turns, 1)),
        state_s=times_s,
        position=position + 0.002 * rng.standard_normal(position.shape),
        effort=np.zeros((turns, 20)) if effort else None,
    )


def start(**changes):
    values = {row.name: row.everywhere(row.start) for row in ROWS}
    return {**values, **{name: BY_NAME[name].everywhere(v) for name, v in changes.items()}}


def test_setpoints_go_to_each_target_over_the_period_and_no_further_when_the_next_comes_early():
    base = still()
    target = np.zeros_like(base.target)
    target[1:] = 1.0
    target[2:] = 2.0
    command_s = base.command_s.copy()
    command_s[2:] -= 0.04  # comes when the way to 1 is half done
    times, values = setpoints(
        Recording(**{**vars(base), "target": target, "command_s": command_s}), 0.08
    )
    at = [float(np.interp(t, times, values[:, 0])) for t in (0.08, 0.10, 0.12, 0.16, 0.20, 1.0)]
    # Half of the first way, then from 0.5 to 2 in a period: 0.5, 1.25, 2.
    assert at == pytest.approx([0.0, 0.25, 0.5, 1.25, 2.0, 2.0], abs=1e-6)


def test_tendons_lag_lose_motion_and_come_late():
    corners = (np.array([0.0, 1e-6]), np.array([np.zeros(20), np.ones(20)]))
    times_s = np.arange(0.0, 0.6, 0.001)
    late = tendons(corners, times_s, start(lag=0.05, slack=0.02, latency=0.1))
    step = late[:, 0, 0]
    # The motor is at 1 - exp(-(t - latency) / lag), the tendon half the slack behind it.
    assert step[100] == pytest.approx(0.0, abs=0.02)
    assert step[150] == pytest.approx(1.0 - np.exp(-1.0) - 0.01, abs=0.01)
    assert step[-1] == pytest.approx(0.99, abs=1e-3)


def test_the_noise_of_a_reading_rounds_off_the_deadband():
    rng = np.random.default_rng(1)
    for error in (0.0, 0.01, 0.014, 0.016, 0.03):
        x = error + 0.002 * rng.standard_normal(200_000)
        mean = np.where(np.abs(x) > 0.015, x, 0.0).mean()
        found = servo(np.array([error]), np.array([0.015]), np.array([0.002]))[0]
        assert found == pytest.approx(mean, abs=4 * 0.03 / 200_000**0.5)


def test_noise_is_measured_where_motors_rest():
    noise = noise_of(still(turns=2000))
    pair = HAND.coupling.sum(axis=1) > 1
    np.testing.assert_allclose(noise, np.where(pair, 0.002 * 2**0.5, 0.002), rtol=0.15)


def test_each_residual_tells_of_its_own_motor():
    # Against a simulation with one motor changed alone: it moves others by a fraction of itself.
    stage = BY_EFFORT[1]
    problem = Problem([still()], stage, start(deadband=0.0))
    x = np.concatenate([start()[n][0, list(BY_NAME[n].motors)] for n in stage.free])
    jacobian = problem.jacobian(x, problem.residual(x)).reshape(100, 20, 44)
    motors = [*range(20), *range(20), *BY_NAME["spring"].motors]
    for column, name in ((MOTORS.index("FFJ3"), "damping"), (41, "spring")):
        moved = x.copy()
        moved[column] += BY_NAME[name].step
        slope = (problem.residual(moved) - problem.residual(x)) / BY_NAME[name].step
        alone, own = slope.reshape(100, 20), motors[column]
        found = jacobian[:, :, column]
        assert not np.delete(found, own, axis=1).any()
        assert np.linalg.norm(found[:, own] - alone[:, own]) < 0.4 * np.linalg.norm(alone[:, own])
        assert np.linalg.norm(np.delete(alone, own, axis=1)) < 0.6 * np.linalg.norm(alone[:, own])


def test_what_never_moved_is_not_told():
    found, _, _ = solve([still()], BY_EFFORT[0], start(deadband=0.02))
    for name in ("gain", "lag", "slack"):
        assert not found[name].known.any() and np.isnan(found[name].mean), name


MOVED = [MOTORS.index(name) for name in ("FFJ3", "MFJ3", "RFJ3")]


@pytest.fixture(scope="module")
def three():
    """A sweep of three motors, and the hidden numbers."""
    config = BENCH["ExcitationConfig"](group_s=9.0, groups=(("FFJ3", "MFJ3", "RFJ3"),))
    return BENCH["record"](3, config)


def test_what_moved_comes_near(three):
    recording, hidden = three
    found, _, _ = solve([recording], BY_EFFORT[0], start())
    assert found["gain"].known[MOVED].all() and found["lag"].known[MOVED].all()
    near = {"gain": 0.03, "lag": 0.002, "slack": 0.0006}
    for name, most in near.items():
        away = np.abs(found[name].value - hidden[name])[MOVED]
        assert (away < most).all(), (name, away)
    assert found["deadband"].value[0] == pytest.approx(0.015, abs=5e-4)


def test_efforts_of_another_reading_are_not_fitted_too_sharply(three):
    recording, hidden = three
    noise = 0.002 * np.random.default_rng(0).standard_normal(recording.position.shape)
    other = replace(recording, position=recording.position + noise)
    stages = {"ours": BY_EFFORT[0], "blunt": replace(BY_EFFORT[0], blurs=(1.0,))}
    away = {}
    for name, stage in stages.items():
        found, _, _ = solve([other], stage, start())
        away[name] = np.abs(found["gain"].value / hidden["gain"] - 1.0)[MOVED].max()
    assert away["ours"] < 0.15 and away["ours"] < 1.5 * away["blunt"], away


def calibration():
    """Of motors whose gains differ by 0.2 in the logarithm, and a damping that is not told."""
    logs = np.tile([-0.2, 0.2], 10)
    gain = Found(0.9 * np.exp(logs), np.full(20, 0.001))
    one = {
        "friction": Found(np.array([0.01]), np.array([0.002])),
        "latency": Found(np.array([0.075]), np.array([0.004])),
        "damping": Found(np.array([1.2]), np.array([np.inf])),
    }
    lag = Found(np.full(20, 0.05), np.full(20, 0.001))
    slack = Found(np.full(20, 0.02), np.full(20, 0.001))
    one |= {"lag": lag, "slack": slack, "deadband": Found(np.array([0.015]), np.array([0.0001]))}
    hand = {"gain": gain, "lag": lag, "damping": Found(np.ones(20), np.full(20, np.inf))}
    return Calibration(("made",), hand, {**one, "gain": gain}, {}, True)


def test_training_takes_the_file(tmp_path):
    rows = {row.name: row for row in nominals(calibration())}
    assert rows["hand.gain"].value == pytest.approx(0.9 * np.cosh(0.2))
    # Motors apart by 0.2 around 0.9: 1.96 * 0.185 / sqrt(20) on each side.
    assert rows["hand.gain"].first[1] - rows["hand.gain"].value == pytest.approx(0.0816, rel=0.05)
    assert rows["hand.gain.spread"].value == pytest.approx(0.205, abs=0.002)
    # |N(0, v)| has the mean v * sqrt(2 / pi).
    assert rows["hand.friction_loss"].value == pytest.approx(0.01 * (np.pi / 2) ** 0.5)
    assert rows["action.latency"].value == 60.0 and "75, at the limit" in rows["action.latency"].why
    assert rows["hand.lag"].value == pytest.approx(50.0)
    assert rows["hand.lag.spread"].value == pytest.approx(0.0)
    assert rows["hand.slack"].value == pytest.approx(0.02)
    assert rows["hand.deadband"].first == pytest.approx((0.0149, 0.0151))
    assert "hand.damping" not in rows and "hand.damping.spread" not in rows
    path = tmp_path / "calibrated.yaml"
    path.write_text(training_yaml(calibration()))
    assert "# hand.damping: not identified by the recordings" in path.read_text()
    small = ["--env.num_worlds", "2", "--env.resets.cache", "32", "--env.threads", "1"]
    config = load(TrainConfig, path, small)
    ranges = physical_ranges(start_state(config))
    for name in ("hand.gain", "hand.lag", "hand.friction_loss", "action.latency"):
        assert ranges[name] == pytest.approx(rows[name].first, rel=1e-3)
    env = make_env(config.env)
    env.reset(seed=0)
    gain = env.sim.field("actuator_gainprm")[:, :, 0].numpy() / env.sim.model.actuator_gainprm[:, 0]
    assert np.log(gain).std() == pytest.approx(0.205, rel=0.4)


@pytest.mark.parametrize("base", ["block_adr", "block_transfer", "block_calibrated", "block_rig"])
def test_a_calibrated_file_lies_over_a_training_file(tmp_path, base):
    """Also where the ranges that the file begins with are narrower than what was measured."""
    below = ROOT / "configs" / f"{base}.yaml"
    first = load(TrainConfig, below, []).adr.initial_ranges
    path = tmp_path / "lab.yaml"
    path.write_text(training_yaml(calibration(), str(below), first))
    config = load(TrainConfig, path, [])
    assert config.adr.step_sizes["object.size"] == 0.1
    assert config.adr.step_sizes["hand.gain"] == 0.02
    start_state(config)


def test_a_base_that_is_not_there_is_refused_before_the_fit(tmp_path, cli):
    source = tmp_path / "joints.csv"
    source.write_text(write_csv(still(), HAND))
    code, said, err = cli(
        "calibrate", source, "--out", tmp_path / "lab.yaml", "--base", "none.yaml"
    )
    assert code == 2 and "none.yaml" in err and "fit" not in said + err


def test_any_latency_of_a_jump_tells_which_way_it_is_wrong(three):
    # Commands and steps lie on one grid, where a jump that is seen at points moves by whole steps.
    problem = Problem([three[0]], AS_TRAINED, start(deadband=0.0, slack=0.0))
    for latency_s in (0.036, 0.04, 0.0435):
        x = np.array([1.0, 0.004, latency_s])
        assert np.linalg.norm(problem.jacobian(x, problem.residual(x))[:, 2]) > 100.0


def test_training_alone_fits_no_motor_apart():
    problem = Problem([still(effort=False)], AS_TRAINED, start(deadband=0.0, lag=1e-3))
    x = np.array([1.0, 0.004, 0.04])
    assert problem.jacobian(x, problem.residual(x)).shape == (2000, 3)


def moving():
    """Joints that move, but not with their targets."""
    rng = np.random.default_rng(0)
    base, times_s = still(effort=False), 0.08 * np.arange(100)
    reach = 0.2 * (HAND.upper - HAND.lower)
    middle = (HAND.upper + HAND.lower) / 2
    rates = 2 * np.pi * (0.2 + 0.02 * np.arange(20))
    target = middle + reach * np.sin(rates * times_s[:, None])
    other = middle + reach * np.cos(1.7 * rates * times_s[:, None] + rng.uniform(0, 6, 20))
    return replace(
        base, target=target, position=np.array([HAND.joint_target(row) for row in other])
    )


@pytest.mark.slow
def test_a_fit_that_explains_nothing_is_no_success_and_writes_nothing(tmp_path, cli):
    source, out = tmp_path / "joints.csv", tmp_path / "out.yaml"
    source.write_text(write_csv(moving(), HAND))
    code, _, err = cli("calibrate", source, "--out", out, "--json", tmp_path / "out.json")
    assert code == 2 and "do angles and targets belong together?" in err, err
    assert [path.name for path in tmp_path.iterdir()] == ["joints.csv"]


@pytest.mark.parametrize(
    ("error_rad", "known", "line"),
    [
        (49.0, True, "got an error of 49 rad after the fit"),
        (float("nan"), True, "got an error of nan rad after the fit"),
        (0.01, False, "identified no parameter"),
        (0.01, True, ""),
    ],
)
def test_a_success_is_an_error_below_the_motion_and_a_parameter_that_is_known(
    error_rad, known, line
):
    found = Found(np.ones(20), np.full(20, 0.1 if known else np.inf))
    check = lambda: _check_success([moving()], {"gain": found}, {"hand": error_rad})  # noqa: E731
    if not line:
        check()
        return
    with pytest.raises(DataError, match=line):
        check()


def test_efforts_that_no_motor_has_are_another_unit():
    effort = np.full((100, 20), 0.3)
    check_effort(replace(still(), effort=effort))
    with pytest.raises(DataError, match="effort.FFJ0: got 300 Nm, .*; --no-effort leaves efforts"):
        check_effort(replace(still(), effort=1e3 * effort))


@pytest.mark.slow
def test_a_whole_calibration_comes_near_the_hidden_hand(tmp_path, cli):
    recording, hidden = BENCH["record"](3)
    source = tmp_path / "joints.csv"
    source.write_text(write_csv(recording, HAND))
    out, found = tmp_path / "calibrated.yaml", tmp_path / "found.json"
    base = os.path.relpath(ROOT / "configs" / "block_transfer.yaml")  # not as seen from `out`
    code, said, err = cli("calibrate", source, "--out", out, "--json", found, "--base", base)
    assert code == 0, err
    assert "damping" in said and "identified" in said
    data = json.loads(found.read_text())
    near = {"gain": 0.03, "damping": 0.1, "lag": 0.04, "slack": 0.1, "friction": 0.4}
    for name, share in near.items():
        values = np.array([v["value"] for v in data["hand"][name]["values"].values()])
        told = np.array([v["half"] is not None for v in data["hand"][name]["values"].values()])
        assert told.mean() > 0.7, name
        away = values[told].mean() / hidden[name][told].mean() - 1.0
        assert abs(away) < share, (name, away)
    assert data["hand"]["deadband"]["values"]["hand"]["value"] == pytest.approx(0.015, abs=5e-4)
    assert data["hand"]["latency"]["values"]["hand"]["value"] == pytest.approx(0.0, abs=0.002)
    assert data["error_rad"]["hand"] < data["error_rad"]["trained"] < data["error_rad"]["before"]
    start_state(load(TrainConfig, out, []))
