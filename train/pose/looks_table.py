"""The table of a pose network on held-out looks: rows of errors as text and as data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from ...adr.intervals import Estimate, median, proportion
from ...pages.show import NONE
from ...vision.scores import WRONG_DEG
from .pose_evaluation import Judgement

HEAD = ("looks", "samples", "mm", "p90", "degrees", "p90", f"beyond {WRONG_DEG:g} degrees",
        "rejected")  # fmt: skip
QUANTILES = (0.0, 0.1, 0.25, 0.5, 1.0)
"""Where samples are divided by the visible share of the object."""


@dataclass(frozen=True)
class Row:
    """Errors on n samples of one kind."""

    name: str
    position_mm: np.ndarray
    rotation_deg: np.ndarray
    rejected: np.ndarray | None
    """(n,) whether the robot would reject the pose; None if the network has no limits."""

    @staticmethod
    def of(name: str, judged: Judgement, limits: tuple[float, float] | None) -> Row:
        """The row of all samples. limits: predicted errors [m] and [rad] that are rejected."""
        rejected = None
        if limits:
            rejected = (judged.error_m > limits[0]) | (judged.error_rad > limits[1])
        return Row(name, judged.errors.position_mm, judged.errors.rotation_deg, rejected)

    def part(self, name: str, chosen: np.ndarray) -> Row:
        """The row of some samples (n,) bool."""
        rejected = None if self.rejected is None else self.rejected[chosen]
        return Row(name, self.position_mm[chosen], self.rotation_deg[chosen], rejected)

    @property
    def medians(self) -> tuple[Estimate, Estimate]:
        """Of mm and degrees."""
        return median(self.position_mm), median(self.rotation_deg)

    @property
    def beyond(self) -> Estimate:
        """Share whose rotation is wrong."""
        return proportion(int((self.rotation_deg > WRONG_DEG).sum()), len(self.rotation_deg))

    def cells(self) -> tuple[str, ...]:
        """The row in the order of HEAD."""
        mm, degrees = self.medians
        share = NONE if self.rejected is None else f"{100 * self.rejected.mean():.1f} %"
        return (
            self.name,
            str(len(self.position_mm)),
            mm.text(),
            f"{np.percentile(self.position_mm, 90):.2f}",
            degrees.text(),
            f"{np.percentile(self.rotation_deg, 90):.2f}",
            f"{100 * self.beyond.value:.1f} %",
            share,
        )

    def data(self) -> dict[str, Any]:
        """The row as plain data."""
        mm, degrees = self.medians
        return {
            "name": self.name,
            "samples": len(self.position_mm),
            "position_mm": _data(mm, self.position_mm),
            "rotation_deg": _data(degrees, self.rotation_deg),
            f"beyond_{WRONG_DEG:g}deg": self.beyond.data(),
            "rejected": None if self.rejected is None else float(self.rejected.mean()),
        }


def _data(middle: Estimate, values: np.ndarray) -> dict[str, Any]:
    p90 = float(np.percentile(values, 90))
    return {"median": middle.data(), "p90": p90, "mean": float(values.mean())}


def by_share(row: Row, shares: np.ndarray) -> list[Row]:
    """The samples of `row` by the visible share (n,) of their object, the least visible first."""
    rows = []
    edges = np.quantile(shares, QUANTILES)
    places = np.searchsorted(edges[1:-1], shares, side="right")
    for index, (low, high) in enumerate(pairwise(edges)):
        if (places == index).any():
            name = f"{row.name}, {100 * low:.0f} to {100 * high:.0f} % visible"
            rows.append(row.part(name, places == index))
    return rows


def markdown(rows: Sequence[Row]) -> str:
    """The table."""
    lines = [HEAD, ("---",) * len(HEAD), *(row.cells() for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
