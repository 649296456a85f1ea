"""The gate in front of a driver, its lock, and the watchdog."""

import threading
import time

import numpy as np
import pytest

from sleight.deploy.hand.gate import GateConfig, GateState
from sleight.deploy.hand.guard import GuardedHand
from sleight.deploy.hand.hand import Applied, CommandRejected, HandMode, NotArmed
from sleight.deploy.hand.watchdog import Watchdog, WatchdogConfig
from sleight.envs.hands.shadow import SHADOW_RIGHT as HAND
from tests.deploy.fakes import Recorder


def guarded(arm=True):
    driver = Recorder()
    hand = GuardedHand(driver, GateConfig(), 0.08)
    hand.connect(1.0)
    if arm:
        hand.arm()
    return driver, hand


def test_nothing_is_sent_before_arming():
    driver, hand = guarded(arm=False)
    with pytest.raises(NotArmed, match="ready"):
        hand.command(HAND.home, hand.read(0.03))
    assert driver.calls == ["connect"]


def test_what_is_sent_is_what_the_gate_admits_and_the_reasons_are_told():
    driver, hand = guarded()
    target = HAND.home.copy()
    target[HAND.actuators.index("MFJ3")] += 1.0
    applied = hand.command(target, hand.read(0.03))
    assert applied.reasons == ("error:MFJ3", "speed:MFJ3", "hand_limit:FFJ3")
    np.testing.assert_array_equal(driver.calls[-1], hand.last_sent)


def test_a_rejected_target_reaches_no_hand():
    driver, hand = guarded()
    with pytest.raises(CommandRejected):
        hand.command(np.full(20, np.nan), hand.read(0.03))
    assert driver.calls == ["connect"]


def test_nothing_is_sent_after_stop_returned_whatever_thread_it_came_from():
    driver, hand = guarded()
    driver.slow_s = 0.02
    errors = []

    def keep_commanding():
        try:
            while True:
                hand.command(HAND.home, hand.read(0.03))
        except NotArmed as error:
            errors.append(str(error))

    thread = threading.Thread(target=keep_commanding)
    thread.start()
    time.sleep(0.05)
    hand.stop("an operator said so")
    thread.join(1.0)
    assert driver.calls[-1] == "stop"
    assert errors == ["nothing is sent: the hand is stopped (an operator said so)"]
    hand.hold("too late")
    hand.relax("too late")
    assert driver.calls[-1] == "stop"
    with pytest.raises(NotArmed, match="stopped"):
        hand.arm()


def test_a_driver_that_hangs_does_not_keep_a_stop_from_going_out():
    driver, hand = guarded()
    under_way, answer = threading.Event(), threading.Event()

    def hang(target, duration_s):
        under_way.set()
        assert answer.wait(60)
        return Applied(target)

    driver.command = hang
    thread = threading.Thread(target=lambda: hand.command(HAND.home, hand.read(0.03)))
    thread.start()
    assert under_way.wait(60)
    hand.stop("now")
    assert driver.calls[-1] == "stop"
    assert thread.is_alive()
    answer.set()
    thread.join()


def test_stop_and_hold_never_raise_when_the_link_is_gone():
    driver, hand = guarded()
    driver.gone = True
    hand.hold("first")
    assert hand.state is GateState.HOLD
    hand.stop("second")
    assert hand.state is GateState.STOPPED


@pytest.mark.parametrize("mode", [HandMode.HOLD, HandMode.RELAXED, HandMode.READY])
def test_a_hand_that_left_the_armed_mode_by_itself_is_not_commanded(mode):
    driver, hand = guarded()
    driver.mode = mode
    state = hand.read(0.03)
    assert hand.reason == f"the hand went to {mode} by itself"
    with pytest.raises(NotArmed):
        hand.command(HAND.home, state)


def test_the_watchdogs_thread_holds_then_relaxes_a_silent_loop():
    driver, hand = guarded()
    with Watchdog(hand, WatchdogConfig(hold_after_s=0.05, relax_after_s=0.2)):
        deadline_s = time.monotonic() + 60
        while hand.state is not GateState.READY and time.monotonic() < deadline_s:
            time.sleep(0.01)
    assert [call for call in driver.calls if isinstance(call, str)] == ["connect", "hold", "relax"]
    assert "the loop was silent" in hand.reason


@pytest.mark.parametrize("sign_of_life", ["command", "heartbeat", None])
def test_the_watchdog_leaves_only_a_living_loop_alone(sign_of_life):
    """By its own clock: a sign of life every 80 ms, looked at every 20 ms, for four seconds."""
    now_s = 0.0
    hand = GuardedHand(Recorder(lambda: now_s), GateConfig(), 0.08, clock=lambda: now_s)
    hand.connect(1.0)
    hand.arm()
    watchdog = Watchdog(hand)
    states = []
    for step in range(200):
        now_s = 0.02 * step
        if step % 4 == 0 and sign_of_life == "command":
            hand.command(HAND.home, hand.read(0.03))
        elif step % 4 == 0 and sign_of_life == "heartbeat":
            hand.heartbeat()
        watchdog.look(now_s)
        states.append(hand.state)
    if sign_of_life:
        assert set(states) == {GateState.ARMED}
    else:
        # 0.16 s and 1 s after the arming, at the next look.
        assert states.index(GateState.HOLD) == 9
        assert states.index(GateState.READY) == 51
