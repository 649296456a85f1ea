"""A node that behaves as Shadow's controllers do, and nothing more: it has no watchdog.

    /usr/bin/python3 hand.py --log FILE [--position] [--prefix rh_] [--without JOINT]

Joint states at 125 Hz in alphabetical order; two trajectory controllers that interpolate linearly;
a position controller for each motor, with `max_force_factor`; `list_controllers`, made by ROS's own
generator from the text of its types. JSON lines of what it was told, and of where its setpoint is.
"""

import argparse
import json
import signal
import sys
import threading
import time

import rospy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from genpy.dynamic import generate_dynamic
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64
from trajectory_msgs.msg import JointTrajectory

JOINTS = [f"{f}J{i}" for f, n in (("FF", 4), ("LF", 5), ("MF", 4), ("RF", 4), ("TH", 5), ("WR", 2))
          for i in range(1, n + 1)]  # fmt: skip
PAIRS = [f"{f}J0" for f in ("FF", "LF", "MF", "RF")]
MOTORS = PAIRS + [j for j in JOINTS if f"{j[:2]}J0" not in PAIRS or j[3] not in "12"]
RATE_HZ = 125
LAG_S = 0.05
LIST = """controller_manager_msgs/ControllerState[] controller
================================================================================
MSG: controller_manager_msgs/ControllerState
string name
string state
string type
controller_manager_msgs/HardwareInterfaceResources[] claimed_resources
================================================================================
MSG: controller_manager_msgs/HardwareInterfaceResources
string hardware_interface
string[] resources
"""


class Hand:
    """The setpoint of every joint, and the joints that follow it."""

    def __init__(self, log):
        self._lock, self._log = threading.Lock(), log
        self.position = dict.fromkeys(JOINTS, 0.1)
        self.velocity = dict.fromkeys(JOINTS, 0.0)
        self.plan = dict.fromkeys(JOINTS, (0.1, 0.1, 0.0, 1.0))
        self.forces = {}

    def setpoint(self, joint, now_s):
        start, end, began_s, duration_s = self.plan[joint]
        share = min(max((now_s - began_s) / duration_s, 0.0), 1.0)
        return start + share * (end - start)

    def go(self, targets, duration_s):
        with self._lock:
            now_s = time.monotonic()
            for joint, target in targets.items():
                self.plan[joint] = (self.setpoint(joint, now_s), target, now_s, duration_s)
        self._log("told", targets=targets, duration_s=duration_s)

    def force(self, motor, share):
        self.forces[motor] = share
        self._log("force", motor=motor, share=share)

    def step(self, elapsed_s):
        with self._lock:
            now_s = time.monotonic()
            for joint in JOINTS:
                rate = (self.setpoint(joint, now_s) - self.position[joint]) / LAG_S
                self.velocity[joint] = rate
                self.position[joint] += min(elapsed_s / LAG_S, 1.0) * rate * LAG_S
            return [round(self.setpoint(joint, now_s), 6) for joint in JOINTS]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--log", required=True)
    parser.add_argument("--position", action="store_true", help="no trajectory controller runs")
    parser.add_argument("--prefix", default="rh_")
    parser.add_argument("--without", default="", help="a joint that is not reported")
    given = parser.parse_args()
    file, write_lock = open(given.log, "a", buffering=1), threading.Lock()  # noqa: SIM115

    def log(event, **fields):
        with write_lock:
            file.write(json.dumps({"t": time.monotonic(), "event": event, **fields}) + "\n")

    rospy.init_node("hand", anonymous=True, disable_signals=True)
    hand = Hand(log)
    listen(hand, given)
    serve_controllers(given)
    states = rospy.Publisher("/joint_states", JointState, queue_size=1, tcp_nodelay=True)
    log("start")
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    publish(hand, states, given, log)


def listen(hand, given):
    """Subscribe as the controllers do, whether they run or not."""

    def trajectory(message):
        if given.position or not message.points:
            return
        point = message.points[-1]
        assert not point.velocities
        names = [name[len(given.prefix) :] for name in message.joint_names]
        goals = dict(zip(names, point.positions, strict=True))
        hand.go(goals, max(point.time_from_start.to_sec(), 1e-3))

    def position(motor):
        pair = (motor[:2] + "J1", motor[:2] + "J2") if motor in PAIRS else (motor,)
        return lambda message: hand.go({j: message.data / len(pair) for j in pair}, 1e-3)

    def subscribe(topic, kind, callback):
        rospy.Subscriber(topic, kind, callback, tcp_nodelay=True)

    for group in ("trajectory", "wr_trajectory"):
        subscribe(f"/{given.prefix}{group}_controller/command", JointTrajectory, trajectory)
    for motor in MOTORS:
        name = f"/sh_{given.prefix}{motor.lower()}_position_controller"
        subscribe(f"{name}/command", Float64, position(motor))
        subscribe(f"{name}/max_force_factor", Float64,
                  lambda message, motor=motor: hand.force(motor, message.data))  # fmt: skip


def serve_controllers(given):
    """`list_controllers`, serialized by ROS's own code."""
    made = generate_dynamic("controller_manager_msgs/ListControllersResponse", LIST)
    response = made["controller_manager_msgs/ListControllersResponse"]
    state = made["controller_manager_msgs/ControllerState"]
    claim = made["controller_manager_msgs/HardwareInterfaceResources"]
    request = generate_dynamic("controller_manager_msgs/ListControllersRequest", "\n")

    class Service:
        _type = "controller_manager_msgs/ListControllers"
        _md5sum = response._md5sum
        _request_class = request["controller_manager_msgs/ListControllersRequest"]
        _response_class = response

    groups = [f"{given.prefix}{g}_controller" for g in ("trajectory", "wr_trajectory")]
    motors = [f"sh_{given.prefix}{motor.lower()}_position_controller" for motor in MOTORS]
    running = dict.fromkeys(groups, "stopped" if given.position else "running")
    running.update(dict.fromkeys(motors, "running"))
    rows = [
        state(name, word, "a/Type", [claim("an_interface", ["one", "two"]), claim("other", [])])
        for name, word in running.items()
    ]
    rospy.Service("/controller_manager/list_controllers", Service, lambda _: response(rows))


def temperatures(given):
    """As sr_robot_lib tells them: 30 C and the motor's place among `MOTORS`."""
    array = DiagnosticArray()
    for place, motor in enumerate(MOTORS):
        values = [KeyValue("Motor ID", str(place)), KeyValue("Temperature", f"{30 + place:f}")]
        name = f"{given.prefix.rstrip('_')} SRDMotor {motor}"
        array.status.append(DiagnosticStatus(name=name, message="OK", values=values))
    return array


def publish(hand, states, given, log):
    """Joint states at a steady rate until SIGTERM; the setpoint in the log when it moves."""
    diagnostics = rospy.Publisher("/diagnostics", DiagnosticArray, queue_size=1)
    told_s = 0.0
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    names = [joint for joint in JOINTS if joint != given.without]
    before, next_s = None, time.monotonic()
    while not ended.is_set():
        setpoint = hand.step(1.0 / RATE_HZ)
        if setpoint != before:
            log("setpoint", setpoint=setpoint)
            before = setpoint
        message = JointState()
        message.header.stamp = rospy.Time.now()
        message.name = [given.prefix + joint for joint in names]
        message.position = [hand.position[joint] for joint in names]
        message.velocity = [hand.velocity[joint] for joint in names]
        message.effort = [float(index) for index in range(len(names))]
        states.publish(message)
        if time.monotonic() - told_s > 0.5:
            told_s = time.monotonic()
            diagnostics.publish(temperatures(given))
        late_s = time.monotonic() - next_s - 1.0 / RATE_HZ
        if late_s > 0.05:
            log("overrun", lost_s=late_s)
        next_s = max(next_s + 1.0 / RATE_HZ, time.monotonic() - 0.05)
        ended.wait(max(next_s - time.monotonic(), 0.0))


if __name__ == "__main__":
    main()
