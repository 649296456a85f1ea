"""Randomizations outside the model's fields; each part is built only if its parameters are used."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from torch import Tensor

from ...contract.hand_spec import HandSpec
from ..config import EnvConfig
from ..hands.variants import VARIANTS
from ..mdp.observations import Sensors
from ..objects.object_spec import size_of
from ..sim.draws import Draws
from ..sim.sim import Sim
from . import action_faults as actions
from . import forces, tracking
from .action_faults import ActionFaults
from .adversary import Adversary
from .forces import Forces
from .push import Pusher
from .step_jitter import Clock
from .tracking import Tracking

Part = Adversary | ActionFaults | Forces | Clock | Tracking


@dataclass(frozen=True)
class Disturbances:
    """The parts that are in use; the others are None."""

    adversary: Adversary | None
    faults: ActionFaults | None
    forces: Forces | None
    clock: Clock | None
    tracking: Tracking | None
    pusher: Pusher | None
    """The pushes of a variant: the same in every episode, so nothing is drawn for them."""

    def parts(self) -> Iterator[tuple[str, Part]]:
        """Name and part, for the parts in use that draw random numbers."""
        for name in self.__dataclass_fields__:
            if name != "pusher" and (part := getattr(self, name)) is not None:
                yield name, part

    def before_step(self, sensors: Sensors, steps: Tensor) -> None:
        """Prepare the coming control step.

        `sensors` are the actor's sensors, `steps` (N,) the steps since each episode began.
        """
        if self.adversary is not None:
            self.adversary.look(sensors)
        if self.forces is not None:
            self.forces.apply()
        if self.pusher is not None:
            self.pusher.apply(steps, added=self.forces is not None)
        if self.clock is not None:
            self.clock.apply()

    def reset(self, worlds: Tensor, value: dict[str, Tensor]) -> None:
        """Begin new episodes in `worlds` (K,), after their model fields were written."""
        if self.adversary is not None:
            self.adversary.reset(worlds)
        for part in (self.faults, self.forces, self.clock, self.tracking):
            if part is not None:
                part.reset(worlds, value)

    def redraw(self, worlds: Tensor, value: dict[str, Tensor]) -> None:
        """Draw what a reset draws again in `worlds` (K,), whose episodes continue."""
        if self.adversary is not None:
            self.adversary.reset(worlds)
        for with_history in (self.faults, self.tracking):
            if with_history is not None:
                with_history.redraw(worlds, value)
        for part in (self.forces, self.clock):
            if part is not None:
                part.reset(worlds, value)


def disturbances_of(
    config: EnvConfig, hand: HandSpec, sim: Sim, names: Collection[str], rng: Draws
) -> Disturbances:
    """The parts that the parameters `names` need."""

    def any_of(rows: Collection[str]) -> bool:
        return bool(set(rows) & set(names))

    count, motors = sim.num_worlds, len(hand.actuators)
    adversary = None
    if any_of(("adversary.action", "adversary.force")):
        adversary = Adversary(count, motors, len(hand.fingertips), config.adversary_width, rng)
    push = VARIANTS[config.model.variant].push
    half_edge, tips = size_of(config.model) / 2, len(hand.fingertips)
    return Disturbances(
        adversary,
        ActionFaults(count, motors, names, rng, adversary) if any_of(actions.ROWS) else None,
        Forces(sim, names, rng, config.period_s, adversary) if any_of(forces.ROWS) else None,
        Clock(sim, config.control.substeps, rng) if "timestep.jitter" in names else None,
        Tracking(count, tips, half_edge, names, rng, config.period_s)
        if any_of(tracking.ROWS)
        else None,
        Pusher(sim, push, config.period_s) if push else None,
    )
