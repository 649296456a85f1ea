"""Turns below the sampling limit are followed; what cannot be followed is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sleight.envs.cube.cube_geometry import FACES, SIDES
from sleight.envs.cube.cube_state import SOLVED, random_turns
from sleight.envs.cube.face_tracker import QUARTER, TURN, AnglesLost, FaceTracker
from sleight.envs.cube.notation import FaceTurn, apply_turns

PERIOD_S = 0.08


class SmartCube:
    """Turns in real time, and the reports of a cube: at 12.5 Hz, late, with noise, modulo a period.

    The next turn begins when the last is done, as the mechanism wants it.
    """

    def __init__(self, turns, speed, period_rad, noise_rad, rng, delay_s=0.0):
        self.turns, self.speed, self.period_rad = turns, speed, period_rad
        self.noise_rad, self.rng, self.delay_s = noise_rad, rng, delay_s
        self.phase_s = rng.uniform(0, PERIOD_S)

    def angles(self, time_s):
        """True angles of the faces at a time."""
        angles = np.zeros(6)
        for face, quarters in self.turns:
            lasts = abs(quarters) * QUARTER / self.speed
            part = np.clip(time_s / lasts, 0.0, 1.0)
            angles[FACES.index(face)] += part * quarters * QUARTER
            time_s -= lasts
            if time_s <= 0:
                break
        return SIDES * angles

    def reports(self):
        """(time, angles) of each report, until all turns are done and at rest."""
        lasts = sum(abs(q) for _, q in self.turns) * QUARTER / self.speed
        for k in range(int((lasts + self.delay_s + self.phase_s) / PERIOD_S) + 3):
            seen = max(0.0, k * PERIOD_S - self.phase_s - self.delay_s)
            noise = self.rng.normal(0, 1, 6).clip(-2.5, 2.5) * self.noise_rad
            offset = 1.0 + np.arange(6)
            yield (
                k * PERIOD_S,
                np.mod(self.angles(seen) + (k > 0) * noise + offset, self.period_rad),
            )


def follow(cube, tracker):
    for time_s, report in cube.reports():
        now = tracker.update(report, time_s)
    return now


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 100_000),
    count=st.integers(0, 12),
    speed=st.floats(0.5, 8.0),
    period=st.sampled_from((TURN, QUARTER)),
    delay=st.floats(0.0, 0.3),
)
def test_any_turns_below_the_limit_are_followed(seed, count, speed, period, delay):
    """Up to 8 rad/s: with noise, just below the 9.8 rad/s of a period of a quarter turn."""
    rng = np.random.default_rng(seed)
    start = apply_turns(FaceTurn(*turn) for turn in random_turns(rng, 20))
    turns = random_turns(rng, count)
    noise = np.radians(3.0) if period == TURN else np.radians(1.0)
    cube = SmartCube(turns, speed, period, noise, rng, delay)
    now = follow(cube, FaceTracker(start, period))
    assert now.state == apply_turns((FaceTurn(*turn) for turn in turns), start)
    assert not now.doubtful
    assert now.angles_rad == pytest.approx(cube.angles(np.inf), abs=5 * noise + 1e-6)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 100_000), speed=st.floats(9.0, 18.0))
def test_two_axes_between_two_reports_are_ordered_or_marked(seed, speed):
    """At such speeds two turns may complete in one period; the state is right or doubtful."""
    rng = np.random.default_rng(seed)
    turns = random_turns(rng, 8)
    now = follow(SmartCube(turns, speed, TURN, 0.0, rng), FaceTracker(SOLVED))
    assert now.doubtful or now.state == apply_turns(FaceTurn(*turn) for turn in turns)


def test_two_turns_that_completed_between_two_reports_are_marked():
    tracker = FaceTracker(SOLVED)
    tracker.update(np.zeros(6), 0.0)
    both = np.array([QUARTER, QUARTER, 0, 0, 0, 0])
    assert tracker.update(both, 0.08).doubtful
    # Of one axis: the order is free.
    tracker.restart(SOLVED)
    tracker.update(np.zeros(6), 0.0)
    assert not tracker.update(np.array([QUARTER, 0, 0, QUARTER, 0, 0]), 0.08).doubtful


def test_noise_at_the_middle_of_a_turn_counts_no_turn_twice():
    rng = np.random.default_rng(0)
    tracker = FaceTracker(SOLVED)
    tracker.update(np.zeros(6), 0.0)
    states = set()
    for k in range(1, 400):
        angles = np.zeros(6)
        angles[0] = np.pi / 4 + np.radians(3.0) * rng.normal()
        states.add(tracker.update(angles, k * PERIOD_S).state)
    assert states == {SOLVED}


def test_a_lost_cube_is_said_in_one_line_and_moves_nothing():
    tracker = FaceTracker(SOLVED, max_gap_s=0.4)
    tracker.update(np.zeros(6), 0.0)
    before = tracker.update(np.full(6, 0.1), 0.08)
    bad = [
        (np.zeros(6), 0.6, "0.52 s after the last report, allowed: up to 0.4 s"),
        (np.zeros(6), 0.08, "0.00 s after"),
        (np.zeros(5), 0.16, "allowed: six finite angles"),
        (np.full(6, np.nan), 0.16, "allowed: six finite angles"),
    ]
    for angles, time_s, message in bad:
        with pytest.raises(AnglesLost, match=message) as error:
            tracker.update(angles, time_s)
        assert "\n" not in str(error.value)
        assert np.array_equal(tracker.now.angles_rad, before.angles_rad)
    # Set again, it goes on from the state that was seen.
    seen = SOLVED.turn("R", 1)
    tracker.restart(seen)
    assert tracker.update(np.full(6, 3.0), 9.0).state == seen


def test_an_absolute_angle_of_the_top_corrects_what_was_missed():
    """A quarter of U passed between two reports of a camera, modulo a quarter."""
    tracker = FaceTracker(SOLVED, QUARTER)
    tracker.update(np.zeros(6), 0.0)
    tracker.update(np.zeros(6), 0.08)
    true = SOLVED.turn("U", 1)
    seen = tracker.correct("U", QUARTER + 0.05)
    assert seen.state == true and seen.partway_rad[0] == pytest.approx(0.05)
    report = np.zeros(6)
    report[0] = 0.05
    assert tracker.update(report, 0.16).state == true


@pytest.mark.parametrize("face", FACES)
def test_angles_count_about_the_positive_axes(face):
    cube = SmartCube([(face, 1)], 3.0, TURN, 0.0, np.random.default_rng(0))
    now = follow(cube, FaceTracker(SOLVED))
    index = FACES.index(face)
    assert now.state == SOLVED.turn(face, 1)
    assert now.angles_rad[index] == pytest.approx(SIDES[index] * QUARTER)
