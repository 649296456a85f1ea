"""The page of a pose network on held-out looks: the table, its medians, and the worst samples."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageColor, ImageDraw

from ...pages import html
from ...pages.colours import BLUE
from ...pages.figure import Frame
from ...vision.geometry import Pinhole, Placement, matrix_of
from ...vision.renders.shards import Arrays
from ..analysis.dots import Dot, forest_chart
from .looks_table import HEAD, Row

TRUE, ESTIMATED = "#16e06e", "#ff2fd0"
"""Colours that no object has."""
VIEW_PX = 300
"""Edge of a picture on the page."""
_CORNERS = np.array(np.meshgrid(*[(-0.5, 0.5)] * 3)).reshape(3, 8).T
_EDGES = [(i, j) for i in range(8) for j in range(i) if (_CORNERS[i] != _CORNERS[j]).sum() == 1]


@dataclass(frozen=True)
class Case:
    """One sample: its arrays, and what the network read."""

    title: str
    arrays: Arrays
    """Of renders/shards.py, without the leading n."""
    size_m: float
    """Edge length of the object's box."""
    position: np.ndarray
    wxyz: np.ndarray
    """The estimate, object_to_palm."""
    position_mm: float
    rotation_deg: float
    """Its errors."""
    predicted_mm: float
    predicted_deg: float
    visible: float
    """Visible share of the object."""
    rejected: bool | None

    @property
    def caption(self) -> str:
        """Errors and visible share."""
        words = {None: "", True: "; the robot would reject it", False: "; the robot would take it"}
        return (
            f"{self.title}: {self.position_mm:.1f} mm, {self.rotation_deg:.1f} degrees; predicted"
            f" {self.predicted_mm:.1f} mm, {self.predicted_deg:.1f} degrees; {self.visible:.0%}"
            f" visible{words[self.rejected]}"
        )

    def picture(self) -> Image.Image:
        """Its views side by side, with the outlines of the true and of the estimated object."""
        views, edge = self.arrays["images"].shape[:2]
        strip = Image.new("RGB", (views * VIEW_PX, VIEW_PX))
        poses = (
            (TRUE, self.arrays["position"], self.arrays["wxyz"]),
            (ESTIMATED, self.position, self.wxyz),
        )
        for view in range(views):
            image = Image.fromarray(self.arrays["images"][view])
            image = image.resize((VIEW_PX, VIEW_PX), Image.Resampling.NEAREST)
            draw = ImageDraw.Draw(image)
            for colour, position, wxyz in poses:
                box = self.size_m * _CORNERS @ matrix_of(wxyz).T + position
                pixels = self._project(view, edge, box) * VIEW_PX / edge
                for i, j in _EDGES:
                    ends = [tuple(pixels[i]), tuple(pixels[j])]
                    draw.line(ends, fill=ImageColor.getrgb(colour), width=2)
            strip.paste(image, (view * VIEW_PX, 0))
        return strip

    def _project(self, view: int, edge: int, points: np.ndarray) -> np.ndarray:
        pinhole = Pinhole.of_fov(edge, edge, float(self.arrays["true_fovy_deg"][view]))
        at = Placement(self.arrays["true_position"][view], self.arrays["true_rotation"][view])
        return pinhole.project(at, points)


def page(network: str, settings: str, rows: Sequence[Row], cases: Sequence[Case]) -> str:
    """The page as text. settings: a line about the samples."""
    table = html.table(HEAD, [row.cells() for row in rows], len(HEAD) - 1, sortable=True)
    about = (
        "Medians with 95 % intervals, 90th percentiles, and the share of poses whose predicted"
        " error the robot would reject. Sets of one factor have strength 0 in all other ranges and"
        " 1.5 in theirs."
    )
    parts = [
        html.section("Errors", [table], about),
        html.section("Medians", [_chart(rows, 0, "position", "mm"),
                                 _chart(rows, 1, "rotation", "degrees")]),
        _worst(cases),
    ]  # fmt: skip
    return html.report(f"Held-out looks: {network}", settings, [], parts)


def _chart(rows: Sequence[Row], which: int, title: str, unit: str) -> str:
    lines = []
    for row in rows:
        estimate = row.medians[which]
        tip = f"{row.name}: {estimate.text()} {unit}"
        lines.append((row.name, [Dot(0.0, estimate, tip, BLUE)]))
    return forest_chart(Frame(f"Median error of the {title}", unit, width=900), lines)


def _worst(cases: Sequence[Case]) -> str:
    key = html.key([("true", TRUE, False), ("estimated", ESTIMATED, False)])
    pictures = [html.picture(_jpeg(case.picture()), case.caption, width=900) for case in cases]
    about = (
        "Of each set the samples with the largest errors: the larger of mm / 5 and degrees / 5."
        " Outlines are projected by the true cameras."
    )
    return html.section("Worst cases", [key, html.charts(pictures)], about)


def _jpeg(image: Image.Image) -> bytes:
    data = io.BytesIO()
    image.save(data, "JPEG", quality=88)
    return data.getvalue()
