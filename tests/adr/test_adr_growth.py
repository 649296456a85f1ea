"""Why each boundary stands where it stands."""

from dataclasses import replace

from sleight.adr.adr_config import AdrConfig, Dimension
from sleight.adr.growth import MEANING, boundaries, stoppers
from sleight.adr.reports import record
from sleight.adr.state import AdrState, initial
from sleight.adr.updates import update

CONFIG = AdrConfig(buffer=2, threshold_low=1.0, threshold_high=2.0, step=0.5)
TABLE = (
    Dimension("mass", floor=-1.0, ceiling=1.0),
    Dimension("noise", floor=0.0, low_moves=False),
    Dimension("size", step=0.25),
)
MASS_LOW, MASS_HIGH, NOISE_HIGH, SIZE_LOW, SIZE_HIGH = 0, 1, 3, 4, 5


def _after(*rounds: dict[int, float]) -> AdrState:
    """Each round fills the buffers of some boundaries with one performance."""
    state = initial(TABLE, CONFIG)
    for step, performances in enumerate(rounds, 1):
        for boundary, performance in performances.items():
            version = state.versions[boundary]
            state = record(state, CONFIG, [boundary] * 2, [version] * 2, [performance] * 2)
        state, _ = update(state, CONFIG, 100 * step)
    return state


def test_each_standing() -> None:
    good, middling, poor = 3.0, 1.5, 0.5
    state = _after(
        {MASS_LOW: good, MASS_HIGH: good, NOISE_HIGH: good},
        {MASS_LOW: good, MASS_HIGH: middling, NOISE_HIGH: poor},
    )
    state = record(state, CONFIG, [SIZE_HIGH], [0], [1.0])
    found = {(b.parameter, b.side): b for b in boundaries(state, CONFIG)}
    assert len(found) == 5, "the low end of noise cannot move"
    standing = {key: b.standing for key, b in found.items()}
    assert standing == {
        ("mass", "low"): "at its limit",
        ("mass", "high"): "held",
        ("noise", "high"): "falls back",
        ("size", "low"): "waits",
        ("size", "high"): "waits",
    }
    assert set(standing.values()) <= set(MEANING)
    assert (found["size", "high"].waiting, found["size", "high"].needed) == (1, 2)
    assert found["size", "low"].step == 0.25 and found["size", "low"].widened_at is None
    mass = found["mass", "high"]
    assert (mass.now, mass.limit, mass.widened_at) == (0.5, 1.0, 100)
    assert (mass.count("widen"), mass.count("hold"), mass.count("tighten")) == (1, 1, 0)
    assert [b.parameter for b in stoppers(found.values())] == ["noise", "mass"]


def test_a_boundary_that_has_just_widened_grows() -> None:
    state = _after({MASS_HIGH: 3.0})
    found = {(b.parameter, b.side): b for b in boundaries(state, CONFIG)}
    assert found["mass", "high"].standing == "grows" and not found["mass", "high"].stops
    # A parameter without room is at its limit from the start.
    stuck = replace(TABLE[0], floor=0.0)
    narrow = boundaries(initial((stuck,), CONFIG), CONFIG)
    assert narrow[0].standing == "at its limit"
