"""A physical cube near a legal one is read as that one; an illegal cube is refused, with why."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sleight.envs.cube.cube_geometry import AXES, FACES, NAMES, ROTATIONS, SIDES, about
from sleight.envs.cube.cube_state import CubeState, random_turns
from sleight.envs.cube.cubelets import place_cubelets, read_cubelets
from sleight.envs.cube.facelets import facelets_of, state_of_facelets
from sleight.envs.cube.notation import FaceTurn, apply_turns
from sleight.envs.cube.permutation import IllegalCube, Permutation, permutation_of, state_of

SOLVED = "UUUUUUUUURRRRRRRRRFFFFFFFFFDDDDDDDDDLLLLLLLLLBBBBBBBBB"


def scrambled(seed):
    rng = np.random.default_rng(seed)
    return apply_turns(FaceTurn(*turn) for turn in random_turns(rng, 30)), rng


def shaken(turned, rng, rad):
    """Each cubelet turned a little more about an axis of its own."""
    axes = rng.normal(size=(26, 3))
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    return np.array([about(axis, rad) @ m for axis, m in zip(axes, turned, strict=True)])


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    axis=st.integers(0, 2),
    partway=st.tuples(st.floats(-0.7, 0.7), st.floats(-0.7, 0.7)),
    noise=st.floats(0.0, 0.06),
)
def test_layers_partway_and_shaken_cubelets_are_read(seed, axis, partway, noise):
    state, rng = scrambled(seed)
    offsets = np.zeros(6)
    offsets[axis == AXES] = partway
    reading = read_cubelets(shaken(place_cubelets(state, offsets)[0], rng, noise))
    assert reading.state == state
    assert reading.partway_rad == pytest.approx(offsets, abs=noise + 1e-6)
    assert noise - 1e-6 <= reading.distance_rad <= 2 * noise + 1e-6
    if max(map(abs, partway)) > 0.1 + 2 * noise:
        assert reading.live_axis == axis
        assert set(reading.turning) <= {f for f, a in zip(FACES, AXES, strict=True) if a == axis}


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), face=st.sampled_from(FACES), angle=st.floats(-3.1, 3.1))
def test_a_turn_is_the_next_state_from_its_middle_on(seed, face, angle):
    state, _ = scrambled(seed)
    quarters = round(angle / (np.pi / 2))
    assume(abs(abs(angle - quarters * np.pi / 2) - np.pi / 4) > 1e-3)
    offsets = np.zeros(6)
    index = FACES.index(face)
    offsets[index] = SIDES[index] * angle
    reading = read_cubelets(place_cubelets(state, offsets)[0])
    assert reading.state == state.turn(face, quarters)
    whole = angle - quarters * np.pi / 2
    assert reading.partway_rad[index] * SIDES[index] == pytest.approx(whole, abs=1e-6)


def test_a_cubelet_out_of_place_is_refused_with_its_distance():
    state, _ = scrambled(1)
    turned = place_cubelets(state)[0]
    cubelet = NAMES.index("URF")
    turned[cubelet] = about(np.array([0.6, 0.0, 0.8]), np.radians(30)) @ turned[cubelet]
    with pytest.raises(IllegalCube, match="cubelet URF is 30 degrees .* allowed: 20"):
        read_cubelets(turned)


def test_faces_of_two_axes_partway_are_refused():
    with pytest.raises(IllegalCube, match="faces U and R partway"):
        place_cubelets(CubeState(), np.array([0.3, 0.3, 0, 0, 0, 0]))
    # From rotations: half of the layers agree with neither axis.
    turned = place_cubelets(CubeState(), np.array([0.6, 0, 0, 0, 0, 0]))[0]
    for cubelet in range(26):
        if "R" in NAMES[cubelet]:
            turned[cubelet] = about(np.array([1.0, 0, 0]), 0.6) @ turned[cubelet]
    with pytest.raises(IllegalCube, match="degrees from the nearest legal place"):
        read_cubelets(turned)


def test_rotations_of_another_shape_or_not_finite_are_refused():
    for turned in (np.eye(3)[None], np.full((26, 3, 3), np.nan)):
        with pytest.raises(IllegalCube, match="allowed"):
            read_cubelets(turned)


def test_cubelets_that_changed_places_are_refused():
    turned = place_cubelets(CubeState())[0]
    turned[NAMES.index("URF")] = ROTATIONS[5]
    with pytest.raises(IllegalCube, match="cube: "):
        read_cubelets(turned)


def swapped(text, **letters):
    """The string with the sticker at position N (sN=...) replaced."""
    chars = list(text)
    for key, letter in letters.items():
        chars[int(key[1:])] = letter
    return "".join(chars)


# Stickers 8, 9, 20: the corner URF. 5, 10: the edge UR. 7, 19: UF.
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (SOLVED[:-1], "got 53 stickers"),
        (swapped(SOLVED, s3="X"), "sticker 4 is 'X'"),
        (swapped(SOLVED, s4="R"), "0 centres are U"),
        (swapped(SOLVED, s13="U", s0="R"), "2 centres are U"),
        (swapped(SOLVED, s0="R"), "8 stickers are U, allowed: nine"),
        (swapped(SOLVED, s8="R", s9="F", s20="U"), "corner twist: .* two thirds"),
        (swapped(SOLVED, s8="F", s9="U", s20="R"), "corner twist: .* a third of"),
        (swapped(SOLVED, s5="R", s10="U"), "edge flip"),
        (swapped(SOLVED, s10="F", s19="R"), "parity"),
        (swapped(SOLVED, s9="F", s20="R"), "the mirror image of a corner"),
        (swapped(SOLVED, s5="F", s19="U"), "one colour twice on one cubelet|opposite"),
        (swapped(SOLVED, s10="D", s35="R"), "opposite colours on one cubelet"),
        (SOLVED.translate(str.maketrans("LR", "RL")), "centres are ULFDRB: .*mirrored"),
    ],
)
def test_illegal_stickers_are_refused_with_the_reason(text, reason):
    with pytest.raises(IllegalCube, match=reason) as error:
        state_of_facelets(text)
    assert "\n" not in str(error.value) and error.value.exit_code == 2


def test_a_cubelet_that_is_there_twice_is_refused():
    # The edges UR and DR: both show U and R; the letter D moves to an edge that shows D and L.
    text = swapped(SOLVED, s32="U", s5="U", s3="D")
    with pytest.raises(IllegalCube, match="twice|opposite"):
        state_of_facelets(text)
    with pytest.raises(IllegalCube, match="the edge UR is there twice, at UR and UF"):
        state_of(Permutation(edges=(0, 0, *range(2, 12))))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    kind=st.sampled_from(("corner twist", "edge flip", "parity")),
    at=st.integers(0, 7),
)
def test_one_broken_cubelet_of_any_scramble_is_named(seed, kind, at):
    legal = permutation_of(scrambled(seed)[0])
    broken = {
        "corner twist": replace(legal, twists=bumped(legal.twists, at, 3)),
        "edge flip": replace(legal, flips=bumped(legal.flips, at, 2)),
        "parity": replace(legal, edges=exchanged(legal.edges, at)),
    }[kind]
    with pytest.raises(IllegalCube, match=kind):
        state_of(broken)
    assert state_of_facelets(facelets_of(state_of(legal))) == state_of(legal)


def bumped(values, at, base):
    return tuple((v + (i == at)) % base for i, v in enumerate(values))


def exchanged(values, at):
    values = list(values)
    values[at], values[at + 1] = values[at + 1], values[at]
    return tuple(values)
