"""The state of a cube against an independent library, and all its forms against each other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sleight.envs.cube.cube_geometry import FACE_OF, FACES, HOME, ROTATIONS, SIDES
from sleight.envs.cube.cube_state import SOLVED
from sleight.envs.cube.cubelets import (
    face_up,
    joint_angles_of,
    matrices_of,
    place_cubelets,
    quaternions_of,
    read_quaternions,
)
from sleight.envs.cube.facelets import FACELETS, facelets_of, state_of_facelets
from sleight.envs.cube.notation import (
    FAIR_SCRAMBLE,
    FaceTurn,
    NotationError,
    apply_turns,
    format_moves,
    inverted,
    parse_moves,
)
from sleight.envs.cube.permutation import check, permutation_of, random_state, state_of

TURNS = st.lists(
    st.builds(FaceTurn, st.sampled_from(FACES), st.sampled_from((-1, 1, 2))), max_size=40
)
LETTERS = [*FACES, *(f"{face}w" for face in FACES), *"MESxyz"]
WORDS = st.lists(
    st.tuples(st.sampled_from(LETTERS), st.sampled_from(("", "'", "2"))).map("".join), max_size=30
)
QUICK = settings(max_examples=60, deadline=None)


def held(text, rotation):
    """The 54 letters of a cube that is turned as a whole."""
    index = {(tuple(HOME[place]), face): i for i, (place, face) in enumerate(FACELETS)}
    shown = [""] * 54
    for (place, face), i in index.items():
        moved = tuple((ROTATIONS[rotation] @ np.array(place)).tolist())
        shown[index[moved, int(FACE_OF[rotation, face])]] = text[i]
    return "".join(shown)


@QUICK
@given(words=WORDS)
def test_moves_agree_with_an_independent_library(words):
    """magiccube shows the same 54 stickers after wide turns, slices and rotations too."""
    magiccube = pytest.importorskip("magiccube")
    theirs = magiccube.Cube(3)
    if words:
        theirs.rotate(" ".join(words))
    moves = parse_moves(" ".join(words))
    ours = facelets_of(apply_turns(moves.turns))
    assert theirs.get_kociemba_facelet_positions() == held(ours, moves.held)


@QUICK
@given(turns=TURNS)
def test_stickers_permutation_and_cubelets_say_the_same(turns):
    state = apply_turns(turns)
    centres = tuple(state.centres.tolist())
    assert state_of(permutation_of(state), centres) == state
    assert state_of_facelets(facelets_of(state)).same_stickers(state)
    reading = read_quaternions(quaternions_of(place_cubelets(state)[0]))
    assert reading.state == state and reading.distance_rad < 1e-6
    assert np.allclose(np.exp(1j * reading.angles_rad), np.exp(1j * state.joint_angles_rad))
    # The angle of each face counts its turns, about the positive axis.
    sums = [sum(t.quarters for t in turns if t.face == face) for face in FACES]
    assert np.allclose(np.exp(1j * SIDES * np.pi / 2 * sums), np.exp(1j * state.joint_angles_rad))


@QUICK
@given(turns=TURNS)
def test_turns_are_undone_by_their_inverse(turns):
    state = apply_turns(turns)
    assert apply_turns(inverted(turns), state) == SOLVED
    assert apply_turns(inverted(turns)).same_stickers(state.inverse())
    assert parse_moves(format_moves(turns)).turns == tuple(turns)


@QUICK
@given(turns=TURNS, rotation=st.integers(0, 23))
def test_a_cube_that_is_held_otherwise_is_the_same_puzzle(turns, rotation):
    state = apply_turns(turns)
    renamed = [FaceTurn(FACES[FACE_OF[rotation, FACES.index(t.face)]], t.quarters) for t in turns]
    assert state.held(rotation) == apply_turns(renamed)
    assert state_of_facelets(held(facelets_of(state), rotation)).same_stickers(state)


def test_random_states_are_legal_and_reach_every_place():
    states = [random_state(np.random.default_rng(seed)) for seed in range(300)]
    for state in states:
        check(state)
    found = [permutation_of(state) for state in states]
    for values, count in (("corners", 8), ("edges", 12), ("twists", 3), ("flips", 2)):
        columns = np.array([getattr(p, values) for p in found]).T
        assert all(len(set(column.tolist())) == count for column in columns), values


def test_fair_scramble_gives_the_stickers_that_another_library_shows():
    shown = facelets_of(apply_turns(parse_moves(FAIR_SCRAMBLE).turns))
    # magiccube 1.2.0: get_kociemba_facelet_positions() after rotate(FAIR_SCRAMBLE)
    assert shown == "LFDRUUULDFBBFRURBBFURDFDBUULFFRDLLLUFBLFLBUDDRRDRBLRDB"


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("R U Q2 F", "move 3 at column 5: got 'Q2'"),
        ("R2U", "move 1 at column 1: got 'R2U'"),
        ("  L R''", "move 2 at column 5: got \"R''\""),
        ("R U3", "move 2 at column 3: got 'U3'"),
        ("R, U", "move 1 at column 1: got 'R,'"),
    ],
)
def test_an_error_in_a_string_names_its_position(text, where):
    with pytest.raises(NotationError, match="moves: ") as error:
        parse_moves(text)
    assert where in str(error.value) and "\n" not in str(error.value)


def test_an_empty_string_has_no_moves():
    assert parse_moves(" \n").turns == ()


@pytest.mark.parametrize("face", FACES)
def test_the_face_that_is_up_follows_from_the_pose(face):
    turn = next(i for i in range(24) if FACE_OF[i, FACES.index(face)] == FACES.index("U"))
    up, tilt = face_up(quaternions_of(ROTATIONS[turn].astype(float)))
    assert up == face and tilt == pytest.approx(0.0, abs=1e-7)


def test_quaternions_are_the_same_rotations_as_matrices():
    q = np.random.default_rng(0).normal(size=(200, 4))
    q /= np.linalg.norm(q, axis=1, keepdims=True)
    q[q[:, 0] < 0] *= -1
    assert np.allclose(quaternions_of(matrices_of(q)), q)


def test_joint_angles_turn_about_the_positive_axes():
    state = apply_turns(parse_moves("U' D'").turns)
    assert joint_angles_of(state)[[0, 3]] == pytest.approx([np.pi / 2, -np.pi / 2])
