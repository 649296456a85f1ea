"""ROS 2 without ROS 2: the bytes are ROS's own, and a hand on the loopback follows."""

import os
import subprocess
import sys
import time

import numpy as np
import pytest

from sleight.deploy.drivers.driver_registry import HandConfig, open_hand
from sleight.deploy.drivers.ros.joint_states import JointReader
from sleight.deploy.hand.hand import HandMode, NotArmed
from sleight.envs.hands.shadow import SHADOW_RIGHT as HAND
from sleight.errors import ConnectError
from tests.deploy.conftest import ROOT
from tests.deploy.drivers.test_local_hand import LAYOUT

pytest.importorskip("cyclonedds")
LOOPBACK = (
    "<CycloneDDS><Domain><General><Interfaces><NetworkInterface name='lo' multicast='false'/>"
    "</Interfaces><AllowMulticast>false</AllowMulticast></General><Discovery>"
    "<ParticipantIndex>auto</ParticipantIndex><Peers><Peer address='127.0.0.1'/></Peers>"
    "</Discovery></Domain></CycloneDDS>"
)
DOMAIN = str(100 + os.getpid() % 100)
HAND_PROGRAM = """
import sys, time
from cyclonedds.core import Policy, Qos
from cyclonedds.util import duration
from cyclonedds.domain import DomainParticipant
from cyclonedds.pub import DataWriter
from cyclonedds.sub import DataReader
from cyclonedds.topic import Topic
from sleight.deploy.drivers.ros import dds_types as dds
from sleight.deploy.drivers.ros.ros2_face import QOS
from sleight.envs.hands.shadow import SHADOW_RIGHT as HAND

domain, mode, states = int(sys.argv[1]), sys.argv[2], sys.argv[3]
participant = DomainParticipant(domain)
names = {"trajectory": ("joint_trajectory_controller/joint_trajectory", dds.JointTrajectory),
         "position": ("forward_position_controller/commands", dds.Float64MultiArray)}
topic, kind = names[mode]
few = Policy.History.KeepLast(1)
best = Qos(Policy.Reliability.BestEffort, few)
late = Qos(Policy.Reliability.Reliable(duration(seconds=1)), Policy.Durability.TransientLocal, few)
owner = Qos(Policy.Reliability.BestEffort, Policy.Ownership.Exclusive, few)
wanted = late if states == "late commands" else QOS
reader = DataReader(participant, Topic(participant, "rt/" + topic, kind), qos=wanted)
sent = dds.Float64MultiArray if states == "another type" else dds.JointState
writer = DataWriter(participant, Topic(participant, "rt/joint_states", sent),
                    qos={"best effort": best, "late": late, "owner": owner}.get(states, QOS))
joints = ["rh_" + joint for joint in reversed(HAND.joints)]
place = dict.fromkeys(joints, 0.1)
while True:
    for message in reader.take(N=10):
        if mode == "trajectory":
            place.update(zip(message.joint_names, message.points[-1].positions))
        else:
            place.update(zip(["rh_" + joint for joint in HAND.joints], message.data))
    now_s = time.time()
    stamp = dds.Time(int(now_s), int(now_s % 1 * 1e9))
    values = [place[joint] for joint in joints]
    effort = [float("nan")] * 24 if states == "best effort" else []
    if states == "another type":
        writer.write(dds.Float64MultiArray(dds.MultiArrayLayout([], 0), values))
    else:
        writer.write(dds.JointState(dds.Header(stamp, ""), joints, values, [0.0] * 24, effort))
    time.sleep(0.01)
"""


def test_the_bytes_are_those_of_an_independent_serializer():
    """JointState, JointTrajectory and Float64MultiArray, with fields of every alignment."""
    from rosbags.typesys import Stores, get_typestore

    from sleight.deploy.drivers.ros import dds_types as dds

    store = get_typestore(Stores.ROS2_HUMBLE)
    types = store.types
    numbers = np.linspace(-1, 1, 3)
    stamp = types["builtin_interfaces/msg/Time"](7, 8)
    header = types["std_msgs/msg/Header"](stamp, "odd")
    ours_header = dds.Header(dds.Time(7, 8), "odd")
    names, none = ["a", "bcd", "efghi"], np.array([])
    span = types["builtin_interfaces/msg/Duration"](1, 250_000_000)
    point = types["trajectory_msgs/msg/JointTrajectoryPoint"](numbers, none, none, none, span)
    ours_point = dds.JointTrajectoryPoint(list(numbers), [], [], [], dds.Duration.of(1.25))
    side = types["std_msgs/msg/MultiArrayDimension"]("x", 3, 3)
    layout = types["std_msgs/msg/MultiArrayLayout"]([side], 0)
    ours_layout = dds.MultiArrayLayout([dds.MultiArrayDimension("x", 3, 3)], 0)
    pairs = [
        ("sensor_msgs/msg/JointState", (header, names, numbers, numbers, none),
         dds.JointState(ours_header, names, list(numbers), list(numbers), [])),
        ("trajectory_msgs/msg/JointTrajectory", (header, names, [point, point]),
         dds.JointTrajectory(ours_header, names, [ours_point, ours_point])),
        ("std_msgs/msg/Float64MultiArray", (layout, numbers),
         dds.Float64MultiArray(ours_layout, list(numbers))),
    ]  # fmt: skip
    for name, fields, ours in pairs:
        package, kind = name.split("/msg/")
        assert type(ours).__idl__.idl_transformed_typename == f"{package}::msg::dds_::{kind}_"
        assert ours.serialize() == bytes(store.serialize_cdr(types[name](*fields), name)), name


@pytest.fixture
def new_hand(monkeypatch):
    monkeypatch.setenv("CYCLONEDDS_URI", LOOPBACK)
    processes, drivers = [], []

    def begin(mode="trajectory", states="reliable", domain=DOMAIN):
        command = [sys.executable, "-c", HAND_PROGRAM, domain, mode, states]
        processes.append(subprocess.Popen(command, cwd=ROOT))
        return processes[-1], driver(mode, domain)

    def driver(mode="trajectory", domain=DOMAIN):
        config = HandConfig(driver="ros2", mode=mode, options={"domain": domain})
        drivers.append(open_hand(config))
        return drivers[-1]

    begin.driver = driver
    yield begin
    for each in drivers:
        each.close(5.0)
    for process in processes:
        process.kill()
        process.wait()


@pytest.mark.parametrize("mode", ["trajectory", "position"])
def test_a_hand_on_the_loopback_follows(new_hand, mode):
    _, driver = new_hand(mode)
    driver.connect(60.0)
    state = driver.read(10.0)
    np.testing.assert_allclose(state.position, 0.1)
    wanted = HAND.home + np.linspace(0.0, 0.1, 20)
    wanted = np.clip(wanted, HAND.lower, HAND.upper)
    deadline_s = time.monotonic() + 60
    while not np.allclose(HAND.control_position(driver.read(10.0).position), wanted):
        assert time.monotonic() < deadline_s
        try:
            driver.command(wanted, 0.08)
        except NotArmed:
            driver.arm()
        time.sleep(0.02)
    np.testing.assert_allclose(driver.read(10.0).position, HAND.joint_target(wanted))


@pytest.mark.parametrize("states", ["best effort", "late"])
def test_joint_states_of_every_reliability_and_durability_are_received(new_hand, states):
    """Also with efforts that ros2_control fills with NaN where the hardware has none."""
    _, driver = new_hand(states=states)
    driver.connect(60.0)
    state = driver.read(10.0)
    np.testing.assert_allclose(state.position, 0.1)
    assert state.effort is None


@pytest.mark.parametrize(
    ("further", "states", "line"),
    [
        (10, "owner", "no joint states: the publisher on /joint_states has another quality of"
                      " service: ownership Exclusive"),
        (20, "another type", "no joint states: the publisher on /joint_states has the type"
                         " std_msgs/msg/Float64MultiArray, allowed: sensor_msgs/msg/JointState"),
        (30, "late commands", "the subscriber on /joint_trajectory_controller/joint_trajectory has"
                          " another quality of service: durability TransientLocal"),
    ],
)  # fmt: skip
def test_ends_that_do_not_match_are_named(new_hand, further, states, line):
    domain = str(int(DOMAIN) + further)  # DDS remembers ends that were killed for ten seconds
    process, driver = new_hand(states=states, domain=domain)
    deadline_s = time.monotonic() + 60
    while True:  # discovery takes its time on a busy machine
        with pytest.raises(ConnectError) as caught:
            driver.connect(2.0)
        if line in str(caught.value):
            break
        assert time.monotonic() < deadline_s and process.poll() is None, str(caught.value)
        driver = new_hand.driver(domain=domain)


def test_a_hand_that_dies_is_held_and_cannot_be_armed(new_hand):
    process, driver = new_hand()
    driver.connect(60.0)
    driver.arm()
    process.kill()
    deadline_s = time.monotonic() + 60
    while driver.health().mode is HandMode.ARMED:
        assert time.monotonic() < deadline_s
        time.sleep(0.01)
    with pytest.raises(NotArmed, match="no joint states for|no subscriber"):
        driver.arm()


def test_a_domain_without_a_hand_is_one_line(new_hand):
    with pytest.raises(ConnectError, match=f"hand on ROS 2 domain {DOMAIN}: no joint states"):
        new_hand.driver().connect(0.5)


class Message:
    """A JointState, of ROS 1 or ROS 2."""

    def __init__(self, names=None, position=None, velocity=None, effort=()):
        self.name = names or ["rh_" + joint for joint in HAND.joints]
        self.position = [0.1] * len(self.name) if position is None else position
        self.velocity = [0.0] * len(self.name) if velocity is None else velocity
        self.effort = effort


def test_joint_states_that_are_not_this_hands_or_not_whole_do_not_replace_good_ones():
    reader = JointReader(LAYOUT, "rh_")
    assert reader.take(Message(), 5.0, 1.0)
    bad = [
        (Message(["arm_joint"]), 6.0, "joint states without rh_WRJ2, rh_WRJ1, rh_FFJ4"),
        (Message(velocity=[]), 6.0, "joint states with 0 numbers of velocity for 24 joints"),
        (Message(position=[0.0] * 20), 6.0, "joint states with 20 numbers of position for 24 joi"),
        (
            Message(position=[0.0] * 23 + [float("nan")]),
            6.0,
            "joint states in which the position of rh_THJ1 is nan",
        ),
        (
            Message(velocity=[float("inf")] * 24),
            6.0,
            "joint states in which the velocity of rh_WRJ2 is inf",
        ),
        (Message(), 5.0, "joint states with a clock that does not advance"),
        (Message(), 4.5, "joint states with a clock that does not advance"),
    ]
    for message, time_s, problem in bad:
        assert not reader.take(message, time_s, 2.0)
        assert reader.problem.startswith(problem)
        assert reader.reading.received_s == 1.0
    assert reader.take(Message(), 1.0, 3.0), "a clock that begins anew is a hand that does"
    assert reader.take(Message(), 0.0, 4.0), "a hand without stamps counts by arrival"
    assert reader.reading.seq == 3
    assert reader.problem == ""


@pytest.mark.parametrize(
    "effort", [[], [0.1], [0.1] * 23, [float("nan")] * 24, [0.1] * 23 + [float("nan")]]
)
def test_efforts_that_are_not_measured_are_left_out_and_positions_count(effort):
    reader = JointReader(LAYOUT, "rh_")
    assert reader.take(Message(effort=effort), 5.0, 1.0)
    assert len(reader.reading.effort) == 0
    assert list(reader.reading.position) == [0.1] * 24
    assert reader.problem == ""


def test_efforts_that_are_measured_are_those_of_the_motors():
    reader = JointReader(LAYOUT, "rh_")
    assert reader.take(Message(effort=list(range(24))), 5.0, 1.0)
    assert list(reader.reading.effort) == LAYOUT.driven_by(list(range(24)))
