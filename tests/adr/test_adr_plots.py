"""The figure shows what the state says: ends, units, curriculum apart, floor of the entropy."""

import io
import math
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.axes import Axes

from sleight.adr.adr_config import AdrConfig, Dimension
from sleight.adr.history import course
from sleight.adr.plots import Scale, figure
from sleight.adr.reports import record
from sleight.adr.sampling import sample
from sleight.adr.state import AdrState, initial
from sleight.adr.updates import update

CONFIG = AdrConfig(buffer=4, step=0.1)
TABLE = (
    Dimension("size"),
    Dimension("goal", floor=0.2, start=0.2, ceiling=3.0, low_moves=False, counts=False),
    Dimension("noise", floor=0.0, low_moves=False),
)


@pytest.fixture(scope="module")
def state() -> AdrState:
    state, rng = initial(TABLE), np.random.default_rng(0)
    for step in range(40):
        draw = sample(state, CONFIG, rng, 32)
        performance = 35.0 - 20.0 * np.abs(draw.lam).max(axis=1)
        state = record(state, CONFIG, draw.boundary, draw.version, performance)
        state, _ = update(state, CONFIG, 1000 * step + 1000)
    return state


def visible(state: AdrState, **scales: Scale) -> dict[str, Axes]:
    panels = [p for p in figure(state, CONFIG, scales).axes if p.get_visible()]
    return {panel.get_title().split(":")[0].split(" [")[0]: panel for panel in panels}


def test_one_panel_each_with_the_curriculum_beside_the_entropy(state: AdrState) -> None:
    panels = [p.get_title() for p in figure(state, CONFIG).axes if p.get_visible()]
    first = [title.split(":")[0] for title in panels]
    assert first == ["entropy, nats per dimension", "curriculum", "size [λ]", "noise [λ]"]
    assert "goal" in panels[1]
    assert f"to {state.high[1]:.3g}" in panels[1]


def test_curves_are_the_course_in_the_units_of_the_caller(state: AdrState) -> None:
    ran = course(state, CONFIG)
    panel = visible(state, size=Scale(lambda lam: 50.0 * np.exp(0.15 * lam), "mm"))["size"]
    low, high = panel.lines[0].get_ydata(), panel.lines[1].get_ydata()
    np.testing.assert_allclose(np.asarray(low), 50.0 * np.exp(0.15 * ran.low[:, 0]))
    np.testing.assert_allclose(np.asarray(high), 50.0 * np.exp(0.15 * ran.high[:, 0]))
    assert "[mm]" in panel.get_title()
    assert np.asarray(high)[-1] > 50.0


def test_entropy_panel_states_its_floor(state: AdrState) -> None:
    panel = visible(state)["entropy, nats per dimension"]
    curve = np.asarray(panel.lines[0].get_ydata())
    assert curve[0] == pytest.approx(math.log(0.01))
    assert curve[-1] > -1.0
    assert [text.get_text() for text in panel.texts] == ["floor -4.61"]


def test_it_draws_a_state_without_history_and_saves() -> None:
    page = io.BytesIO()
    figure(initial(TABLE), CONFIG).savefig(page, format="png")
    assert page.getvalue().startswith(b"\x89PNG")
    assert [p.get_title() for p in figure(initial(()), CONFIG).axes if p.get_visible()] == [
        "entropy, nats per dimension"
    ]
    many = initial([Dimension(f"p{i}") for i in range(30)])
    assert sum(p.get_visible() for p in figure(replace(many), CONFIG).axes) == 31
