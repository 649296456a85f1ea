"""A bundle on a rig in another process: trials, refusals, and what happens when something dies."""

import itertools
import json
import re
import resource
import signal
import socket
import threading
import time

import numpy as np
import pytest

from sleight.deploy.logs.log_read import read_log
from sleight.deploy.logs.replay import replay
from sleight.envs.hands.shadow import SHADOW_RIGHT as HAND

HOLD_LIMIT_S = 0.25
SILENT = r"error: no joint state for \d+\.\d\d s: joint state: got an age of .*"


def interrupted(process, rig, tmp_path):
    """The result of a run that was stopped: one that held the hand last and said so."""
    _, lines = finish(process, 130)
    assert lines == []
    last = [e for e in rig.events() if e["event"] in ("hold", "command", "client_gone")][-2:]
    assert [e["event"] for e in last] == ["hold", "client_gone"]
    result = json.loads((only_run(tmp_path) / "result.json").read_text())
    assert result["end"] == "interrupted"
    return result


def finish(process, code, timeout_s=90):
    """Wait for it; returns (stdout, the error line, and nothing but it or progress lines)."""
    out, err = process.communicate(timeout=timeout_s)
    assert process.returncode == code, (out, err)
    lines = [line for line in err.splitlines() if "successes" not in line]
    assert "Traceback" not in err, err
    return out, lines


def only_run(tmp_path):
    (folder,) = (tmp_path / "runs").glob("rig-*")
    return folder


def in_a_trial(after):
    """Condition: ten commands since the object was placed, later than `after`."""

    def check(events):
        recent = [e for e in events if e["t"] > after]
        placed = [e["t"] for e in recent if e["event"] == "placed"]
        commands = [e for e in recent if e["event"] == "command"]
        return placed and sum(e["t"] > placed[0] for e in commands) >= 15

    return check


def first(name, after):
    return lambda events: next((e for e in events if e["event"] == name and e["t"] > after), None)


def lost_s(rig, after, hold):
    """Time that the machine kept from the rig around `hold`, by the rig's own account."""
    overruns = [e for e in rig.events("overrun") if after < e["t"] < hold["t"] + 0.02]
    return sum(e["lost_s"] for e in overruns)


def test_trials_run_and_the_folder_tells_everything(rig, policy_run, bundle, tmp_path):
    began = time.monotonic()
    out, lines = finish(policy_run(rig, "--trials", "2", "--goal_seed", "3"), 0)
    assert lines == []
    folder = only_run(tmp_path)
    assert f"run folder {folder}" in out
    result = json.loads((folder / "result.json").read_text())
    assert result["end"] == "done"
    assert len(result["trials"]) == 2
    assert set(result["endings"]) <= {"timeout", "dropped"}
    turns = read_log(folder).turns
    timing = json.loads((folder / "timing.json").read_text())
    assert timing["ticks"] == len(turns)
    assert all(a["k"] < b["k"] for a, b in itertools.pairwise(turns))
    commands = [e for e in rig.events("command", "armed") if e["t"] > began]
    sent = sum(e["event"] == "command" for e in commands)
    # On a machine that is too slow for it, an answer may come too late to be counted.
    assert sum(turn["applied"] is not None for turn in turns) <= sent
    assert sent <= sum(turn["asked"] is not None for turn in turns)
    check_commands(commands)
    again = replay(folder)
    assert again.steps == sum(turn["action"] is not None for turn in turns) > 15
    assert again.trials == 2


def check_commands(commands):
    """What reached the hand kept limits and speed, by the hand's own log."""
    steps = []
    for before, after in itertools.pairwise(commands):
        if after["event"] == "command":
            target = np.array(after["target"])
            assert np.all(target >= HAND.lower + 0.02 - 1e-4)
            assert np.all(target <= HAND.upper - 0.02 + 1e-4)
            # A hand that held has stopped on its way to the target before.
            start = before["target"] if before["event"] == "command" else before["setpoint"]
            steps.append(np.abs(target - start))
    assert np.all(np.array(steps) <= HAND.max_speed * 0.08 + 1e-4)
    assert np.max(steps) > 0.01


def test_kill_9_of_the_policy_and_the_hand_holds(rig, policy_run):
    began = time.monotonic()
    process = policy_run(rig, "--trials", "50")
    rig.wait_for(in_a_trial(began))
    killed_s = time.monotonic()
    process.send_signal(signal.SIGKILL)
    hold = rig.wait_for(first("hold", killed_s))
    relaxed = rig.wait_for(first("relaxed", killed_s))
    assert hold["t"] - killed_s < HOLD_LIMIT_S + lost_s(rig, killed_s, hold)
    assert hold["cause"].startswith("client gone")
    assert relaxed["setpoint"] == hold["setpoint"]
    late_s = relaxed["since_heard_s"] - 2.0
    assert 0.0 <= late_s < 0.1 + lost_s(rig, hold["t"], relaxed)
    assert not [e for e in rig.events("command") if e["t"] > hold["t"]]


def test_sigstop_of_the_policy_and_the_hand_holds_then_goes_on_and_ctrl_c_ends_it(
    rig, policy_run, tmp_path
):
    began = time.monotonic()
    process = policy_run(rig, "--trials", "50")
    rig.wait_for(in_a_trial(began))
    process.send_signal(signal.SIGSTOP)
    stopped_s = time.monotonic()
    hold = rig.wait_for(first("hold", stopped_s))
    assert hold["cause"] == "watchdog: nothing arrived"
    process.send_signal(signal.SIGCONT)
    armed = rig.wait_for(first("armed", stopped_s))
    assert hold["since_heard_s"] < HOLD_LIMIT_S + lost_s(rig, stopped_s, hold)
    assert hold["t"] - stopped_s < HOLD_LIMIT_S + lost_s(rig, stopped_s, hold)
    rig.wait_for(first("command", armed["t"]))
    process.send_signal(signal.SIGINT)
    result = interrupted(process, rig, tmp_path)
    assert result["holds"] >= 1
    assert result["endings"][-1] == "cut"


def test_a_connection_that_drops_holds_the_hand_and_writes_the_result(rig, policy_run, tmp_path):
    began = time.monotonic()
    process = policy_run(rig, "--trials", "50")
    rig.wait_for(in_a_trial(began))
    for _ in range(2):  # from the kernel, and from the shell
        process.send_signal(signal.SIGHUP)
    interrupted(process, rig, tmp_path)


class Cable:
    """A proxy for the hand's port that can be pulled out: bytes stop, nobody is told."""

    def __init__(self, port):
        self.out = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._to = port
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        near, _ = self._listener.accept()
        far = socket.create_connection(("127.0.0.1", self._to))
        self._sockets = near, far
        for a, b in ((near, far), (far, near)):
            a.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._carry, args=(a, b), daemon=True).start()

    def _carry(self, source, sink):
        try:
            while data := source.recv(65536):
                if not self.out:
                    sink.sendall(data)
        except OSError:
            pass

    def close(self):
        for each in (*self._sockets, self._listener):
            each.close()


def test_the_cable_out_and_both_ends_stop(rig, policy_run):
    began, cable = time.monotonic(), Cable(rig.port)
    process = policy_run(rig, "--trials", "50", hand=cable.address)
    rig.wait_for(in_a_trial(began))
    cable.out, pulled_s = True, time.monotonic()
    hold = rig.wait_for(first("hold", pulled_s))
    assert hold["cause"] == "watchdog: nothing arrived"
    _, lines = finish(process, 4)
    assert hold["since_heard_s"] < HOLD_LIMIT_S + lost_s(rig, pulled_s, hold)
    assert len(lines) == 1
    assert re.fullmatch(SILENT, lines[0])
    cable.close()
    rig.wait_for(first("client_gone", pulled_s))


def test_a_second_client_is_refused_with_one_line(rig, bundle, refused):
    driver = rig.driver()
    try:
        line = refused(3, "dry-run", str(bundle), *rig.flags())
        assert line.startswith(f"error: hand at {rig.hand}: refused: the hand is in use by 127.")
        assert driver.read(5.0).position.shape == (24,)
    finally:
        driver.close(1.0)


def test_a_place_is_free_again_when_its_client_has_gone(rig):
    rig.free()
    before = len(rig.events("client"))
    for _ in range(3):
        rig.driver().close(1.0)
    # The rig writes its log a little later than it acts.
    rig.wait_for(lambda events: sum(e["event"] == "client" for e in events) == before + 3)


def test_a_full_disk_under_the_log_holds_the_hand_with_one_line(rig, policy_run):
    def small_disk():
        resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))

    began = time.monotonic()
    _, lines = finish(policy_run(rig, "--trials", "50", preexec_fn=small_disk), 2)
    assert len(lines) == 1
    assert lines[0].endswith("run.mcap: File too large; the log ends here")
    last = [e for e in rig.events() if e["t"] > began and e["event"] in ("command", "hold")]
    assert last[-1]["event"] == "hold"


def test_a_bundle_that_is_not_whole_moves_nothing(rig, refused, editable, tmp_path):
    folder, edit = editable
    rig.free()
    began = time.monotonic()
    edit(lambda data: data["hand"]["joints"].reverse())
    words = ("dry-run", str(folder), *rig.flags(), "--log.dir", str(tmp_path / "runs"))
    assert refused(2, *words) == (
        f"error: {folder}/bundle.json: hand.joints: got THJ1 at index 0, allowed: WRJ2,"
        " the hand's order"
    )
    with open(folder / "policy.onnx", "ab") as graph:
        graph.write(b"\0")
    assert "policy.onnx: got sha256" in refused(2, *words)
    assert not [e for e in rig.events("armed", "command") if e["t"] > began]
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("flags", "code", "line"),
    [
        (["--hand.port", "1"], 3, "hand at 127.0.0.1:1: cannot connect: Connection refused"),
        (["--hand.port", "here"], 2, "--hand.port: got here, allowed: an integer in [0, 65535]"),
        (["--trials", "0"], 2, "trials"),
        (["--trails", "3"], 2, "--trails: unknown field, did you mean 'trials'"),
        (["--gate.speed_scale", "2"], 2, "speed_scale"),
    ],
)
def test_bad_flags_are_one_line(bundle, refused, flags, code, line):
    assert line in refused(code, "dry-run", str(bundle), *flags)


def test_a_policy_that_is_not_finite_is_stopped_and_the_stop_is_latched(
    new_rig, policy_run, tmp_path, nan_bundle
):
    rig = new_rig()
    _, lines = finish(policy_run(rig, folder=nan_bundle), 4)
    assert lines == ["error: target: got nan for WRJ2, allowed: finite angles in rad"]
    assert rig.events("stopped")[-1]["cause"] == lines[0].removeprefix("error: ")
    result = json.loads((only_run(tmp_path) / "result.json").read_text())
    assert result["end"].startswith("safety stop: target: got nan")
    _, lines = finish(policy_run(rig), 4)
    assert lines == ["error: arm: the hand is stopped (stopped: restart the hand)"]


def test_a_hand_that_freezes_or_dies_ends_the_run(new_rig, policy_run):
    rig = new_rig()
    process = policy_run(rig, "--trials", "50")
    rig.wait_for(in_a_trial(0.0))
    rig.process.send_signal(signal.SIGSTOP)
    _, lines = finish(process, 4)
    assert len(lines) == 1
    assert re.fullmatch(SILENT, lines[0])
    rig.process.send_signal(signal.SIGCONT)
    rig = new_rig()
    process = policy_run(rig, "--trials", "50")
    rig.wait_for(in_a_trial(0.0))
    rig.process.kill()
    _, lines = finish(process, 3)
    assert len(lines) == 1
    assert "the link has ended" in lines[0]
