"""Any sequence of calls: what reaches a hand keeps limits and speed, and comes only when it may."""

import contextlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sleight.deploy.hand.gate import GateConfig, GateState
from sleight.deploy.hand.guard import GuardedHand
from sleight.deploy.hand.hand import (
    Applied,
    DriverGone,
    HandMode,
    HandState,
    NotArmed,
    StaleState,
)
from sleight.deploy.hand.watchdog import Watchdog
from sleight.envs.hands.shadow import SHADOW_RIGHT as HAND
from sleight.errors import SafetyStop, SleightError
from tests.deploy.fakes import Recorder

PERIOD_S = 0.08
CONFIG = GateConfig(speed_scale=0.5)
ANYTHING = st.one_of(
    arrays(np.float64, 20, elements=st.floats(-10, 10)),
    arrays(np.float64, 20, elements=st.floats()),
    arrays(np.float64, st.integers(0, 22), elements=st.floats(-1, 1)),
)
CALLS = st.one_of(
    st.tuples(st.sampled_from(["arm", "hold", "relax", "stop", "close", "watchdog", "read"])),
    st.tuples(st.just("command"), ANYTHING),
    st.tuples(st.just("wait"), st.floats(0, 1.5)),
    st.tuples(st.just("hand"), st.sampled_from(HandMode)),
    st.tuples(st.sampled_from(["stale", "gone"]), st.booleans()),
    st.tuples(st.just("pushed"), st.floats(-1, 1)),
)


class Flaky(Recorder):
    """A hand that changes its mode, freezes, leaves, and is pushed, whenever it likes."""

    def __init__(self, clock):
        super().__init__(clock)
        self.pushed_rad = 0.0

    def arm(self):
        self._check()
        return super().arm()

    def read(self, max_age_s):
        self._check()
        state = super().read(max_age_s)
        return replace(state, position=state.position + self.pushed_rad)

    def command(self, target, duration_s):
        self._check()
        self.calls.append(target.copy())
        if self.mode is not HandMode.ARMED:
            raise NotArmed(self.mode)
        return Applied(target)

    def heartbeat(self):
        self._check()

    def _check(self):
        if self.gone:
            raise DriverGone("gone")


class World:
    """A guarded hand on a clock of its own, and the rules that are checked after each call."""

    def __init__(self):
        self.now_s = 100.0
        self.driver = Flaky(lambda: self.now_s)
        self.hand = GuardedHand(self.driver, CONFIG, PERIOD_S, clock=lambda: self.now_s)
        self.hand.connect(1.0)
        self.watchdog = Watchdog(self.hand)
        self.state: HandState | None = None
        self.sent_s = self.now_s
        self.stopped = False

    def do(self, name, argument=None):
        before, sent = self.hand.state, len(self.driver.commands)
        last = self.hand.last_sent
        with contextlib.suppress(SafetyStop, SleightError):
            self._do(name, argument)
        commands = self.driver.commands[sent:]
        if name != "command":
            assert commands == []
        for target in commands:
            self._check(target, before, last)
        if name == "arm" and self.hand.state is GateState.ARMED:
            self.sent_s = self.now_s
        assert self.stopped <= (self.hand.state is GateState.STOPPED)

    def _do(self, name, argument):
        hand, driver = self.hand, self.driver
        if name == "wait":
            self.now_s += argument
        elif name == "hand":
            driver.mode = argument
        elif name in ("stale", "gone"):
            setattr(driver, name, argument)
        elif name == "pushed":
            driver.pushed_rad = argument
        elif name == "read":
            self.state = None
            self.state = hand.read(0.03)
        elif name == "command":
            if self.state is not None:
                hand.command(argument, self.state)
        elif name == "watchdog":
            self.watchdog.look(self.now_s)
        elif name in ("arm", "close"):
            getattr(hand, name)()
        else:
            self.stopped |= name == "stop"
            getattr(hand, name)("a reason")

    def _check(self, target, before, last):
        assert before is GateState.ARMED
        assert not self.stopped
        assert self.state is not None
        assert self.now_s - self.state.received_s <= PERIOD_S + self.state.age_s
        assert np.all(target >= HAND.lower + CONFIG.margin_rad - 1e-12)
        assert np.all(target <= HAND.upper - CONFIG.margin_rad + 1e-12)
        step = HAND.max_speed * CONFIG.speed_scale * min(self.now_s - self.sent_s, PERIOD_S)
        assert np.all(np.abs(target - last) <= step + 1e-9)
        self.sent_s = self.now_s


@settings(max_examples=80, deadline=None)
@given(st.lists(CALLS, max_size=30))
def test_no_sequence_of_calls_sends_what_it_must_not(calls):
    world = World()
    for call in calls:
        world.do(*call)


@settings(max_examples=40, deadline=None)
@given(st.lists(CALLS, max_size=12))
def test_after_a_stop_nothing_is_sent_any_more(calls):
    world = World()
    for call in (("arm",), ("read",), ("command", HAND.home), ("stop",)):
        world.do(*call)
    assert len(world.driver.commands) == 1
    for call in calls:
        world.do(*call)
    assert len(world.driver.commands) == 1


def test_the_rules_are_not_empty():
    """An armed hand with a fresh state is commanded, and with the same state later it is not."""
    world = World()
    for call in (("arm",), ("read",), ("wait", 0.08), ("command", HAND.home + 1.0)):
        world.do(*call)
    assert len(world.driver.commands) == 1
    world.do("wait", 0.01)
    with pytest.raises(StaleState, match="allowed: one step"):
        world.hand.command(HAND.home, world.state)
    assert len(world.driver.commands) == 1
