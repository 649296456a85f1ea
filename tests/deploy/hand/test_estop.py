"""The operator's stop. Kernel events come from a FIFO here: no real button was ever connected."""

import os
import pty
import threading
import time

import pytest

from sleight.deploy.hand.estop import EVENT, EstopConfig, watch_estop
from sleight.deploy.hand.gate import GateConfig, GateState
from sleight.deploy.hand.guard import GuardedHand
from sleight.errors import ConfigError
from tests.deploy.fakes import Recorder
from tests.deploy.runtime.test_rig_run import finish, in_a_trial


class Stops:
    """What the stop was told."""

    def __init__(self):
        self.reasons, self._one = [], threading.Event()

    def __call__(self, reason):
        self.reasons.append(reason)
        self._one.set()

    def wait(self):
        assert self._one.wait(60)
        return self.reasons


@pytest.fixture
def fifo(tmp_path):
    path = tmp_path / "estop"
    os.mkfifo(path)
    return path


def key(value, kind=1):
    return EVENT.pack(1, 2, kind, 57, value)


def test_a_key_that_goes_down_stops_and_nothing_else_of_the_kernel_does(fifo):
    stops = Stops()
    with watch_estop(EstopConfig("evdev", fifo), stops):
        button = os.open(fifo, os.O_WRONLY)
        os.write(button, key(0) + key(1, kind=4) + EVENT.pack(1, 2, 0, 0, 0))
        time.sleep(0.3)
        assert stops.reasons == []
        os.write(button, key(1))
        assert stops.wait() == [f"emergency stop: {fifo}: pressed"]
    os.close(button)


@pytest.mark.parametrize("kind", ["evdev", "pipe"])
def test_an_input_that_ends_is_a_stop(fifo, kind):
    stops = Stops()
    with watch_estop(EstopConfig(kind, fifo), stops):
        os.close(os.open(fifo, os.O_WRONLY))
        assert stops.wait() == [f"emergency stop: {fifo}: the input has ended"]


def test_any_byte_in_a_pipe_latches_the_hand_once(fifo):
    driver = Recorder()
    hand = GuardedHand(driver, GateConfig(), 0.08)
    hand.connect(1.0)
    hand.arm()
    with watch_estop(EstopConfig("pipe", fifo), hand.stop):
        other = os.open(fifo, os.O_WRONLY)
        os.write(other, b"x")
        deadline_s = time.monotonic() + 60
        while hand.state is not GateState.STOPPED and time.monotonic() < deadline_s:
            time.sleep(0.01)
    os.close(other)
    assert driver.calls[-1] == "stop"
    assert hand.reason == f"emergency stop: {fifo}: requested"


def test_without_a_reason_nothing_is_stopped_and_the_thread_ends(fifo):
    stops = Stops()
    before = threading.active_count()
    with watch_estop(EstopConfig("pipe", fifo), stops):
        assert threading.active_count() == before + 1
    assert threading.active_count() == before
    assert stops.reasons == []
    with watch_estop(EstopConfig(), stops):
        assert threading.active_count() == before


def test_the_space_bar_of_a_terminal_and_the_terminal_is_put_back(monkeypatch):
    import termios

    keyboard, terminal = pty.openpty()
    stops = Stops()
    with os.fdopen(terminal, "r") as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        before = termios.tcgetattr(terminal)
        with watch_estop(EstopConfig("keyboard"), stops):
            os.write(keyboard, b"x")
            time.sleep(0.3)
            assert stops.reasons == []
            os.write(keyboard, b" ")
            assert stops.wait() == ["emergency stop: keyboard: space"]
        assert termios.tcgetattr(terminal) == before
    os.close(keyboard)


def test_bad_inputs_are_one_line(tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match="estop.device: got None, allowed: a path for evdev"):
        EstopConfig("evdev")
    with pytest.raises(ConfigError, match="no such button: No such file or directory"):
        open_and_close(EstopConfig("evdev", tmp_path / "no such button"))
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="got the file .*, allowed: pipe"):
        open_and_close(EstopConfig("pipe", tmp_path / "file"))
    with open(os.devnull) as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        with pytest.raises(ConfigError, match="got keyboard, allowed: on a terminal only"):
            open_and_close(EstopConfig("keyboard"))


def open_and_close(config):
    with watch_estop(config, lambda reason: None):
        pass


def test_a_run_is_stopped_and_the_hand_behind_its_secret_is_latched(
    new_rig, policy_run, fifo, tmp_path
):
    secret = tmp_path / "secret"
    secret.write_text("0123456789abcdef")
    secret.chmod(0o600)
    rig = new_rig("--secret", str(secret))
    process = policy_run(
        rig, "--trials", "50", "--hand.secret", str(secret),
        "--estop.kind", "pipe", "--estop.device", str(fifo),
    )  # fmt: skip
    rig.wait_for(in_a_trial(0.0))
    button = os.open(fifo, os.O_WRONLY)
    os.write(button, b"x")
    _, lines = finish(process, 4)
    os.close(button)
    assert lines == [f"error: emergency stop: {fifo}: requested"]
    stopped = rig.events("stopped")[0]
    assert stopped["cause"] == lines[0].removeprefix("error: ")
    assert not [e for e in rig.events("command", "armed") if e["t"] > stopped["t"]]
