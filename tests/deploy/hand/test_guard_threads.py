"""Several threads on one guarded hand, in chosen orders: what the hand received is what counts."""

import contextlib
import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sleight.deploy.hand.gate import GateConfig, GateState, SafetyGate
from sleight.deploy.hand.guard import GuardedHand
from sleight.deploy.hand.hand import (
    Applied,
    HandError,
    HandMode,
    NotArmed,
    StaleState,
)
from sleight.deploy.hand.watchdog import Watchdog
from sleight.envs.hands.shadow import SHADOW_RIGHT as HAND
from sleight.errors import SleightError
from tests.deploy.fakes import Recorder
from tests.deploy.interleave import Interleaving

PERIOD_S = 0.08
FILES = ("hand/guard.py", "hand/gate.py", "hand/halts.py")
HALTS = ("hold", "relax", "stop")


class Receiver(Recorder):
    """A hand that writes down in one list what it received and what its callers got back."""

    def __init__(self, clock=time.monotonic):
        super().__init__(clock)
        self.in_force = HAND.home
        self.fails = set()
        """Calls that fail without effect, by name."""
        self.steps = []
        """(A,) change of the target in force by each command."""

    def arm(self):
        self._note("arm")
        self.mode = HandMode.ARMED
        return Applied(self.in_force)

    def command(self, target, duration_s):
        self._note("command")
        self.steps.append(np.abs(target - self.in_force))
        self.in_force = target
        return Applied(target)

    def _say(self, what):
        self._note(what)
        modes = {"hold": HandMode.HOLD, "relax": HandMode.RELAXED, "stop": HandMode.STOPPED}
        if self.mode is not HandMode.STOPPED:
            self.mode = modes[what]

    def _note(self, what):
        if what in self.fails:
            raise {"command": StaleState, "arm": StaleState}.get(what, HandError)(f"no {what}")
        self.calls.append(what)


def connected(driver, clock=time.monotonic):
    hand = GuardedHand(driver, GateConfig(), PERIOD_S, clock)
    hand.connect(1.0)
    return hand


def armed(driver, **options):
    hand = connected(driver, **options)
    hand.arm()
    return hand


class _Paused(SafetyGate):
    """A gate whose first look at its own state, on one thread, lets something else happen."""

    meanwhile = None

    @property
    def state(self):
        value, meanwhile = self.__dict__["state"], self.meanwhile
        if meanwhile and threading.get_ident() == self.thread:
            self.meanwhile = None
            meanwhile()
        return value

    @state.setter
    def state(self, value):
        self.__dict__["state"] = value


@pytest.mark.parametrize("mode", [HandMode.HOLD, HandMode.READY])
def test_a_stop_that_arrives_while_a_reading_closes_the_gate_is_not_lost(mode):
    driver = Receiver()
    hand = armed(driver)
    gate = hand._gate
    gate.__class__ = _Paused
    stopper = threading.Thread(target=lambda: hand.stop("an operator"))

    def stop_now():
        stopper.start()
        stopper.join(0.3)

    driver.mode, gate.thread, gate.meanwhile = mode, threading.get_ident(), stop_now
    hand.read(0.03)
    stopper.join()
    assert hand.state is GateState.STOPPED
    with pytest.raises(NotArmed, match="stopped"):
        hand.arm()
    assert driver.calls[-1] == "stop"


@pytest.mark.parametrize("halt", HALTS)
def test_a_halt_that_arrives_while_the_hand_is_armed_is_not_lost(halt):
    """The driver takes longer to arm than a halt waits: the halt is sent, and the last word."""
    driver = Receiver()
    hand = connected(driver)
    arming, go_on = threading.Event(), threading.Event()
    arm = driver.arm

    def slow():
        arming.set()
        assert go_on.wait(60)
        return arm()

    driver.arm = slow
    errors = []

    def try_to_arm():
        try:
            hand.arm()
        except NotArmed as error:
            errors.append(str(error))

    thread = threading.Thread(target=try_to_arm)
    thread.start()
    assert arming.wait(60)
    getattr(hand, halt)("an operator")
    go_on.set()
    thread.join(60)
    assert len(errors) == 1
    assert hand.state is not GateState.ARMED
    assert driver.calls[-1] == halt
    with pytest.raises(NotArmed):
        hand.command(HAND.home, hand.read(0.03))
    assert "command" not in driver.calls


@pytest.mark.parametrize("halt", HALTS)
def test_a_command_that_hung_is_not_the_last_word_after_a_halt(halt):
    driver = Receiver()
    hand = armed(driver)
    under_way, go_on = threading.Event(), threading.Event()
    command = driver.command

    def slow(target, duration_s):
        under_way.set()
        assert go_on.wait(60)
        return command(target, duration_s)

    driver.command = slow
    state = hand.read(0.03)
    thread = threading.Thread(target=lambda: hand.command(HAND.home, state))
    thread.start()
    assert under_way.wait(60)
    getattr(hand, halt)("an operator")
    assert driver.calls[-1] == halt  # it did not wait for ever
    go_on.set()
    thread.join(60)
    assert driver.calls[-2:] == ["command", halt]


def test_a_stop_during_the_connection_is_kept():
    driver = Receiver()
    hand = GuardedHand(driver, GateConfig(), PERIOD_S)
    hand.stop("an operator")
    hand.connect(1.0)
    with pytest.raises(NotArmed, match="it is stopped \\(an operator\\)"):
        hand.arm()
    assert driver.calls[-1] == "stop"


def test_after_an_undelivered_command_the_hand_moves_no_further_than_one_step():
    """The hand itself did not get the first target: the second may not be two steps away."""
    now_s = 0.0
    driver = Receiver(lambda: now_s)
    hand = armed(driver, clock=lambda: now_s)
    far = HAND.home + 1.0
    now_s += PERIOD_S
    driver.fails = {"command"}
    with pytest.raises(StaleState):
        hand.command(far, hand.read(0.03))
    driver.fails = set()
    now_s += PERIOD_S
    with pytest.raises(NotArmed, match="a command was not acknowledged: no command"):
        hand.command(far, hand.read(0.03))
    assert driver.calls[-1] == "hold"
    hand.arm()
    now_s += PERIOD_S
    hand.command(far, hand.read(0.03))
    assert len(driver.steps) == 1
    assert np.all(driver.steps[0] <= HAND.max_speed * PERIOD_S + 1e-9)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("command"), st.sampled_from([2.0, 2.0, 2.0, -2.0, 0.1])),
            st.tuples(st.just("undelivered"), st.sampled_from([2.0, 2.0, -2.0])),
            st.tuples(st.sampled_from(["arm", "arm", "hold", "relax"]), st.just(0.0)),
        ),
        min_size=3,
        max_size=12,
    )
)
def test_whatever_is_not_delivered_the_target_in_force_keeps_the_speed(calls):
    now_s = 100.0
    driver = Receiver(lambda: now_s)
    hand = armed(driver, clock=lambda: now_s)
    for name, value in calls:
        now_s += PERIOD_S
        driver.fails = {"command"} if name == "undelivered" else set()
        if name in ("command", "undelivered"):
            with contextlib.suppress(SleightError):
                hand.command(HAND.home + value, hand.read(0.03))
        elif name == "arm":
            with contextlib.suppress(SleightError):
                hand.arm()
        else:
            getattr(hand, name)("a test")
    for step in driver.steps:
        assert np.all(step <= HAND.max_speed * PERIOD_S + 1e-9)


@pytest.mark.parametrize("act", ["read", "command", "arm", "heartbeat"])
@pytest.mark.parametrize("halt", HALTS)
def test_a_halt_at_any_line_of_another_call_is_obeyed(act, halt):
    """The loop's thread is interrupted after its first, second, ... line; the halt runs then."""

    def trial(interrupted_at):
        driver = Receiver(lambda: 100.0)
        hand = armed(driver, clock=lambda: 100.0)
        state = hand.read(0.03)
        if act != "command":
            driver.mode = HandMode.HOLD  # a reading closes the gate, and arming opens it

        def loop():
            with contextlib.suppress(NotArmed):
                {
                    "read": lambda: hand.read(0.03),
                    "command": lambda: hand.command(HAND.home, state),
                    "arm": hand.arm,
                    "heartbeat": hand.heartbeat,
                }[act]()

        def interrupt():
            getattr(hand, halt)("another thread")
            driver.calls.append("returned")

        threads = Interleaving(FILES, [0] * interrupted_at + [1] * 500)
        threads.run(loop, interrupt)
        after = driver.calls[driver.calls.index("returned") + 1 :]
        assert "command" not in after, interrupted_at
        armed_after = "arm" in after and act == "arm" and halt != "stop"
        if not armed_after:
            assert hand.state is not GateState.ARMED, (interrupted_at, driver.calls)
            assert [call for call in driver.calls if call in (*HALTS, "arm")][-1] == halt
        if halt == "stop":
            assert hand.state is GateState.STOPPED, interrupted_at
            with pytest.raises(NotArmed, match="stopped"):
                hand.arm()
        return threads.lines[0]

    lines = trial(0)
    assert lines > 3
    for interrupted_at in range(1, lines + 1):
        trial(interrupted_at)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(0, 2), min_size=60, max_size=200),
    st.lists(st.sampled_from(["command", "command", "arm", "read"]), min_size=1, max_size=4),
    st.lists(st.sampled_from(["hold", "relax", "watch"]), min_size=1, max_size=3),
    st.sampled_from([HandMode.ARMED, HandMode.HOLD]),
)
def test_no_order_of_the_lines_of_three_threads_sends_what_it_must_not(
    order, loop, others, mode_at_first
):
    driver = Receiver(lambda: 100.0)
    hand = armed(driver, clock=lambda: 100.0)
    driver.mode = mode_at_first
    watchdog = Watchdog(hand)

    def keep_going():
        for name in loop:
            with contextlib.suppress(SleightError):
                if name == "command":
                    hand.command(HAND.home, hand.read(0.03))
                elif name == "arm":
                    hand.arm()
                else:
                    hand.read(0.03)

    def halt():
        for name in others:
            if name == "watch":
                watchdog.look(102.0)
            else:
                getattr(hand, name)("another thread")
            driver.calls.append("returned")

    def stop():
        hand.stop("an operator")
        driver.calls.append("stopped")

    Interleaving(FILES, order).run(keep_going, halt, stop)
    after = driver.calls[driver.calls.index("stopped") + 1 :]
    assert "command" not in after and "hold" not in after and "relax" not in after
    assert hand.state is GateState.STOPPED
    with pytest.raises(NotArmed, match="stopped"):
        hand.arm()
    told = [call for call in driver.calls if call in (*HALTS, "command", "arm")]
    assert told[-1] == "stop"
    # Between the return of another halt and the next arming no command begins.
    if others != ["watch"] * len(others):
        since = driver.calls[driver.calls.index("returned") :]
        if "command" in since:
            assert "arm" in since[: since.index("command")] or others[0] == "watch"
