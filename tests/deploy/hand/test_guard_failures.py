"""A driver or a watchdog that fails: what the hand received, and what its callers are told."""

import time

import pytest

from sleight.deploy.hand.gate import GateState
from sleight.deploy.hand.hand import (
    HandError,
)
from sleight.deploy.hand.watchdog import Watchdog, WatchdogConfig
from sleight.envs.hands.shadow import SHADOW_RIGHT as HAND
from tests.deploy.hand.test_guard_threads import HALTS, Receiver, armed


class Broken(Receiver):
    """A plug-in's driver that raises what it likes."""

    def __init__(self, *broken):
        super().__init__()
        self.broken = set(broken)

    def _note(self, what):
        if what in self.broken:
            self.calls.append(f"tried {what}")
            raise RuntimeError("USB")
        super()._note(what)


@pytest.mark.parametrize("halt", HALTS)
def test_a_plug_in_that_raises_anything_in_a_halt_raises_nothing_here(halt):
    hand = armed(Broken(halt))
    getattr(hand, halt)("a test")
    assert hand.state is not GateState.ARMED


def test_the_watchdog_relaxes_a_hand_whose_hold_raises():
    driver = Broken("hold")
    hand = armed(driver)
    with Watchdog(hand, WatchdogConfig(hold_after_s=0.03, relax_after_s=0.3)):
        end_s = time.monotonic() + 60
        while "relax" not in driver.calls and time.monotonic() < end_s:
            time.sleep(0.01)
    assert driver.calls[-1] == "relax"
    assert driver.calls.count("tried hold") > 1  # a hold that failed is tried again


@pytest.mark.parametrize("halt", HALTS)
def test_a_halt_that_failed_is_delivered_later(halt):
    driver = Broken(halt)
    hand = armed(driver)
    getattr(hand, halt)("a test")
    assert halt not in driver.calls
    driver.broken.clear()
    Watchdog(hand).look(hand.fed_s)
    assert driver.calls[-1] == halt
    Watchdog(hand).look(hand.fed_s)
    assert driver.calls.count(halt) == 1


def test_a_hold_that_failed_is_not_delivered_after_the_hand_was_armed_again():
    driver = Broken("hold")
    hand = armed(driver)
    hand.hold("a test")
    hand.arm()
    driver.broken.clear()
    Watchdog(hand).look(hand.fed_s)
    assert driver.calls[-1] == "arm"


@pytest.mark.parametrize("call", ["arm", "command"])
def test_what_a_plug_in_raises_is_one_line_with_its_place(call):
    driver = Broken()
    hand = armed(driver)
    state = hand.read(0.03)
    driver.broken = {call}
    act = hand.arm if call == "arm" else lambda: hand.command(HAND.home, state)
    line = rf"the hand's driver failed in {call}: RuntimeError: USB \(test_guard_failures.py:\d+\)"
    with pytest.raises(HandError, match=line):
        act()
    assert driver.calls[-1] == "hold"


def test_a_watchdog_that_dies_stops_the_hand_and_says_why():
    driver = Receiver()
    hand = armed(driver)
    watchdog = Watchdog(hand)
    watchdog.look = lambda now_s: 1 / 0
    with watchdog:
        end_s = time.monotonic() + 60
        while hand.state is not GateState.STOPPED and time.monotonic() < end_s:
            time.sleep(0.01)
    assert driver.calls[-1] == "stop"
    assert "the thread 'watchdog' died: ZeroDivisionError" in hand.reason
