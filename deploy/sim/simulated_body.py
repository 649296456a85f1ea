"""One simulated hand: sensors, motors and physics, without a real-time clock and without ports."""

from __future__ import annotations

import numpy as np

from ...contract.hand_spec import HandSpec
from ...errors import DataError
from .motors import Encoders, Motors
from .plant import Plant
from .plant_config import PlantConfig, draw


class Body:
    """The hand drawn from `seed`; the simulated rig runs it in real time."""

    def __init__(self, spec: HandSpec, config: PlantConfig, seed: int) -> None:
        self._spec = spec
        draws, noise, self._orientations = (
            np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(3)
        )
        self.hidden = draw(config, len(spec.actuators), len(spec.joints), draws)
        self.plant = Plant(spec, config, self.hidden)
        self.encoders = Encoders(self.hidden, config, self.plant.joint_position.copy(), noise)
        plant = self.plant
        self.motors = Motors(spec, self.hidden, config, plant.stiffness, plant.force_limit)

    def step(self) -> None:
        """One period of the hand's controller. Raises DataError when the physics fails."""
        self.encoders.read(self.plant.joint_position)
        self.plant.step(self.motors.step(self.encoders.position))
        if not self.plant.healthy():
            raise DataError("rig sim: the physics became non-finite; the hand has ended")

    def place(self) -> None:
        """Release the object above the palm, in the next orientation drawn from the seed."""
        self.plant.place(self._orientations)

    def measured(self) -> np.ndarray:
        """(A,) measured control positions, rad."""
        return self._spec.control_position(self.encoders.position)
