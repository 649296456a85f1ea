"""The loop's clock: absolute deadlines, no second turn to catch up, and the rule for late ones."""

from hypothesis import given
from hypothesis import strategies as st

from sleight.deploy.runtime.loop_timing import Timing, spread_ms
from sleight.deploy.runtime.pacer import OverrunConfig, OverrunGuard, Pacer, Tick, Verdict

PERIOD_S = 0.08


class Clock:
    """Time that passes only when something waits or works."""

    def __init__(self):
        self.now_s = 100.0

    def __call__(self):
        return self.now_s

    def sleep(self, seconds):
        assert seconds > 0
        self.now_s += seconds


def paced():
    clock = Clock()
    return clock, Pacer(PERIOD_S, clock, clock.sleep)


def test_late_turns_do_not_shift_the_deadlines():
    clock, pacer = paced()
    pacer.wait()
    clock.now_s += 0.09
    tick = pacer.wait()
    assert tick.index == 1
    assert abs(tick.lateness_s - 0.01) < 1e-9
    assert pacer.wait() == Tick(2, 0.0, 0)
    assert abs(clock.now_s - 100.16) < 1e-9


def test_missed_turns_are_dropped_and_counted():
    clock, pacer = paced()
    pacer.wait()
    clock.now_s += 0.33  # deadlines 1, 2, 3 have gone by; 4 was due 10 ms ago
    tick = pacer.wait()
    assert (tick.index, tick.dropped) == (4, 3)
    assert abs(tick.lateness_s - 0.01) < 1e-9


@given(st.lists(st.floats(0, 0.5), max_size=30))
def test_never_two_turns_at_one_deadline(work):
    clock, pacer = paced()
    last = -1
    for seconds in work:
        tick = pacer.wait()
        assert tick.index == last + 1 + tick.dropped
        assert 0 <= tick.lateness_s < PERIOD_S + 1e-9
        due_s = 100.0 + tick.index * PERIOD_S
        assert abs(clock.now_s - due_s - tick.lateness_s) < 1e-6
        last = tick.index
        clock.now_s += seconds


def ticks(guard, *lateness):
    return [guard.judge(Tick(0, late, dropped=late >= PERIOD_S)) for late in lateness]


def test_the_rule_for_late_turns():
    guard = OverrunGuard(OverrunConfig())
    assert ticks(guard, 0.0, 0.019, 0.02, 0.0, 0.05) == [
        Verdict.RUN,
        Verdict.RUN,
        Verdict.REPEAT,
        Verdict.RUN,
        Verdict.REPEAT,
    ]
    assert ticks(guard, 0.03) == [Verdict.HOLD]  # the second in a row


def test_more_than_five_of_a_hundred_late_is_a_hold_until_they_are_forgotten():
    guard = OverrunGuard(OverrunConfig())
    for _ in range(5):
        assert ticks(guard, 0.03, 0.0) == [Verdict.REPEAT, Verdict.RUN]
    assert ticks(guard, 0.03) == [Verdict.HOLD]
    guard.reset()
    assert ticks(guard, 0.03) == [Verdict.REPEAT]


def test_dropped_turns_count_as_late_ones():
    guard = OverrunGuard(OverrunConfig(in_a_row=10))
    assert guard.judge(Tick(5, 0.0, dropped=5)) is Verdict.HOLD


def test_two_deadlines_missed_in_a_row_are_a_hold():
    """A stall of 100 ms misses one deadline, one of 170 ms two, and one of 110 ms one and is late
    for the next."""
    for lateness_s, dropped, verdict in (
        (0.01, 1, Verdict.REPEAT),
        (0.01, 2, Verdict.HOLD),
        (0.03, 1, Verdict.HOLD),
    ):
        assert OverrunGuard(OverrunConfig()).judge(Tick(3, lateness_s, dropped)) is verdict


def test_a_turn_that_sent_late_counts_like_one_that_began_late():
    guard = OverrunGuard(OverrunConfig())
    assert ticks(guard, 0.0) == [Verdict.RUN]
    guard.overran()
    guard.overran()  # of the same turn
    assert ticks(guard, 0.03) == [Verdict.HOLD]
    guard.reset()
    for _ in range(6):
        assert ticks(guard, 0.0, 0.0) == [Verdict.RUN, Verdict.RUN]
        guard.overran()
    assert ticks(guard, 0.0) == [Verdict.HOLD]  # six of a hundred


def test_timing_summary_by_hand():
    timing = Timing(PERIOD_S, 0.02)
    for seconds in (0.0, 0.001, 0.02, 0.05):
        timing.note("lateness", seconds)
    assert [timing.late(window) for window in (1, 3, 100)] == [1, 2, 2]
    summary = timing.summary()
    assert (summary["ticks"], summary["late_ticks"]) == (4, 2)
    assert summary["lateness_ms"]["max"] == 50.0
    assert summary["lateness_ms"]["p50"] == 10.5
    assert summary["policy_ms"] is spread_ms([]) is None
    bins = summary["histograms_ms"]["lateness"]
    assert sum(bins["counts"]) == 4
    assert bins["edges"][0] == 0.0
    assert 50.0 <= bins["edges"][-1] <= 60.0
