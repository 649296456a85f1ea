"""Moves that a hand is to make or to undo, checked before anything is built on them."""

from __future__ import annotations

from ...errors import ConfigError
from .notation import NotationError, apply_turns, parse_moves


def check_moves(scramble: str, solve: str, word: str = "") -> None:
    """Raise ConfigError for moves of both kinds, for moves that are none, and for moves that leave
    a hand nothing to do. Empty moves are no plan; `word` may stand in the place of moves."""
    if scramble and solve:
        raise ConfigError("scramble, solve: got moves for both, allowed: for one")
    for name, moves in (("scramble", scramble), ("solve", solve)):
        if moves in ("", word):
            continue
        try:
            turns = parse_moves(moves).turns
        except NotationError as error:
            raise ConfigError(f"{name}: {error}") from error
        if not turns:
            raise ConfigError(f"{name}: got {moves!r}, which turns no face, allowed: moves that do")
        if name == "solve" and apply_turns(turns).solved:
            raise ConfigError(
                f"solve: got {moves!r}, which leaves a cube solved, allowed: moves that do not"
            )
