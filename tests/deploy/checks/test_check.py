"""`check` finds what is wrong and moves nothing; `run` and `dry-run` after it."""

import json
import os
import pty
import re
import socket
import threading
import time

import pytest

from sleight.cli import main
from sleight.deploy.hand.dry_run import DryHand
from sleight.deploy.hand.hand import HandMode
from sleight.deploy.link.wire import PROTOCOL, encode
from sleight.deploy.logs.log_read import read_log
from tests.deploy.conftest import QUICK, cleared, edit_manifest, make_bundle
from tests.deploy.fakes import Recorder


@pytest.fixture
def words(bundle, rig, tmp_path):
    rig.free()
    return (str(bundle), *rig.flags(), "--log.dir", str(tmp_path / "runs"), *QUICK)


def moved(rig, since_s):
    return [e for e in rig.events("armed", "command", "stopped") if e["t"] > since_s]


def test_a_check_that_finds_nothing_wrong_lets_run_ask_for_the_name(
    rig, words, capsys, refused, tmp_path
):
    began = time.monotonic()
    assert "got no check of this rig" in refused(2, "run", *words, "--yes-sim")
    assert main(["rig", "check", *words]) == 0
    out = capsys.readouterr().out
    assert re.findall(r"^  ok    (.+?)  ", out, re.M) == [
        "disk", "scheduling", "bundle", "policy", "hand", "names and limits", "object",
        "joint states", "joint angles", "mode", "motors", "pose",
    ]  # fmt: skip
    assert re.search(r"joint states +\d+ Hz, age [\d.]+ ms", out)
    assert re.search(r"motors +hottest \w+, \d\d C", out)
    (path,) = (tmp_path / "runs" / "checks").iterdir()
    record = json.loads(path.read_text())
    assert record["ok"] and record["simulated"]
    assert record["rig"] == {"name": "sim", "serial": "", "side": "right"}
    line = refused(2, "run", *words)
    assert line.startswith("error: arming: got no terminal to type the rig's name on")
    assert "got no check" in refused(2, "run", *words, "--yes-sim", "--gate.speed_scale", "0.5")
    assert not moved(rig, began)
    assert len(list((tmp_path / "runs").iterdir())) == 1
    assert main(["rig", "run", *words, "--yes-sim", "--duration_s", "1.5"]) == 0
    assert moved(rig, began)


def test_a_hand_that_turns_out_to_be_real_is_not_moved(bundle, refused, tmp_path, monkeypatch):
    """Its record says simulated, the hand that answers does not: another one has its address."""
    hand = Recorder()
    monkeypatch.setattr("sleight.deploy.runtime.rig_connect.open_hand", lambda config: hand)
    listener = socket.create_server(("127.0.0.1", 0))
    referee = ("--referee.port", str(listener.getsockname()[1]))
    answer_as_referee(listener)
    words = (str(bundle), *referee, "--log.dir", str(tmp_path / "runs"))
    cleared(words)
    line = refused(2, "run", *words, "--yes-sim")
    assert line == "error: sim: got a real hand, allowed: a simulated one"
    assert hand.commands == []
    assert hand.mode is HandMode.READY


def answer_as_referee(listener):
    """One client, one greeting."""

    def serve():
        with listener, listener.accept()[0] as link:
            link.sendall(encode("hello_referee", protocol=PROTOCOL, object_size_m=0.057, rate_hz=1))
            link.recv(1)

    threading.Thread(target=serve, daemon=True).start()


def test_everything_wrong_is_listed_and_the_first_is_the_error(rig, words, capsys, tmp_path):
    began = time.monotonic()
    cameras = '[{name: left, device: /dev/v4l/by-id/gone}, {name: right, device: "tcp:x"}]'
    code = main(["rig", "check", *words, "--cameras", cameras, "--log.min_free_mb", "1e8",
                 "--policy.sha256", "0" * 64])  # fmt: skip
    out, err = capsys.readouterr()
    assert code == 2
    assert err.count("\n") == 1
    assert re.match(r"error: sim: disk: .*: got \d+ MB free on its disk, allowed: 1e\+08 or", err)
    assert err.endswith("(and 3 more)\n")
    gone = "FAIL  camera left       camera left: device: /dev/v4l/by-id/gone does not exist"
    assert gone in out
    assert re.search(r"FAIL  bundle .*graph.sha256: got \w{12}..., allowed: 000000000000...", out)
    (path,) = (tmp_path / "runs" / "checks").iterdir()
    assert json.loads(path.read_text())["failed"] == [
        "disk", "bundle", "camera left", "camera right",
    ]  # fmt: skip
    assert not moved(rig, began)


def test_a_bundle_for_other_limits_and_a_hand_that_is_not_there(rig, words, capsys, bundle):
    began = time.monotonic()

    def widen(data):
        data["hand"]["upper"][3] += 0.2

    edit_manifest(bundle, widen)
    assert main(["rig", "check", *words]) == 2
    assert "FAIL  names and limits" in capsys.readouterr().out
    assert main(["rig", "check", *words, "--hand.port", "1"]) == 3
    out, err = capsys.readouterr()
    assert err.startswith("error: sim: hand: hand at 127.0.0.1:1: cannot connect: Connection ref")
    assert "ok    object" in out
    assert not moved(rig, began)


def test_a_dry_run_does_everything_but_move_the_hand(rig, words, capsys, tmp_path):
    began = time.monotonic()
    assert main(["rig", "dry-run", *words, "--duration_s", "4"]) == 0
    assert not moved(rig, began)
    (folder,) = (tmp_path / "runs").iterdir()
    log = read_log(folder)
    assert log.records[0]["dry"] is True
    assert len([turn for turn in log.turns if turn["applied"] is not None]) > 10
    assert json.loads((folder / "result.json").read_text())["dry"] is True
    out = capsys.readouterr().out
    assert re.search(r"^gate hits \d+", out, re.M)
    asked = next((turn for turn in log.turns if turn["action"] is not None), None)
    rows = re.findall(r"^(\w+J\d) +([-+][\d.]+) +([-+][\d.]+) +([-+][\d.]+)", out, re.M)
    assert len(rows) == (20 if asked else 0)
    assert asked or "the policy did not run" in out
    for row, value in zip(rows, asked["asked"] if asked else (), strict=True):
        assert float(row[2]) == pytest.approx(value, abs=6e-4)


def test_no_call_of_a_dry_hand_reaches_the_hand():
    inner = Recorder()
    hand = DryHand(inner)
    hand.connect(1.0)
    present = hand.arm().target
    assert hand.read(1.0).mode is HandMode.ARMED
    assert hand.command(present + 0.1, 0.08).target.tolist() == (present + 0.1).tolist()
    hand.hold()
    assert hand.read(1.0).mode is HandMode.HOLD
    hand.relax()
    hand.stop("enough")
    hand.heartbeat()
    assert inner.calls == ["connect", "heartbeat", "heartbeat"]
    assert inner.mode is HandMode.READY
    inner.mode = HandMode.STOPPED
    assert hand.read(1.0).mode is HandMode.STOPPED


@pytest.mark.parametrize(("typed", "code"), [("no\n", 2), ("sim\n", 0)])
def test_the_name_is_typed_on_a_terminal(rig, policy_run, tmp_path, typed, code):
    began = time.monotonic()
    outer, inner = pty.openpty()
    process = policy_run(rig, "--duration_s", "1.5", command=("run",), stdin=inner)
    os.write(outer, typed.encode())
    out, err = process.communicate(timeout=90)
    os.close(inner)
    os.close(outer)
    assert process.returncode == code, (out, err)
    assert "sim is a simulated hand, and it will move. Type sim to arm it: " in out
    assert bool(moved(rig, began)) == (code == 0)
    assert ("arming: got 'no', allowed: sim; nothing has moved" in err) == (code == 2)
    assert len(list((tmp_path / "runs").glob("rig-*"))) == (code == 0)


def test_run_holds_on_to_the_policy_that_was_checked(rig, words, refused, tmp_path, capsys):
    assert main(["rig", "check", *words]) == 0
    other = make_bundle(tmp_path / "other", 0.06)
    line = refused(2, "run", str(other), *words[1:], "--yes-sim")
    assert "got no check of this rig and policy" in line
