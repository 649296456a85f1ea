"""A hand whose session runs in this process: what its face is told, and what it is not."""

import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from sleight.deploy.drivers.local_driver import LocalHand, layout_of
from sleight.deploy.hand.hand import DriverGone, HandMode, NotArmed, StaleState
from sleight.deploy.link.face import Face, Layout, Reading
from sleight.deploy.link.hand_side import HandSide, Watch
from sleight.deploy.link.motion import FREEZE_S, Motion
from sleight.envs.hands.shadow import SHADOW_RIGHT as HAND

LAYOUT = layout_of(HAND)
START = HAND.joint_target(HAND.home)


class Hand(Face):
    """A face that remembers what it was told, with joints where the test puts them."""

    name = "a hand"
    state_rate_hz = 100.0

    def __init__(self, force_scale=False):
        self.force_scale = force_scale
        self.joints = START.tolist()
        self.told, self.forces = [], []
        self.fresh, self.nobody, self.seq = True, "", 0
        self._last = None

    def open(self, timeout_s, news):
        news()

    def reading(self):
        if self.fresh or self._last is None:
            self.seq += 1
            now_s = time.monotonic()
            self._last = Reading(self.joints, [0.0] * 24, [], now_s, now_s, self.seq)
        return self._last

    def deaf(self):
        return self.nobody

    def send(self, target, duration_s):
        self.told.append((np.array(target), duration_s))

    def force(self, share):
        self.forces.append(share)

    def close(self, timeout_s):
        pass


@pytest.fixture
def connected():
    hands = []

    def begin(face=None, **watch):
        face = face or Hand()
        # The test's own pace, not a deadline, ends what is armed.
        driver = LocalHand(HAND, face, watch=Watch(**{"hold_after_s": 60.0, **watch}))
        driver.connect(5.0)
        hands.append(driver)
        return face, driver

    yield begin
    for driver in hands:
        driver.close(1.0)


def until(condition, timeout_s=60):
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.005)


def test_layout_is_the_spec_in_plain_python():
    """Hand arithmetic on a coupled pair, and the spec's own matrices on everything."""
    joints = np.linspace(0.1, 2.4, 24)
    np.testing.assert_allclose(LAYOUT.control_position(joints), HAND.control_position(joints))
    target = np.linspace(0.2, 1.1, 20)
    np.testing.assert_allclose(LAYOUT.joint_target(target), HAND.joint_target(target))
    pair = [HAND.joints.index(name) for name in ("FFJ2", "FFJ1")]
    at = HAND.actuators.index("FFJ0")
    assert [LAYOUT.joint_target([0.0] * at + [1.0] + [0.0] * (19 - at))[i] for i in pair] == [
        0.5,
        0.5,
    ]
    assert LAYOUT.driven_by(list(range(24)))[at] == pair[0]
    flat = {**vars(LAYOUT), "coupling": HAND.coupling.ravel().tolist()}
    assert Layout.of_hello(flat) == LAYOUT


def test_connecting_and_stopping_send_nothing(connected):
    face, driver = connected()
    driver.hold()
    driver.stop("before anything moved")
    assert face.told == []
    with pytest.raises(NotArmed, match="stopped"):
        driver.arm()


def test_it_is_armed_where_it_is_and_not_where_it_was_when_it_was_connected(connected):
    face, driver = connected()
    face.joints = (START + 0.05).tolist()
    applied = driver.arm()
    moved = np.clip(HAND.control_position(START + 0.05), HAND.lower, HAND.upper)
    np.testing.assert_allclose(applied.target, moved)
    np.testing.assert_allclose(face.told[-1][0], moved)


def test_a_command_is_sent_with_its_duration_and_a_hold_stops_it_on_its_way():
    """Time stands still but for the test: half-way of 0.08 s the setpoint is half-way."""
    face, now_s = Hand(), 10.0
    motion = Motion(face, LAYOUT, clock=lambda: now_s)
    motion.begin([0.0] * 20)
    motion.move([0.4] * 20, 0.08)
    now_s += 0.04
    np.testing.assert_allclose(motion.setpoint, 0.2)
    motion.freeze()
    now_s += 1.0
    np.testing.assert_allclose(motion.setpoint, 0.2)
    assert [duration_s for _, duration_s in face.told] == [0.08, FREEZE_S]
    np.testing.assert_allclose(face.told[-1][0], 0.2)


def test_force_fades_and_comes_back_where_the_hand_has_such_a_knob():
    face, now_s = Hand(force_scale=True), 10.0
    motion = Motion(face, LAYOUT, force=0.5, clock=lambda: now_s)
    motion.begin([0.0] * 20)
    motion.step()
    assert face.forces == []
    motion.relax()
    for _ in range(60):
        now_s += 0.1
        motion.step()
    assert face.forces[0] == pytest.approx(0.5 - 0.45 * 0.1 / 0.5)
    assert face.forces[-1] == pytest.approx(0.05)
    assert np.all(np.diff(face.forces) < 0)
    motion.tense()
    for _ in range(60):
        now_s += 0.1
        motion.step()
    assert face.forces[-1] == pytest.approx(0.5)
    assert face.told == []


def test_a_relaxed_hand_without_such_a_knob_follows_its_own_angles(connected):
    face, driver = connected()
    driver.arm()
    driver.relax()
    face.joints = (START + 0.1).tolist()
    wanted = np.clip(HAND.control_position(START + 0.1), HAND.lower, HAND.upper)
    until(lambda: np.allclose(face.told[-1][0], wanted))


def test_a_client_that_says_nothing_is_held_and_then_relaxed(connected):
    _, driver = connected(hold_after_s=0.1, relax_after_s=0.4)
    driver.arm()
    until(lambda: driver.health().mode is HandMode.HOLD)
    until(lambda: driver.health().mode is HandMode.RELAXED)


@pytest.mark.parametrize("how", ["silent", "deaf"])
def test_a_hand_that_is_lost_is_held_and_armed_where_it_is_found(connected, how):
    face, driver = connected()
    driver.arm()
    face.fresh, face.nobody = how != "silent", "no subscriber" if how == "deaf" else ""
    until(lambda: driver.health().mode is HandMode.HOLD)
    with pytest.raises(NotArmed):
        driver.command(HAND.home, 0.08)
    with pytest.raises(NotArmed, match="no joint states for|no subscriber"):
        driver.arm()
    face.joints, face.fresh, face.nobody = (START + 0.05).tolist(), True, ""
    until(lambda: not driver._session.fault)
    wanted = np.clip(HAND.control_position(START + 0.05), HAND.lower, HAND.upper)
    np.testing.assert_allclose(driver.arm().target, wanted)


def test_an_old_state_is_stale_and_a_closed_hand_is_gone(connected):
    face, driver = connected()
    face.fresh = False
    time.sleep(0.05)
    with pytest.raises(StaleState, match="allowed: 0.020 s"):
        driver.read(0.02)
    driver.close(1.0)
    driver.close(1.0)
    with pytest.raises(DriverGone):
        driver.read(0.02)
    driver.stop("too late")


def test_a_hand_that_was_armed_is_held_when_it_is_closed(connected):
    face, driver = connected()
    driver.arm()
    driver.command(np.clip(HAND.home + 0.05, HAND.lower, HAND.upper), 1.0)
    driver.close(1.0)
    assert face.told[-1][1] == FREEZE_S


def test_holding_by_the_measured_angles_gives_up_the_grip():
    face = Hand()
    side = HandSide(face, LAYOUT, Watch(hold="measured"), 1.0, lambda event, **fields: None)
    side.begin()
    side.step(time.monotonic())
    side.session.handle({"type": "arm", "seq": 1}, 0.0)
    face.joints = (START + 0.03).tolist()
    side.session.hold("a test", 0.0)
    wanted = np.clip(HAND.control_position(START + 0.03), HAND.lower, HAND.upper)
    np.testing.assert_allclose(face.told[-1][0], wanted)


class Stuck(Hand):
    """A face whose next message to the hand hangs until the test lets it go."""

    def __init__(self):
        super().__init__()
        self.hangs, self.under_way, self.go_on = False, threading.Event(), threading.Event()

    def send(self, target, duration_s):
        if self.hangs:
            self.hangs = False
            self.under_way.set()
            assert self.go_on.wait(60)
        super().send(target, duration_s)


@pytest.mark.parametrize("halt", ["hold", "relax", "stop"])
@pytest.mark.parametrize("kind", ["arm", "command"])
def test_what_hangs_in_the_face_neither_arms_nor_moves_the_hand_after_a_halt(connected, kind, halt):
    face, driver = connected(Stuck(), relax_after_s=60.0)
    wanted = np.clip(HAND.home + 0.2, HAND.lower, HAND.upper)
    if kind == "command":
        driver.arm()
    refused = []

    def act():
        try:
            driver.arm() if kind == "arm" else driver.command(wanted, 1.0)
        except NotArmed as error:
            refused.append(str(error))

    face.hangs = True
    thread = threading.Thread(target=act)
    thread.start()
    assert face.under_way.wait(60)
    driver.stop("an operator") if halt == "stop" else getattr(driver, halt)()
    face.go_on.set()
    thread.join(60)
    assert len(refused) == 1
    assert driver.health().mode is not HandMode.ARMED
    if halt == "stop":
        assert driver.health().mode is HandMode.STOPPED
    # The last that the hand received is where its setpoint was, not the target.
    assert face.told[-1][1] == FREEZE_S
    np.testing.assert_allclose(face.told[-1][0], driver._side.motion.setpoint, atol=0.02)
    assert np.abs(face.told[-1][0] - HAND.home).max() < 0.19


def test_a_closed_hand_receives_nothing_more(connected):
    """Also not from the session's thread, which makes a relaxed hand follow its angles."""
    face, driver = connected()
    driver.arm()
    driver.relax()
    driver.close(5.0)
    told = len(face.told)
    face.joints = (START + 0.1).tolist()
    time.sleep(0.3)
    assert len(face.told) == told


@pytest.mark.parametrize("effort", [[float("nan")] * 20, [0.1] * 19, [0.1] * 19 + [float("inf")]])
def test_an_effort_that_a_face_does_not_measure_is_none(connected, effort):
    face, driver = connected()
    reading = face.reading
    face.reading = lambda: replace(reading(), effort=effort)
    assert driver.read(1.0).effort is None
    face.reading = lambda: replace(reading(), effort=[0.5] * 20)
    np.testing.assert_array_equal(driver.read(1.0).effort, 0.5)


def test_a_stale_state_says_why_where_the_face_knows(connected):
    face, driver = connected()
    face.unread = lambda: "joint states in which the position of FFJ3 is nan"
    face.fresh = False
    time.sleep(0.3)
    with pytest.raises(StaleState, match=": joint states in which the position of FFJ3 is nan"):
        driver.read(0.02)
    with pytest.raises(NotArmed, match="the position of FFJ3 is nan"):
        driver.arm()
