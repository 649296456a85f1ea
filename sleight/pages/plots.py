"""Charts as SVG text: pure functions of their data, for the report and for the docs.

A chart stands alone in a file and reads the same inside a page, whose script shows the values under
the pointer: what it needs for that is in the attributes `data-chart` and `data-tip`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from .axes import BLUE, QUIET, Frame, Plane, Points, middle, path, short, stroke, svg, text

MOST_POINTS = 400
"""A line is thinned to this many points, each the mean of its neighbours."""


@dataclass(frozen=True)
class Line:
    """One line; with `low`, the band from `low` to `y`. Values that are not finite are skipped."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    colour: str = BLUE
    low: Sequence[float] | None = None
    dashed: bool = False
    steps: bool = False
    """Each value holds until the next, instead of a straight line between them."""


def line_chart(frame: Frame, lines: Sequence[Line]) -> str:
    """Lines and bands over a common x axis; a chart without a single point says so."""
    drawn = [_Drawn(line, frame.log) for line in lines]
    points = [point for line in drawn for point in line.points + line.below]
    if not points:
        return svg(frame, [middle(frame, "no data yet")], None)
    marks = [mark.at for mark in frame.marks if not frame.log or mark.at > 0]
    xs, ys = [x for x, _ in points], [y for _, y in points] + marks
    plane = Plane(frame, (min(0.0, *xs), max(xs)), (min(ys), max(ys)))
    parts = [*plane.grid(), *plane.levels()]
    for line in drawn:
        parts += line.paths(plane)
    if frame.legend:
        parts += _legend(plane, lines)
    return svg(frame, parts, _hover(plane, drawn))


def bar_chart(frame: Frame, edges: Sequence[float], heights: Sequence[float], unit: str) -> str:
    """A histogram: bar i from edges[i] to edges[i + 1]; the marks stand upright at their x."""
    top = max(heights, default=0.0)
    if top <= 0:
        return svg(frame, [middle(frame, "no data yet")], None)
    low = 0.5 if frame.log else 0.0
    marks = [mark.at for mark in frame.marks]
    plane = Plane(frame, (min([edges[0], *marks]), max([edges[-1], *marks])), (low, top))
    parts = list(plane.grid(upright=False))
    for (left, right), height in zip(pairwise(edges), heights, strict=True):
        if height > low:
            tip = f"{short(left)} to {short(right)} {unit}: {short(height)}"
            parts.append(plane.bar(left, right, height, tip))
    return svg(frame, [*parts, *plane.uprights()], None)


def column_chart(frame: Frame, counts: Sequence[int], tips: Sequence[str]) -> str:
    """One column for each of 0, 1, 2, ... with its own tip."""
    top = max([*counts, 4])  # a shorter axis would count in fractions
    plane = Plane(frame, (-0.5, len(counts) - 0.5), (0.0, float(top)))
    parts = list(plane.grid(upright=False))
    for index, (count, tip) in enumerate(zip(counts, tips, strict=True)):
        if count:
            parts.append(plane.bar(index - 0.42, index + 0.42, float(count), tip))
    return svg(frame, [*parts, *plane.uprights()], None)


def thin(points: Points, most: int = MOST_POINTS) -> Points:
    """At most `most` points: the first, the last, and between them means of equal groups."""
    if len(points) <= most:
        return points
    inner, groups = points[1:-1], most - 2
    cuts = [round(i * len(inner) / groups) for i in range(groups + 1)]
    means = []
    for first, end in pairwise(cuts):
        group = inner[first:end]
        means.append((sum(x for x, _ in group) / len(group), sum(y for _, y in group) / len(group)))
    return [points[0], *means, points[-1]]


class _Drawn:
    """A line as the points that are drawn of it."""

    def __init__(self, line: Line, log: bool) -> None:
        self.line = line
        self.points = thin(_finite(zip(line.x, line.y, strict=True), log))
        low = line.low if line.low is not None else ()
        self.below = thin(_finite(zip(line.x, low, strict=False), log))

    def paths(self, plane: Plane) -> list[str]:
        """The band, then its edges or the line."""
        colour, dash = self.line.colour, ' stroke-dasharray="5 4"' if self.line.dashed else ""
        shapes = []
        if self.below:
            outline = self._trace(plane, self.points) + self._trace(plane, self.below)[::-1]
            shapes.append(f'<path d="{path(outline)}Z" fill="{colour}" fill-opacity="0.2"/>')
        for points in (self.points, self.below):
            if points:
                shapes.append(
                    f'<path d="{path(self._trace(plane, points))}" fill="none" '
                    f'stroke="{colour}" stroke-width="1.6" stroke-linejoin="round"{dash}/>'
                )
        if len(self.points) == 1:
            x, y = plane.place(*self.points[0])
            shapes.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>')
        return shapes

    def _trace(self, plane: Plane, points: Points) -> Points:
        placed = [plane.place(*point) for point in points]
        if not self.line.steps:
            return placed
        corners = [(after[0], before[1]) for before, after in pairwise(placed)]
        return placed[:1] + [p for pair in zip(corners, placed[1:], strict=True) for p in pair]


def _finite(points: Iterable[tuple[float, float]], positive: bool) -> Points:
    kept = []
    for x, y in points:
        if math.isfinite(x) and math.isfinite(y) and (y > 0 or not positive):
            kept.append((float(x), float(y)))
    return kept


def _hover(plane: Plane, drawn: Sequence[_Drawn]) -> dict[str, Any]:
    """What the page's script needs to show the values under the pointer."""
    return {
        "box": [plane.left, plane.top, plane.right, plane.bottom],
        "x": [plane.x[0], plane.x[1]],
        "xLabel": plane.frame.x_label,
        "lines": [
            {
                "name": line.line.name,
                "colour": line.line.colour,
                "steps": line.line.steps,
                "points": [_rounded(plane, *point) for point in line.points],
                "below": [_digits(y) for _, y in line.below],
            }
            for line in drawn
            if line.points
        ],
    }


def _rounded(plane: Plane, x: float, y: float) -> list[float]:
    """[x, y, pixel row]"""
    return [_digits(x, 7), _digits(y), round(plane.place(x, y)[1], 1)]


def _digits(value: float, digits: int = 4) -> float:
    return float(f"{value:.{digits}g}")


def _legend(plane: Plane, lines: Sequence[Line]) -> Iterable[str]:
    x = plane.left
    for line in lines:
        dash = "5 4" if line.dashed else ""
        yield stroke(x, 37, x + 18, 37, line.colour, dash=dash, width=2.0)
        yield text(x + 23, 41, line.name, QUIET, "start")
        x += 40 + 6.2 * len(line.name)
