"""A state survives JSON exactly, and a file that does not fit is refused in one line."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sleight.adr.adr_config import AdrConfig, Dimension
from sleight.adr.history import course
from sleight.adr.persistence import carry_over, from_json, load, save, to_json
from sleight.adr.reports import record
from sleight.adr.sampling import sample
from sleight.adr.state import AdrState, initial, ranges, restart
from sleight.adr.updates import update
from sleight.errors import CheckpointError

CONFIG = AdrConfig(buffer=3, step=0.1)
TABLE = (
    Dimension("size"),
    Dimension("noise", floor=0.0, low_moves=False, step=1 / 3),
    Dimension("goal", start=0.2, floor=0.2, ceiling=3.0, low_moves=False, counts=False, buffer=2),
)


def trained(seed: int = 0, updates: int = 40) -> AdrState:
    """A state with everything in it: moved ends, half-full buffers, spans, refusals, history."""
    state, rng = initial(TABLE), np.random.default_rng(seed)
    for step in range(updates):
        draw = sample(state, CONFIG, rng, 16)
        ids = 16 * step + rng.permutation(40)[:16]
        performance = rng.uniform(0.0, 45.0, 16)
        state = record(state, CONFIG, draw.boundary, draw.version - (step % 3), performance, ids)
        state, _ = update(state, CONFIG, 100 * step)
    return state


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 40))
def test_round_trip_is_exact(seed: int, updates: int) -> None:
    state = trained(seed, updates)
    assert from_json(to_json(state), TABLE) == state == from_json(to_json(state))


def test_a_resumed_state_goes_on_alike(tmp_path: Path) -> None:
    state = trained()
    assert state.stale
    assert state.duplicates
    assert state.history
    assert any(state.buffers)
    save(state, tmp_path / "adr.json")
    resumed = load(tmp_path / "adr.json", TABLE)
    for one in (state, resumed):
        draw = sample(one, CONFIG, np.random.default_rng(5), 200)
        one = record(one, CONFIG, draw.boundary, draw.version, np.full(200, 25.0))
        assert update(one, CONFIG, 9999)[0].low[0] == pytest.approx(state.low[0] - 0.1)
    assert resumed == state


def test_rules_come_from_the_table_of_the_run() -> None:
    changed = (replace(TABLE[0], step=0.5, buffer=7, threshold_high=30.0), *TABLE[1:])
    state = from_json(to_json(trained()), changed)
    assert state.dimensions == changed
    assert ranges(state) == ranges(trained())


def other_table(*dimensions: Dimension) -> Callable[[str], tuple[str, Any]]:
    return lambda text: (text, dimensions)


def edited(change: Callable[[Any], object]) -> Callable[[str], tuple[str, Any]]:
    def edit(text: str) -> tuple[str, Any]:
        data = json.loads(text)
        change(data["state"])
        return json.dumps(data), TABLE

    return edit


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (other_table(*TABLE[:2], Dimension("mass")), "in the file: goal; only in the config: mass"),
        (other_table(*TABLE, Dimension("mass")), "in the file: none; only in the config: mass"),
        (other_table(TABLE[1], TABLE[0], TABLE[2]), "order: got size, noise, goal; allowed: noise"),
        (
            other_table(replace(TABLE[0], ceiling=9.0), *TABLE[1:]),
            "size: ceiling: got 4.0; allowed: 9.0",
        ),
        (
            other_table(replace(TABLE[0], ceiling=9.0), replace(TABLE[1], ceiling=3.0), TABLE[2]),
            "size: ceiling: got 4.0; allowed: 9.0, noise: ceiling: got 4.0; allowed: 3.0",
        ),
        (lambda text: (text[: len(text) // 2], TABLE), "not JSON"),
        (lambda _: ("[]", TABLE), "format: got list; allowed: sleight-adr-1"),
        (lambda _: ('{"format": "x"}', TABLE), "format: got x"),
        (edited(lambda s: s.pop("versions")), "versions: missing"),
        (edited(lambda s: s.update(widths=[1])), "widths: unknown field"),
        (edited(lambda s: s["low"].append(0.0)), "low: got 4 entries; allowed: 3"),
        (edited(lambda s: s.update(high=["a", 0, 0])), 'high.0: got "a"'),
        (edited(lambda s: s.update(high=[float("nan"), 0, 0])), "high.0: got NaN"),
        (edited(lambda s: s["low"].__setitem__(1, -0.1)), "noise: got range -0.1 to"),
        (edited(lambda s: s["high"].__setitem__(0, 4.5)), "size: got range"),
        (edited(lambda s: s.update(seen=[[3, 5], [4, 6]])), "seen: got unsorted"),
        (edited(lambda s: s["history"][0].update(parameter="mass")), "history: got mass"),
        (edited(lambda s: s["history"][0].update(step=10**9)), "run backwards"),
        (edited(lambda s: s["history"][0].update(decision="up")), 'history.0.decision: got "up"'),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_in_one_line(
    damage: Callable[[str], tuple[str, Any]], words: str
) -> None:
    text, table = damage(to_json(trained()))
    with pytest.raises(CheckpointError) as caught:
        from_json(text, table, "runs/a/adr.json")
    line = str(caught.value)
    assert line.startswith("runs/a/adr.json: ")
    assert words in line
    assert "\n" not in line


def test_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"adr\.json: no such file"):
        load(tmp_path / "adr.json", TABLE)


def test_carry_over_keeps_what_matches_and_cuts_it_to_the_new_limits() -> None:
    old = replace(trained(), low=(-1.0, 0.0, 0.2), high=(2.0, 1.5, 1.0))
    table = (Dimension("mass"), TABLE[2], replace(TABLE[0], ceiling=0.5, low_moves=False))
    new = carry_over(old, table)
    assert ranges(new) == {"mass": (0.0, 0.0), "goal": (0.2, 1.0), "size": (0.0, 0.5)}
    assert new.buffers == ((),) * 6
    assert new.seen == old.seen
    assert new.step == old.step
    # boundaries of goal were 4 and 5, of size 0 and 1; a late report of the old table is stale
    versions = [v + 1 for v in old.versions]
    assert new.versions == (0, 0, versions[4], versions[5], versions[0], versions[1])
    assert new.history == tuple(e for e in old.history if e.parameter in ("goal", "size"))
    assert from_json(to_json(new), table) == new == from_json(to_json(old), table, carry=True)


def test_carry_over_to_the_same_table_keeps_every_range() -> None:
    assert ranges(carry_over(trained(), TABLE)) == ranges(trained())


def test_restart_keeps_the_ranges_and_forgets_the_run() -> None:
    state = restart(trained())
    assert replace(state, low=initial(TABLE).low, high=initial(TABLE).high) == initial(TABLE)
    assert ranges(state) == ranges(trained())


def test_course_replays_the_history() -> None:
    state = trained()
    ran = course(state, CONFIG)
    assert ran.steps[0] == 0
    assert ran.steps[-1] == state.step
    assert (np.diff(ran.steps) > 0).all()
    assert tuple(ran.low[-1]) == state.low
    assert tuple(ran.high[-1]) == state.high
    for event in state.history:
        ends = ran.low if event.side == "low" else ran.high
        i = [d.name for d in TABLE].index(event.parameter)
        assert ends[ran.steps == event.step, i] == event.boundary
    # a range that was wide from the beginning and never moved is drawn wide from the beginning
    wide = restart(state)
    assert (course(wide, CONFIG).high[0] == wide.high).all()
