"""Why a board was not found in images: what they show instead, for the message of a time-out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import get_args

import numpy as np

from .board import Board, markers_in
from .board_config import BoardConfig, Dictionary, Pattern

CLEARLY = 2
"""A few markers are found by mistake: another explanation must have so many times as many."""
NEAR = 2
"""Boards with up to so many columns and rows more or less are tried."""


def why_no_board(image: np.ndarray, config: BoardConfig) -> str:
    """What `image` (H, W, 3) shows instead of the board of `config`, as far as can be said."""
    own = markers_in(image, config.dictionary)
    mirrored = markers_in(np.ascontiguousarray(image[:, ::-1]), config.dictionary)
    if mirrored > CLEARLY * own:
        return "the image is mirrored: switch that off in the camera"
    counts = {name: markers_in(image, name) for name in get_args(Dictionary)}
    name = max(counts, key=lambda name: counts[name])
    if counts[name] > CLEARLY * own:
        return f"its markers are of the dictionary {name}, the file says {config.dictionary}"
    if not own:
        return "no markers are visible: is the board in view, lit and in focus?"
    for other in _similar(config):
        if Board(other).find(image) is not None:
            changes = [
                f"{field} {getattr(other, field)}"
                for field in ("columns", "rows", "pattern")
                if getattr(other, field) != getattr(config, field)
            ]
            return f"a board with {' and '.join(changes)} fits: what does the printed one have?"
    return (
        f"{own} markers are visible, but no board: are columns, rows and marker_m those of the"
        " printed one, and is enough of it in view?"
    )


def _similar(config: BoardConfig) -> Iterator[BoardConfig]:
    """Boards that are easily mistaken for that of `config`."""
    for pattern in get_args(Pattern):
        if pattern != config.pattern and pattern != "auto":
            yield replace(config, pattern=pattern)
    sizes = [(config.rows, config.columns)]
    steps = range(-NEAR, NEAR + 1)
    sizes += [(config.columns + i, config.rows + j) for i in steps for j in steps]
    for columns, rows in sizes:
        if (columns, rows) != (config.columns, config.rows) and min(columns, rows) >= 3:
            yield replace(config, columns=columns, rows=rows)
