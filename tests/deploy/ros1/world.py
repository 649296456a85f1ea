"""A ROS 1 world of a test's own: a roscore, a hand on it, the driver, the bridge.

Needs Debian's packages (`.ci/run` installs them and runs `pytest -m ros1`); elsewhere skipped.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from sleight.deploy.drivers.driver_registry import HandConfig, open_hand
from sleight.deploy.drivers.ros.bridge_archive import write_bridge
from sleight.deploy.hand.hand import NotArmed, StaleState
from sleight.envs.hands.shadow import SHADOW_RIGHT as HAND
from tests.deploy.conftest import ROOT

SYSTEM = "/usr/bin/python3"
HERE = Path(__file__).parent
WAIT_S = 60.0


def _missing():
    if not shutil.which("roscore"):
        return "needs roscore; .ci/run lists the Debian packages"
    imports = "import rospy, sensor_msgs.msg, diagnostic_msgs.msg"
    done = subprocess.run([SYSTEM, "-c", imports], check=False,
                          capture_output=True)  # fmt: skip
    return "needs rospy in the system's Python" if done.returncode else ""


MISSING = _missing()
# Out of the quick suite: `.ci/run` runs them by their own mark.
MARKS = [
    pytest.mark.ros1,
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=MISSING or "there"),
]

JOINTS = [f"{f}J{i}" for f, n in (("FF", 4), ("LF", 5), ("MF", 4), ("RF", 4), ("TH", 5), ("WR", 2))
          for i in range(1, n + 1)]  # fmt: skip

PAIRS = [f"{f}J0" for f in ("FF", "LF", "MF", "RF")]
MOTORS = PAIRS + [j for j in JOINTS if f"{j[:2]}J0" not in PAIRS or j[3] not in "12"]


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
            "TMPDIR": str(folder),  # genpy leaves its folder where a process is killed
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
        self.hand = self.start(SYSTEM, str(HERE / "hand.py"), "--log", str(self.log),
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


class Driver:
    """The driver `ros1` in a process of its own (ROS has one node to a process), line by line."""

    PROGRAM = """
import json, sys, time
import numpy as np
from sleight.deploy.drivers.driver_registry import HandConfig, open_hand
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


def inside(target):
    return np.clip(target, HAND.lower, HAND.upper).tolist()


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


def armed(driver):
    try:
        return driver.arm()
    except (NotArmed, StaleState):
        return None
