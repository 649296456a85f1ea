"""Solutions by the library rubik-solver-py (MIT): the two-phase algorithm without costs of a hand.

It checks the search of this package and is its yardstick. The extra `cube` installs it; its first
use makes tables for about a minute and keeps them in the cache's folder.
"""

from __future__ import annotations

import os
import secrets
import shutil
from functools import cache
from types import ModuleType
from typing import Any

from ...errors import SleightError
from .cube_state import CubeState
from .facelets import facelets_of
from .notation import FaceTurn, apply_turns, parse_moves
from .search_tables import cache_folder

PACKAGE = "rubik-solver-py"


def library_solution(state: CubeState, most_turns: int = 22) -> tuple[FaceTurn, ...]:
    """Turns that solve a state, by the library; checked by applying them.

    Raises SleightError with one line if the library is missing or finds no solution.
    """
    library = _library()
    text = library.solve(library.Cube.from_string(facelets_of(state)), most_turns)
    turns = parse_moves(text or "").turns
    if not apply_turns(turns, state).solved:
        raise SleightError(f"{PACKAGE}: got {text!r} for {facelets_of(state)}, no solution")
    return turns


@cache
def _library() -> ModuleType:
    """The library with its tables. They are complete before they get their final name."""
    folder = cache_folder() / PACKAGE
    fresh = folder.with_name(f".{PACKAGE}.{secrets.token_hex(4)}")
    # The library reads the variable once, when it is imported.
    os.environ["RUBIK_SOLVER_CACHE_DIR"] = str(folder if folder.is_dir() else fresh)
    try:
        import rubik_solver
    except ImportError:
        line = f"{PACKAGE}: not installed; `pip install sleight[cube]` or `pip install {PACKAGE}`"
        raise SleightError(line) from None
    module: Any = rubik_solver
    module.init_solver()
    if fresh.is_dir():
        try:
            os.rename(fresh, folder)
        except OSError:  # another program was faster
            shutil.rmtree(fresh, ignore_errors=True)
    return rubik_solver
