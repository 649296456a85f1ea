"""Temperature limits of the motors. Not every hand reports temperatures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from ...config import Range
from ...contract.hand_spec import HandSpec
from ...errors import ConfigError, SafetyStop

Celsius = Annotated[float, Range(0, 150)]


@dataclass(frozen=True)
class TemperatureConfig:
    """Temperature limits of the motors; Shadow's firmware halts a motor above 60 C."""

    warn_c: Celsius = 50.0
    """At this temperature the operator is warned, and a check fails until the hand has cooled."""
    stop_c: Celsius = 57.0
    """At this temperature a run ends with a safety stop, before the firmware halts the motor."""

    def __post_init__(self) -> None:
        if self.warn_c > self.stop_c:
            raise ConfigError(f"warn_c: got {self.warn_c:g}, allowed: up to stop_c {self.stop_c:g}")


def hottest(spec: HandSpec, temperature_c: Sequence[float]) -> tuple[str, float] | None:
    """The warmest motor and its temperature [C]; None if temperatures are not known.

    Motors without a temperature (NaN) do not hide the others.
    """
    if len(temperature_c) != len(spec.actuators):
        return None
    pairs = zip(temperature_c, spec.actuators, strict=True)
    known = [(value, name) for value, name in pairs if math.isfinite(value)]
    value, name = max(known, default=(math.nan, ""))
    return (name, value) if name else None


def check_motors(spec: HandSpec, temperature_c: Sequence[float], config: TemperatureConfig) -> None:
    """Raise SafetyStop if a motor is too hot."""
    warmest = hottest(spec, temperature_c)
    if warmest is not None and warmest[1] >= config.stop_c:
        raise SafetyStop(
            f"motor {warmest[0]}: got {warmest[1]:.0f} C, allowed: less than {config.stop_c:g} C"
        )
