"""Each fault does what it says, and the policy's side answers as it should."""

import json
import re
import signal
import time

import numpy as np
import pytest

from sleight.config import load
from sleight.deploy.drivers.wire_driver import RigDriver
from sleight.deploy.link import wire
from sleight.deploy.logs.log_read import read_log
from sleight.deploy.sim.faults import Faults
from sleight.deploy.sim.plant_config import FaultConfig, PlantConfig, RigSimConfig
from sleight.deploy.sim.simulated_body import Body
from sleight.envs.hands.shadow import SHADOW_RIGHT
from sleight.envs.hands.shadow import SHADOW_RIGHT as HAND
from sleight.errors import ConfigError


@pytest.fixture(scope="module")
def body():
    return Body(HAND, PlantConfig(), 0)


class Bench:
    """Faults on a clock of their own; states are numbered, 8 ms apart."""

    def __init__(self, body, *faults):
        self.events = []
        self.faults = Faults(faults, HAND, body, 0, lambda *a, **k: self.events.append((*a, k)))
        self.now_s, self.seq = 100.0, 0

    def run(self, seconds, armed=True):
        """The states that a client receives, decoded."""
        frames = []
        for _ in range(round(seconds / 0.008)):
            self.now_s += 0.008
            self.seq += 1
            self.faults.tick(armed, self.now_s)
            frames += self.faults.states(self.fields(), self.now_s)
        return [wire.decode(frame[4:]) for frame in frames]

    def fields(self):
        position = [float(self.seq)] * 24
        return {"seq": self.seq, "time_s": self.now_s, "mode": "armed", "position": position,
                "velocity": [0.0] * 24, "effort": []}  # fmt: skip


def test_nothing_happens_before_the_hand_is_armed_nor_before_its_time(body):
    bench = Bench(body, FaultConfig("drop", after_s=1.0, share=1.0))
    assert len(bench.run(5.0, armed=False)) == 625
    assert len(bench.run(0.9)) == 112
    assert bench.events == []
    bench.run(0.2)
    assert bench.run(1.0) == []
    assert bench.events == [("fault_on", {"kind": "drop", "name": ""})]


def test_a_fault_that_ends_leaves_nothing_behind(body):
    bench = Bench(body, FaultConfig("freeze", after_s=0.0, for_s=0.4))
    frozen = bench.run(0.4)
    assert len({message["time_s"] for message in frozen[:-1]}) == 1
    assert [message["seq"] for message in frozen] == list(range(1, 51))
    assert len({message["position"][0] for message in bench.run(0.4)}) == 50
    assert [event[0] for event in bench.events] == ["fault_on", "fault_off"]


def test_drop_loses_its_share(body):
    share = len(Bench(body, FaultConfig("drop", after_s=0.0, share=0.3)).run(16.0)) / 2000
    assert 0.65 < share < 0.75  # 2,000 draws: five standard deviations are 0.05


def test_delay_sends_every_state_late_and_in_order(body):
    bench = Bench(body, FaultConfig("delay", after_s=0.0, delay_s=0.1))
    found = bench.run(2.0)
    assert [message["seq"] for message in found] == list(range(1, len(found) + 1))
    assert 250 - len(found) == pytest.approx(0.1 / 0.008, abs=1)


def test_reorder_swaps_neighbours_and_loses_none(body):
    found = [m["seq"] for m in Bench(body, FaultConfig("reorder", after_s=0.0)).run(2.0)]
    assert found != sorted(found)
    assert sorted(found) == list(range(1, len(found) + 1))
    assert all(abs(seq - place) <= 1 for place, seq in enumerate(found, 1))


def test_a_frozen_camera_shows_the_same_pose_with_its_old_time(body):
    bench = Bench(body, FaultConfig("camera_freeze", after_s=0.0, for_s=1.0))
    bench.run(0.1)
    first = bench.faults.pose({"seq": 1, "time_s": 5.0, "position": [1.0]})
    assert bench.faults.pose({"seq": 2, "time_s": 6.0, "position": [2.0]}) == {**first, "seq": 2}
    bench.run(1.0)
    assert bench.faults.pose({"seq": 3, "time_s": 7.0, "position": [3.0]})["time_s"] == 7.0


def test_a_stuck_joint_and_a_hot_motor():
    moved = {}
    for fault in (None, FaultConfig("stuck_joint", 0.0, name="FFJ3"),
                  FaultConfig("hot_motor", 0.0, name="FFJ3")):  # fmt: skip
        body = Body(HAND, PlantConfig(), 0)
        bench = Bench(body, *([fault] if fault else []))
        bench.run(0.02)
        target, index = HAND.home.copy(), HAND.joints.index("FFJ3")
        target[HAND.actuators.index("FFJ3")] = 1.3
        body.motors.move(target, 0.1)
        start = body.plant.joint_position[index]
        for _ in range(800):
            body.step()
        moved[fault.kind if fault else "none"] = body.plant.joint_position[index] - start
        if fault and fault.kind == "hot_motor":
            assert body.motors.force[HAND.actuators.index("FFJ3")] == 0.0
    assert moved["none"] > 0.5
    assert abs(moved["stuck_joint"]) < 0.02
    assert abs(moved["hot_motor"]) < 0.3


def test_a_state_that_was_overtaken_does_not_turn_back_the_clock():
    driver = RigDriver("nowhere", 1)
    driver.spec = HAND
    for seq in (1, 3, 2):
        driver._take_state({"type": "state", "seq": seq, "time_s": float(seq), "mode": "ready",
                            "position": [0.1 * seq] * 24, "velocity": [0.0] * 24,
                            "effort": []})  # fmt: skip
    assert driver._state.seq == 3


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[{kind: freze}]", r"faults.0.kind: got \"freze\", allowed: freeze, drop, delay"),
        ("[{kind: stuck_joint, name: FFJ9}]", "got 'FFJ9' for stuck_joint, did you mean 'FFJ"),
        ("[{kind: hot_motor}]", "got '' for hot_motor, available: WRJ2"),
        ("[{kind: drop, share: 2}]", r"faults.0.share: got 2, allowed: a number in \[0, 1\]"),
        ("[{kind: drop, afterr: 2}]", "did you mean 'after_s'"),
    ],
)
def test_a_fault_that_cannot_be_is_one_line(text, line):
    with pytest.raises(ConfigError, match=line):
        for fault in load(RigSimConfig, None, ["--faults", text]).faults:
            fault.check(SHADOW_RIGHT)


def ended(process):
    _, err = process.communicate(timeout=120)
    assert "Traceback" not in err, err
    return process.returncode, [line for line in err.splitlines() if "successes" not in line]


@pytest.mark.parametrize(
    ("fault", "code", "line"),
    [
        ("freeze", 4, r"error: no joint state for \d\.\d\d s: joint state: got an age of .*"),
        ("nan", 3, r"error: hand at .*: the link has ended: frame: got the number NaN, allowed.*"),
        ("kill", 3, r"error: (hand|referee) at .*: the link has ended: .*"),
    ],
)
def test_what_the_policys_side_says(new_rig, policy_run, fault, code, line):
    rig = new_rig("--faults", f"[{{kind: {fault}, after_s: 1.0}}]")
    found, lines = ended(policy_run(rig, "--trials", "50"))
    assert found == code, lines
    assert len(lines) == 1
    assert re.fullmatch(line, lines[0]), lines
    events = rig.events()
    began_s = next(event["t"] for event in events if event["event"] == "fault_on")
    late = [e["t"] - began_s for e in events if e["event"] == "command" and e["t"] > began_s]
    assert max(late, default=0.0) < 1.0  # the ages that a test allows, and not the next second
    if fault == "kill":
        assert rig.process.wait(30) == -signal.SIGKILL


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["{kind: drop, share: 0.3", "{kind: reorder"])
def test_a_lossy_link_is_survived(new_rig, policy_run, tmp_path, fault):
    rig = new_rig("--faults", f"[{fault}, after_s: 1.0}}]")
    code, lines = ended(policy_run(rig, "--duration_s", "15"))
    assert (code, lines) == (0, [])
    (folder,) = (tmp_path / "runs").glob("rig-*")
    times = [turn["sensor_time_s"] for turn in read_log(folder).turns if turn["sensor_time_s"]]
    assert times == sorted(times)
    assert json.loads((folder / "result.json").read_text())["link"]["states_lost"] >= 0


@pytest.mark.slow
def test_a_frozen_camera_holds_the_hand(new_rig, policy_run, tmp_path):
    rig = new_rig("--faults", "[{kind: camera_freeze, after_s: 3.0, for_s: 3.0}]")
    began = time.monotonic()
    code, lines = ended(policy_run(rig, "--duration_s", "15"))
    assert (code, lines) == (0, [])
    holds = [event for event in rig.events("hold") if event["t"] > began]
    assert holds
    (folder,) = (tmp_path / "runs").glob("rig-*")
    notes = {turn["note"] for turn in read_log(folder).turns}
    assert any(note.startswith("no pose of the object for") for note in notes)
    assert np.isfinite(holds[0]["t"])
