"""One row of the randomization table, and its law from lambda to a value.

Sources are abbreviated: [D] Learning Dexterous In-Hand Manipulation (arXiv 1808.00177), [R]
Solving Rubik's Cube with a Robot Hand (arXiv 1910.07113), [RG] openai/robogym.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ...errors import ConfigError

Law = Literal["scale", "offset", "spread"]


@dataclass(frozen=True)
class Parameter:
    """One row. `scale`: x0 exp(w l); `offset`: x0 + w l; `spread`: w (exp(l) - 1), l >= 0.

    The paper prints exp(x - 1) for the last law. The authors' code ([RG] randomization/sim.py) and
    a nominal value without noise at lambda = 0 both imply exp(x) - 1.
    """

    name: str
    law: Law
    weight: float
    nominal: float
    limits: tuple[float, float]
    unit: str
    what: str
    source: str
    one_sided: bool = False
    """ADR moves only the high end; the low end stays nominal."""
    curriculum: bool = False
    """The parameter sets the difficulty of the task; the ADR entropy does not count it."""
    needs: str = ""
    """Another parameter without which this one has no effect."""

    def __post_init__(self) -> None:
        """Raise ConfigError for an inconsistent row; the table itself is checked at import."""
        low, high = self.limits
        if not low <= self.nominal <= high or low >= high:
            raise ConfigError(
                f"parameter '{self.name}': nominal: got {self.nominal:g},"
                f" allowed: within its limits [{low:g}, {high:g}] {self.unit}"
            )
        ends = [self.coordinate(limit) for limit in self.limits]
        if not ends[0] < ends[1] or (self.one_sided and ends[0]):
            requirement = (
                "that begin at the nominal value" if self.one_sided else "that rise with lambda"
            )
            raise ConfigError(f"parameter '{self.name}': limits: got {low:g} to {high:g}, allowed:"
                              f" limits {requirement}")  # fmt: skip

    def value(self, coordinate: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """lambda -> value in `unit`."""
        flat = np.asarray(coordinate, np.float64).reshape(-1, 1)
        value: npt.NDArray[np.float64] = Laws((self,))(flat).reshape(np.shape(coordinate))
        return value

    def coordinate(self, value: float, source: str = "") -> float:
        """Value in `unit` -> lambda. Raises ConfigError, naming `source`, outside the limits."""
        if not self.limits[0] <= value <= self.limits[1]:
            low, high = self.limits
            where = f"{source}: {self.name}" if source else self.name
            allowed = f"[{low:g}, {high:g}] {self.unit}".rstrip()
            raise ConfigError(f"{where}: got {value:g}, allowed: {allowed}")
        if self.law == "scale":
            return float(np.log(value / self.nominal) / self.weight)
        if self.law == "offset":
            return (value - self.nominal) / self.weight
        return float(np.log1p(value / self.weight))


class Laws:
    """The laws of D rows together: lambda (K, D) -> values (K, D), each in its unit."""

    def __init__(self, rows: Sequence[Parameter]) -> None:
        self._weight, self._nominal = (
            np.array([getattr(row, key) for row in rows], np.float64)
            for key in ("weight", "nominal")
        )
        self._low, self._high = np.array([row.limits for row in rows], np.float64).reshape(-1, 2).T
        self._scale, self._spread = (
            np.array([row.law == law for row in rows], dtype=bool) for law in ("scale", "spread")
        )

    def __call__(self, coordinates: Any, xp: Any = np, device: Any = None) -> Any:
        """xp: numpy, or torch for float64 tensors on `device`."""

        def put(constant: np.ndarray) -> Any:
            return constant if xp is np else xp.as_tensor(constant, device=device)

        weight, nominal = put(self._weight), put(self._nominal)
        value = nominal + weight * coordinates
        if self._scale.any():
            value = xp.where(put(self._scale), nominal * xp.exp(weight * coordinates), value)
        if self._spread.any():
            value = xp.where(put(self._spread), weight * xp.expm1(coordinates), value)
        return xp.clip(value, put(self._low), put(self._high))
