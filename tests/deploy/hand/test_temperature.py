"""Motors' temperatures: from a hand's own words to the operator, a check, and a safety stop."""

import re
from types import SimpleNamespace

import numpy as np
import pytest

from sleight.cli import main
from sleight.deploy.drivers.ros.diagnostics import MotorTemperatures
from sleight.deploy.hand.temperature import TemperatureConfig, check_motors, hottest
from sleight.deploy.logs.log_read import read_log
from sleight.deploy.sim.plant_config import PlantConfig
from sleight.deploy.sim.simulated_body import Body
from sleight.envs.hands.shadow import SHADOW_RIGHT as HAND
from sleight.errors import ConfigError, SafetyStop
from tests.deploy.conftest import QUICK
from tests.deploy.runtime.test_rig_run import finish, only_run


def status(name, **values):
    items = [SimpleNamespace(key=key, value=value) for key, value in values.items()]
    return SimpleNamespace(name=name, values=items)


def message(*rows):
    return SimpleNamespace(status=rows)


def test_shadows_diagnostics_are_read_by_name_until_they_grow_old():
    found = MotorTemperatures(("FFJ0", "FFJ3"), "rh_")
    found.take(
        message(status("rh SRDMotor FFJ3", Temperature="41.5", **{"Measured PWM": "7"})), 1.0
    )
    assert found.newest(1.0) == ()  # one of two
    others = (status("lh SRDMotor FFJ0", Temperature="80"), status("EtherCAT Master"),
              status("rh SRDMotor FFJ0", Temperature="hot"))  # fmt: skip
    found.take(message(*others), 1.0)
    assert found.newest(1.0) == ()
    found.take(message(status("/rh SRDMotor FFJ0", Temperature="38.0")), 2.0)
    assert found.newest(2.0) == (38.0, 41.5)
    found.take(message(status("rh SRDMotor FFJ3")), 9.0)  # a motor in error tells nothing
    assert found.newest(10.9) == (38.0, 41.5)
    assert found.newest(11.1) == ()


def test_a_motor_without_a_temperature_does_not_hide_the_others():
    nan = float("nan")
    assert hottest(HAND, [nan] * 20) is None
    assert hottest(HAND, [40.0] * 19) is None  # whose they are is not known
    assert hottest(HAND, [nan, 41.0, *[nan] * 18]) == (HAND.actuators[1], 41.0)
    with pytest.raises(SafetyStop, match=HAND.actuators[1]):
        check_motors(HAND, [nan, 99.0, *[nan] * 18], TemperatureConfig())


def test_the_hottest_motor_warns_and_stops():
    values = np.linspace(30.0, 40.0, 20)
    assert hottest(HAND, tuple(values)) == (HAND.actuators[-1], 40.0)
    assert hottest(HAND, ()) is None
    check_motors(HAND, (), TemperatureConfig())
    check_motors(HAND, tuple(values), TemperatureConfig())
    with pytest.raises(SafetyStop, match=rf"motor {HAND.actuators[-1]}: got 40 C, allowed: less"):
        check_motors(HAND, tuple(values), TemperatureConfig(30, 40))
    with pytest.raises(ConfigError, match="warn_c: got 60, allowed: up to stop_c 57"):
        TemperatureConfig(warn_c=60)


def test_the_simulated_motors_warm_up_by_their_force_and_cool():
    motors = Body(HAND, PlantConfig(), 0).motors
    motors.force = motors._limit * np.where(np.arange(20) == 3, 1.0, 0.0)
    start_c = motors.temperature_c
    for _ in range(240):
        motors.warm(0.5)
    # One time constant of 120 s: 1 - 1/e of 26 C.
    assert motors.temperature_c[3] - start_c[3] == pytest.approx(26 * (1 - np.exp(-1)), abs=0.1)
    np.testing.assert_array_equal(np.delete(motors.temperature_c, 3), np.delete(start_c, 3))
    motors.halted[5] = True
    assert motors.temperature_c[5] > 60


def test_a_hot_motor_is_logged_stops_the_run_and_fails_a_check(
    new_rig, policy_run, bundle, tmp_path, capsys
):
    rig = new_rig("--faults", "[{kind: hot_motor, name: FFJ3, after_s: 1.5}]")
    _, lines = finish(policy_run(rig, "--trials", "50"), 4)
    assert lines == ["error: motor FFJ3: got 61 C, allowed: less than 57 C"]
    assert rig.events("stopped")[-1]["cause"] == "motor FFJ3: got 61 C, allowed: less than 57 C"
    folder = only_run(tmp_path)
    log = read_log(folder)
    told = [turn["temperature_c"] for turn in log.turns if turn["temperature_c"]]
    assert len(told) < len(log.turns)
    assert all(len(values) == 20 and max(values) < 57 for values in told)
    assert main(["rig", "report", str(folder)]) == 0
    assert "Temperatures in C" in (folder / "report.html").read_text()
    rig.free()
    capsys.readouterr()
    words = (str(bundle), *rig.flags(), "--log.dir", str(tmp_path / "runs"), *QUICK)
    assert main(["rig", "check", *words]) != 0
    assert re.search(r"FAIL  motors +FFJ3: got 61 C, allowed: less than 50 C",
                     capsys.readouterr().out)  # fmt: skip
