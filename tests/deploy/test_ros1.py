"""ROS 1 for real: a roscore, a node that behaves as Shadow's controllers do, driver and bridge.

Needs Debian's packages (`.ci/run` installs them and runs `pytest -m ros1`); elsewhere skipped.
"""

import contextlib
import json
import os
import pty
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from sleight.deploy.hand import HandMode, NotArmed, StaleState
from sleight.deploy.hands import HandConfig, open_hand
from sleight.deploy.ros.pack import write_bridge
from sleight.envs.hand import SHADOW_RIGHT as HAND
from sleight.errors import ConnectError
from tests.deploy.conftest import QUICK, ROOT, cleared, start
from tests.deploy.test_rig_run import HOLD_LIMIT_S, Cable

SYSTEM = "/usr/bin/python3"
HERE = Path(__file__).parent
WAIT_S = 60.0


def _missing():
    if not shutil.which("roscore"):
        return "needs roscore; .ci/run lists the Debian packages"
    done = subprocess.run([SYSTEM, "-c", "import rospy, sensor_msgs.msg"], check=False,
                          capture_output=True)  # fmt: skip
    return "needs rospy in the system's Python" if done.returncode else ""


MISSING = _missing()
# Out of the quick suite: `.ci/run` runs them by their own mark.
pytestmark = [
    pytest.mark.ros1,
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=MISSING or "there"),
]

JOINTS = [f"{f}J{i}" for f, n in (("FF", 4), ("LF", 5), ("MF", 4), ("RF", 4), ("TH", 5), ("WR", 2))
          for i in range(1, n + 1)]  # fmt: skip


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def wait_for(condition, what):
    deadline_s = time.monotonic() + WAIT_S
    while not (found := condition()):
        assert time.monotonic() < deadline_s, what
        time.sleep(0.02)
    return found


def descendants(pid):
    """Of a process, itself first: roscore's children have sessions of their own."""
    found = [pid]
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[1]) == pid:
                found += descendants(int(stat.parent.name))
    return found


def kill(process):
    """With all its children, at once."""
    for pid in descendants(process.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait(WAIT_S)


class Ros:
    """A master and a hand on it, in a world of their own."""

    def __init__(self, folder, *flags):
        self.folder, self.flags = folder, flags
        self.port = free_port()
        self.env = {
            **os.environ,
            "ROS_MASTER_URI": f"http://127.0.0.1:{self.port}",
            "ROS_IP": "127.0.0.1",
            "ROS_HOME": str(folder),
            "ROS_LOG_DIR": str(folder),
        }
        self.core = self.start("roscore", "-p", str(self.port))
        wait_for(self.answers, "no roscore")
        self.hands = 0
        self.begin_hand()

    def answers(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def start(self, *words):
        return subprocess.Popen(words, env=self.env, text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, start_new_session=True)  # fmt: skip

    def begin_hand(self):
        self.hands += 1
        self.log = self.folder / f"hand-{self.hands}.jsonl"
        self.hand = self.start(SYSTEM, str(HERE / "ros1_hand.py"), "--log", str(self.log),
                               *self.flags)  # fmt: skip
        assert self.hand.stdout.readline() == "ready\n", self.hand.stdout.read()

    def events(self, name):
        lines = self.log.read_text().splitlines(keepends=True)
        found = [json.loads(line) for line in lines if line.endswith("\n")]
        return [line for line in found if line["event"] == name]

    def setpoint(self):
        return dict(zip(JOINTS, self.events("setpoint")[-1]["setpoint"], strict=True))

    def end(self):
        for process in (self.hand, self.core):
            kill(process)
            process.stdout.close()


@pytest.fixture
def new_ros(tmp_path):
    worlds = []

    def begin(*flags):
        worlds.append(Ros(tmp_path, *flags))
        return worlds[-1]

    yield begin
    for world in worlds:
        world.end()


@pytest.fixture(scope="module")
def ros(tmp_path_factory):
    """A master and a hand for the tests that leave both alive."""
    world = Ros(tmp_path_factory.mktemp("ros"))
    yield world
    world.end()


class Driver:
    """The driver `ros1` in a process of its own (ROS has one node to a process), line by line."""

    PROGRAM = """
import json, sys, time
import numpy as np
from sleight.deploy.hands import HandConfig, open_hand
from sleight.errors import SleightError
hand = open_hand(HandConfig(driver="ros1", **json.loads(sys.argv[1])))
def give(**fields): print(json.dumps(fields), flush=True)
for line in sys.stdin:
    name, *arguments = json.loads(line)
    try:
        if name == "command": arguments[0] = np.array(arguments[0])
        began_s = time.monotonic()
        got = getattr(hand, name)(*arguments)
        fields = {k: v.tolist() if isinstance(v, np.ndarray) else v
                  for k, v in (vars(got) if got is not None else {}).items()}
        give(took_s=time.monotonic() - began_s, **fields)
    except SleightError as error:
        give(error=type(error).__name__, line=str(error))
"""

    def __init__(self, world, **config):
        config = {"port": world.port, **config}
        self.process = subprocess.Popen(
            [sys.executable, "-c", self.PROGRAM, json.dumps(config)], cwd=ROOT, env=world.env,
            text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def __call__(self, *words):
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def connect(self):
        got = self("connect", WAIT_S)
        assert "error" not in got, got
        return self("arm")["target"]

    def end(self):
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def new_driver():
    drivers = []

    def begin(world, **config):
        drivers.append(Driver(world, **config))
        return drivers[-1]

    yield begin
    for driver in drivers:
        driver.end()


def inside(target):
    return np.clip(target, HAND.lower, HAND.upper).tolist()


def test_trajectories_reach_the_joints_by_name_and_a_pair_gets_half_each(ros, new_driver):
    driver = new_driver(ros)
    target = np.array(driver.connect())
    target[HAND.actuators.index("FFJ0")] += 0.30
    target[HAND.actuators.index("THJ4")] += 0.10
    target[HAND.actuators.index("WRJ1")] -= 0.05
    before = ros.setpoint()
    assert "error" not in driver("command", inside(target), 0.08)
    moved = wait_for(lambda: ros.setpoint()["FFJ1"] - before["FFJ1"] > 0.1499 and ros.setpoint(),
                     "the hand was told nothing")  # fmt: skip
    wait_for(lambda: ros.setpoint()["WRJ1"] - before["WRJ1"] < -0.0499, "the wrist was not told")
    change = {joint: moved[joint] - before[joint] for joint in JOINTS}
    assert change["FFJ2"] == pytest.approx(0.15, abs=1e-4)
    assert change["THJ4"] == pytest.approx(0.10, abs=1e-4)
    assert change["MFJ1"] == pytest.approx(0.0, abs=1e-4)
    # The state comes back by name too, from another order: efforts are numbered in the hand's.
    state = driver("read", WAIT_S)
    assert state["effort"][HAND.actuators.index("FFJ4")] == JOINTS.index("FFJ4")
    assert state["effort"][HAND.actuators.index("LFJ0")] == JOINTS.index("LFJ2")


def test_relaxing_lowers_the_force_of_every_motor_and_arming_raises_it(ros, new_driver):
    driver = new_driver(ros)
    driver.connect()
    began_s = time.monotonic()

    def lowest():
        recent = [e for e in ros.events("force") if e["t"] > began_s]
        last = {e["motor"]: e["share"] for e in recent}
        return len(last) == 20 and max(last.values()) == pytest.approx(0.1) and last

    driver("relax")
    wait_for(lowest, "the force did not fade")
    driver("arm")

    def whole_again():
        driver("heartbeat")  # a silent client would be relaxed once more
        return ros.events("force")[-1]["share"] == 1.0

    wait_for(whole_again, "the force did not come back")


def test_positions_are_refused_while_a_trajectory_controller_runs(ros, new_driver):
    got = new_driver(ros, mode="position")("connect", WAIT_S)
    assert got["error"] == "ConnectError"
    assert "rh_trajectory_controller is running and would overwrite every position" in got["line"]


def test_positions_take_the_sum_of_a_pair(new_ros, new_driver):
    world = new_ros("--position")
    got = new_driver(world)("connect", WAIT_S)
    assert "mode trajectory needs rh_trajectory_controller running" in got["line"]
    driver = new_driver(world, mode="position")
    target = np.array(driver.connect())
    target[HAND.actuators.index("RFJ0")] = 0.6
    driver("command", inside(target), 0.08)
    wait_for(lambda: world.setpoint()["RFJ1"] == pytest.approx(0.3), "not told")
    assert world.setpoint()["RFJ2"] == pytest.approx(0.3)
    assert driver("hold")["took_s"] < WAIT_S


@pytest.mark.parametrize(
    ("config", "line"),
    [
        ({"port": 1}, "ROS master at http://127.0.0.1:1: cannot connect: Connection refused"),
        ({"prefix": "lh_"}, "joint states without lh_WRJ2, lh_WRJ1, lh_FFJ4 on /joint_states"),
    ],
)
def test_another_master_or_another_hand_is_one_line(ros, new_driver, config, line):
    got = new_driver(ros, **config)("connect", 5.0)
    assert got["error"] == "ConnectError"
    assert line in got["line"]


def test_a_hand_that_freezes_dies_and_comes_back(new_ros, new_driver):
    """Publishing tells nothing: only the age of the joint states does, and who listens."""
    world = new_ros()
    driver = new_driver(world)
    target = driver.connect()
    os.killpg(world.hand.pid, signal.SIGSTOP)
    wait_for(lambda: driver("read", 0.05).get("error") == "StaleState", "it is not stale")
    wait_for(lambda: driver("health")["mode"] == HandMode.HOLD, "it does not hold")
    # A slow consumer: what is sent to it neither blocks nor is it believed.
    got = driver("command", target, 0.08)
    assert got["error"] == "NotArmed"
    assert driver("hold").get("took_s", 0) < WAIT_S
    os.killpg(world.hand.pid, signal.SIGCONT)
    wait_for(lambda: "error" not in driver("read", 0.5), "it does not go on")
    wait_for(lambda: "error" not in driver("arm"), "it cannot be armed again")
    kill(world.hand)
    wait_for(lambda: driver("command", target, 0.08).get("error") == "NotArmed", "still armed")
    assert driver("arm")["error"] == "NotArmed"
    world.begin_hand()
    armed = wait_for(lambda: driver("arm").get("target"), "the new hand cannot be armed")
    # The new hand is at its start, where it is armed; the old target is not sent to it.
    start = HAND.control_position(np.full(24, 0.1))
    np.testing.assert_allclose(armed, inside(start), atol=0.02)


def test_the_masters_death_ends_nothing_but_new_acquaintances(new_ros, new_driver):
    world = new_ros()
    driver = new_driver(world)
    target = np.array(driver.connect())
    kill(world.core)
    before = world.setpoint()["MFJ3"]
    target[HAND.actuators.index("MFJ3")] += 0.1
    assert "error" not in driver("heartbeat")
    wait_for(lambda: "error" not in driver("arm"), "not armed")
    driver("command", inside(target), 0.08)
    wait_for(lambda: world.setpoint()["MFJ3"] - before > 0.0999, "the link did not live on")
    assert driver("close", 1.0)["took_s"] < WAIT_S


# The bridge


class Bridge:
    """The one file, run by the system's Python, with a log of its own."""

    def __init__(self, world, *flags):
        self.file = world.folder / "bridge.pyz"
        if not self.file.exists():
            write_bridge(self.file)
        self.log = world.folder / f"bridge-{time.monotonic_ns()}.jsonl"
        self.process = world.start(SYSTEM, str(self.file), "--port", "0", "--log", str(self.log),
                                   "--timeout-s", str(WAIT_S), *flags)  # fmt: skip
        line = self.process.stdout.readline()
        assert line.startswith("bridge: rh_hand"), line
        self.port = int(line.rpartition(":")[2])

    def events(self, *names):
        lines = self.log.read_text().splitlines(keepends=True)
        found = [json.loads(line) for line in lines if line.endswith("\n")]
        return [line for line in found if line["event"] in names]

    def driver(self, **config):
        driver = open_hand(HandConfig(port=self.port, **config))
        driver.connect(WAIT_S)
        return driver

    def end(self):
        kill(self.process)
        self.process.stdout.close()


@pytest.fixture
def new_bridge():
    bridges = []

    def begin(world, *flags):
        bridges.append(Bridge(world, *flags))
        return bridges[-1]

    yield begin
    for bridge in bridges:
        bridge.end()


def test_the_bridge_is_a_hand_behind_the_wire_with_a_secret_and_one_client(
    ros, new_bridge, tmp_path
):
    secret = tmp_path / "secret"
    secret.write_text("0123456789abcdef")
    secret.chmod(0o600)
    bridge = new_bridge(ros, "--host", "0.0.0.0", "--secret", str(secret))
    with pytest.raises(ConnectError, match="asks for a secret"):
        bridge.driver()
    driver = bridge.driver(secret=secret)
    assert not driver.simulated
    assert driver.spec.actuators == HAND.actuators
    with pytest.raises(ConnectError, match="the hand is taken by 127"):
        bridge.driver(secret=secret)
    target = driver.arm().target
    target[HAND.actuators.index("LFJ3")] += 0.2
    before = ros.setpoint()["LFJ3"]
    wait_for(lambda: commanded(driver, inside(target)), "no command was acknowledged")
    wait_for(lambda: ros.setpoint()["LFJ3"] - before > 0.1999, "the hand was told nothing")
    driver.close(1.0)
    wait_for(lambda: bridge.events("relaxed"), "a hand without a client is not relaxed")


def commanded(driver, target):
    """On a machine that runs other tests an answer may come too late."""
    try:
        driver.command(np.array(target), 0.08)
    except StaleState:
        return False
    except NotArmed:
        driver.arm()
        return False
    return True


def test_the_bridge_says_that_its_hand_has_frozen_and_holds_it(new_ros, new_bridge):
    world = new_ros()
    bridge = new_bridge(world)
    driver = bridge.driver()
    driver.arm()
    os.killpg(world.hand.pid, signal.SIGSTOP)
    lost = wait_for(lambda: bridge.events("hand_lost"), "the bridge does not notice")[-1]
    assert lost["cause"].startswith("no joint states for")
    assert bridge.events("hold", "relaxed")
    with pytest.raises(StaleState):
        driver.read(0.05)
    with pytest.raises(NotArmed, match="no joint states for"):
        wait_for(driver.arm, "")
    os.killpg(world.hand.pid, signal.SIGCONT)
    wait_for(lambda: bridge.events("hand_found"), "the bridge does not find it again")
    kill(world.core)
    wait_for(lambda: armed(driver), "the master's death ended the link")
    driver.close(1.0)
    os.killpg(bridge.process.pid, signal.SIGTERM)
    assert bridge.process.wait(WAIT_S) == 130


def armed(driver):
    try:
        return driver.arm()
    except (NotArmed, StaleState):
        return None


@pytest.fixture
def on_the_bridge(ros, new_bridge, bundle, tmp_path, rig):
    """`sleight rig run` on the bridge; the simulated rig's referee tells the object's pose."""
    bridge, processes, terminals = new_bridge(ros), [], []

    def begin(port=None):
        rig.free()
        words = (str(bundle), *rig.flags(f"127.0.0.1:{port or bridge.port}"), *QUICK,
                 "--hand.timeout_s", "30", "--trials", "50",
                 "--log.dir", str(tmp_path / "runs"))  # fmt: skip
        cleared(words, simulated=False)
        # It is no simulated hand: an operator types the rig's name.
        outer, inner = pty.openpty()
        processes.append(start("rig", "run", *words, stdin=inner))
        os.write(outer, b"sim\n")
        terminals.extend((outer, inner))
        wait_for(lambda: len(bridge.events("command")) > 20, "the run does not command")
        return processes[-1]

    yield bridge, begin
    for process in processes:
        process.kill()
        process.communicate()
    for terminal in terminals:
        os.close(terminal)


def newest_command(bridge):
    """The last thing that happened at the hand, if it is a command of just now."""
    last = bridge.events("command", "armed", "hold", "relaxed")[-1]
    now_s = time.monotonic()
    return last if last["event"] == "command" and now_s - last["t"] < 0.1 else None


def check_hold(ros, bridge, command_s, since_s):
    """By the bridge's log it held in time, and by the hand's own log nothing moved after that."""
    hold = wait_for(
        lambda: next((e for e in bridge.events("hold") if e["t"] > command_s), None), "no hold"
    )
    overruns = bridge.events("overrun") + ros.events("overrun")
    lost_s = sum(e["lost_s"] for e in overruns if e["t"] > since_s)
    assert hold["since_heard_s"] < HOLD_LIMIT_S + lost_s
    assert hold["t"] - since_s < HOLD_LIMIT_S + lost_s
    wait_for(lambda: [e for e in bridge.events("relaxed") if e["t"] > hold["t"]], "not relaxed")
    assert not [e for e in bridge.events("command") if e["t"] > hold["t"]]
    moved = [e["t"] for e in ros.events("setpoint") if e["t"] > since_s]
    last_s = max([since_s, *moved])
    assert last_s - since_s < HOLD_LIMIT_S + lost_s


@pytest.mark.parametrize("how", ["kill_9", "sigstop", "cable"])
def test_the_hand_behind_the_bridge_holds_in_250_ms(ros, on_the_bridge, how):
    """kill_9, sigstop and cable: Shadow's controllers keep the last target; the bridge does not."""
    bridge, begin = on_the_bridge
    cable = Cable(bridge.port) if how == "cable" else None
    process = begin(int(cable.address.rpartition(":")[2]) if cable else None)
    # On a busy machine the loop may hold by itself, for a while: not then.
    command = wait_for(lambda: newest_command(bridge), "the run does not command")
    since_s = time.monotonic()
    if how == "kill_9":
        process.kill()
    elif how == "sigstop":
        process.send_signal(signal.SIGSTOP)
    else:
        cable.out = True
    check_hold(ros, bridge, command["t"], since_s)
    if how == "cable":
        assert process.wait(WAIT_S) == 4
        cable.close()
