"""The colours of pages and figures."""

from __future__ import annotations

BLUE, ORANGE, GREEN, RED = "#2a6f97", "#d9772b", "#3c8d5a", "#c0443c"
INK, QUIET, GRID, SHADE = "#2f3640", "#6b7480", "#e4e8ec", "#aab3bd"
PALETTE = (
    BLUE, ORANGE, GREEN, RED, "#7b5ea7", "#8c6d3f", "#d16ba5", "#5f6b7a", "#a3a12e", "#2ba7b5",
)  # fmt: skip
"""Adjacent colours are easy to distinguish."""
