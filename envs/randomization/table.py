"""The table of randomization parameters: name, law, unit, limits, source.

A parameter has a dimensionless coordinate, lambda, which automatic domain randomization moves ([R]
section 5 and appendix B). A law maps it to a value in the parameter's unit. `randomizer` writes
values to model fields; `action_faults`, `sensor_noise`, `tracking`, `forces` and `step_jitter` act
outside the model. ADR, fixed ranges, `eval --set` and docs/randomization.md use this table.

Names that end in `.spread` are standard deviations of the logarithm: every element (joint, link,
geom, motor) is multiplied by exp(N(0, value)), drawn per episode, around the value of the row
without the suffix ([R] appendix B, mode M).
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from ...errors import ConfigError, nearest
from .parameter import Parameter

_R9 = "[R] T9"


def _scale(
    name: str, weight: float, low: float, high: float, what: str, source: str, needs: str = ""
) -> Parameter:
    return Parameter(name, "scale", weight, 1.0, (low, high), "x", what, source, needs=needs)


def _noise(
    name: str, weight: float, high: float, unit: str, what: str, source: str, needs: str = ""
) -> Parameter:
    """A strength: zero at lambda = 0, exponential in lambda."""
    return Parameter(
        name, "spread", weight, 0.0, (0.0, high), unit, what, source, one_sided=True, needs=needs
    )


def _linear(
    name: str, weight: float, high: float, unit: str, what: str, source: str, needs: str = ""
) -> Parameter:
    """A strength that is linear in lambda: probabilities, fractions, times."""
    return Parameter(
        name, "offset", weight, 0.0, (0.0, high), unit, what, source, one_sided=True, needs=needs
    )


def _spread(
    base: str, what: str, source: str = f"{_R9}, mode M", high: float = 1.0, needs: str = ""
) -> Parameter:
    return _linear(f"{base}.spread", 1.0, high, "log", what, source, needs)


_PARTS = (
    _scale("object.joint.damping", 0.5, 0.2, 5.0, "damping of the object's inner joints",
           f"{_R9}, cube dof damping"),
    _spread("object.joint.damping", "damping of each inner joint"),
    _scale("object.joint.friction", 0.5, 0.2, 5.0, "dry friction of the object's inner joints",
           f"{_R9}, cube friction loss"),
    _spread("object.joint.friction", "dry friction of each inner joint"),
    _scale("object.joint.armature", 0.5, 0.8, 3.0, "armature of the object's inner joints",
           f"{_R9}, cube dof armature"),
    _spread("object.joint.armature", "armature of each inner joint", high=0.5),
    _scale("object.parts.friction", 0.5, 0.2, 5.0, "friction among the object's parts, of all"
           " three kinds", "[R] B, friction cube"),
    Parameter("object.gap", "offset", 5e-5, 0.0, (-1e-4, 2e-4), "m",
              "added to the gap between the object's parts: how loose it is", "this project"),
)  # fmt: skip
_OBJECT = (
    _scale("object.size", 0.15, 0.75, 1.3, "edge of the block", "[R] B, cube size"),
    _scale("object.mass", 0.5, 0.2, 4.0, "mass of the block", f"{_R9}, [D] T1"),
    _scale("object.inertia", 0.5, 0.3, 3.0, "inertia of the block, beyond its mass and size",
           f"{_R9}, [RG]"),
    _noise("object.com", 0.002, 0.012, "m", "centre of mass off the middle, N(0, v) per axis",
           "wuji-mjlab: 3 mm"),
    _scale("object.friction", 0.5, 0.2, 3.0, "friction of the block, of all three kinds",
           "[R] B, friction"),
    _scale("object.friction.spinning", 1.0, 0.2, 5.0, "of which spinning", "[R] B, w 2; [RG]"),
    _scale("object.friction.rolling", 1.0, 0.2, 5.0, "of which rolling", "[R] B, w 2; [RG]"),
)  # fmt: skip
_LINKS = (
    _scale("hand.friction", 0.5, 0.2, 3.0, "friction of the hand, of all three kinds",
           "[R] B, friction"),
    _scale("hand.friction.spinning", 0.5, 0.3, 3.0, "of which spinning", "[R] B, w 1; [RG]"),
    _scale("hand.friction.rolling", 0.5, 0.3, 3.0, "of which rolling", "[R] B, w 1; [RG]"),
    _spread("hand.friction", "friction of each geom of the hand"),
    _scale("hand.friction.tips", 0.5, 0.3, 3.0, "of which the fingertips', apart from the rest",
           "this project"),
    _scale("hand.mass", 0.5, 0.2, 4.0, "mass and inertia of the links", f"{_R9}, [D] T1"),
    _spread("hand.mass", "mass and inertia of each link"),
    _scale("hand.inertia", 0.5, 0.3, 3.0, "inertia of the links, beyond their mass",
           f"{_R9}, [RG]"),
    _noise("hand.link_position", 0.002, 0.01, "m", "place of each link, N(0, v) per axis",
           f"{_R9}, body position"),
    _scale("hand.geom_size", 0.1, 0.85, 1.15, "size of the hand's geoms", f"{_R9}, geom size"),
    _spread("hand.geom_size", "size of each geom", f"{_R9}, mode M", 0.2),
    _noise("hand.geom_position", 0.002, 0.006, "m", "place of each geom, N(0, v) per axis",
           f"{_R9}, geom pos"),
    _scale("hand.tip_radius", 0.2, 0.7, 1.5, "radius of the fingertips", "this project"),
    _scale("hand.link_radius", 0.2, 0.7, 1.4, "radius of the fingers' other links",
           "this project"),
    _scale("hand.link_length", 0.1, 0.85, 1.15, "length of the fingers' links", "this project"),
    _spread("hand.link_length", "length of each link", "this project", 0.1),
)  # fmt: skip
_JOINTS = (
    _scale("hand.damping", 0.5, 0.2, 5.0, "damping of the joints", f"{_R9}, [D] T1"),
    _spread("hand.damping", "damping of each joint"),
    _scale("hand.armature", 0.6, 0.1, 5.0, "armature of the joints", f"{_R9}, dof armature;"
           " MuJoCo Menagerie: 0.2"),
    _spread("hand.armature", "armature of each joint"),
    _noise("hand.friction_loss", 0.01, 0.1, "Nm", "added dry friction of each joint, |N(0, v)|",
           f"{_R9}, friction loss"),
    _noise("hand.limits", 0.1, 0.5, "rad", "each end of each joint's range, N(0, v)",
           "[R] B, limits; [D] T1"),
    _noise("hand.stiffness", 0.005, 0.1, "Nm/rad", "added stiffness of each joint, |N(0, v)|",
           f"{_R9}, mode UAG 0.005"),
    _noise("hand.joint_margin", 0.15, 0.4, "rad", "added margin of each joint's limits, U(0, v)",
           "[R] B, joint margin; [RG]"),
    _noise("tendon.range", 0.15, 0.6, "x width", "each end of each coupling's slack, N(0, v)",
           "[RG] tendon range"),
    _noise("tendon.stiffness", 500.0, 4000.0, "N/m", "stiffness of each coupling, |N(0, v)|",
           f"{_R9}, tendon stiffness"),
    _noise("tendon.spring_length", 0.0005, 0.003, "m", "rest length of each coupling, N(0, v)",
           f"{_R9}, tendon spring length", needs="tendon.stiffness"),
    _noise("tendon.neighbours", 0.02, 1.0, "Nm/rad", "springs between the joints of two random"
           " neighbouring fingers, |N(0, v)| each", "this project"),
    _scale("hand.gain", 0.5, 0.4, 2.5, "stiffness of the motors", f"{_R9}, [D] T1"),
    _spread("hand.gain", "stiffness of each motor"),
    _linear("hand.lag", 20.0, 150.0, "ms", "time constant with which motors follow their targets",
            "this project"),
    _spread("hand.lag", "time constant of each motor", "this project", needs="hand.lag"),
    _linear("hand.slack", 0.005, 0.1, "rad", "motion that each motor loses when it reverses,"
            " v U(0.5, 1.5)", "this project"),
    _linear("hand.deadband", 0.005, 0.05, "rad", "error of the angle at which motors rest",
            "Shadow's controllers: 0.015"),
    _scale("hand.force", 0.5, 0.3, 2.0, "force range of the motors", f"{_R9}, force range"),
    _spread("hand.force", "force range of each motor"),
    _linear("hand.back_emf", 0.02, 0.5, "s/rad", "share of its force range that each motor loses"
            " per rad/s", "MuJoCo, mjlab: DC motors"),
    _linear("hand.weak", 0.1, 0.9, "", "share of force and stiffness that one random motor lacks,"
            " U(0, v)", "this project"),
    _linear("hand.slow", 20.0, 300.0, "ms", "added to the time constant of one random motor,"
            " U(0, v)", "this project"),
)  # fmt: skip
_CONTACTS = (
    _scale("contact.timeconst", 0.5, 0.8, 4.0, "solref: time constant", f"{_R9}, solref"),
    _scale("contact.dampratio", 0.5, 0.3, 3.0, "solref: damping ratio", f"{_R9}, solref"),
    _scale("contact.compliance", 0.5, 0.2, 8.0, "solimp: 1 - dmax", "[RG] geom_solimp; MuJoCo"
           " Menagerie: 0.2"),
    _scale("contact.delta", 1.0, 0.1, 12.0, "solimp: dmax - dmin", "[RG] geom_solimp;"
           " MuJoCo Menagerie: 9.8"),
    _scale("contact.width", 1.0, 0.05, 10.0, "solimp: width", "[RG] geom_solimp; MuJoCo"
           " Menagerie: 0.1"),
    _spread("contact", "each of these five, of each geom", f"{_R9}, solref, solimp, mode M"),
    _noise("contact.margin", 0.0005, 0.003, "m", "distance at which forces begin, |N(0, v)| per"
           " geom", f"{_R9}, geom margin"),
    _noise("contact.gap", 0.001, 0.004, "m", "depth at which forces begin, U(0, v) per geom",
           f"{_R9}, geom gap, mode AU"),
    _linear("contact.elliptic", 1.0, 1.0, "", "probability that friction's cone is elliptic",
            "this project"),
    Parameter("contact.impratio", "scale", 0.5, 1.0, (0.3, 10.0), "x",
              "hardness of friction against the normal force's", "MuJoCo Menagerie: 10",
              needs="contact.elliptic"),
)  # fmt: skip
_WORLD = (
    Parameter("gravity", "offset", 1.0, -9.81, (-14.0, -6.0), "m/s2", "vertical gravity",
              "[R] T7: 6 to 14"),
    _noise("gravity.noise", 0.4, 3.0, "m/s2", "added to gravity, N(0, v) per axis", "[D] T1"),
    _scale("timestep", 0.6, 0.6, 1.9, "physics step, and so the control period", "[R] B, T7"),
    _noise("timestep.jitter", 1.0, 5.0, "x the 2018 noise", "added to the physics step, Exp(k),"
           " 1/k ~ U(1250, 10000) per episode", "[D] C.2, [R] B"),
)  # fmt: skip
_ACTIONS = (
    _noise("action.noise.step", 0.1, 0.5, "of [-1, 1]", "added to actions, N(0, v) per step",
           "[D] C.2: 0.1"),
    _noise("action.noise.offset", 0.03, 0.3, "of [-1, 1]", "added to actions, N(0, v) per episode",
           "[D] C.2: 0.03"),
    _noise("action.noise.scale", 0.03, 0.3, "x", "actions times 1 + N(0, v) per episode",
           "[D] C.2: 0.03"),
    Parameter("action.delay", "spread", 0.5, 0.0, (0.0, 2.0), "steps",
              "mean delay of each motor, drawn per episode", "[D] C.2", one_sided=True),
    _linear("action.latency", 10.0, 60.0, "ms", "delay of all motors, times 1 + N(0, 0.1) per"
            " episode", "[R] B, action delay; [RG]: 30 ms"),
    _noise("action.backlash", 0.02, 0.3, "rad s", "slack: 1 / coefficient, |N(0, v)| per motor and"
           " direction", "[D] C.2, [RG]"),
    _linear("action.broken", 0.01, 0.1, "", "probability that a motor is broken, two at most",
            "[RG]: 0.001"),
)  # fmt: skip
_OBSERVATIONS = (
    _noise("observation.noise", 1.0, 5.0, "x the 2018 noise", "noise of pose and joints, per"
           " episode and per step", "[D] C.2"),
    _noise("observation.noise.offset", 1.0, 5.0, "x the 2018 noise", "more of it per episode",
           "[R] B, n1"),
    _noise("observation.noise.step", 1.0, 5.0, "x the 2018 noise", "more of it per step",
           "[R] B, n2"),
    _noise("observation.noise.scale", 0.03, 0.3, "x", "positions and angles times 1 + N(0, v) per"
           " episode", "[R] B, n0"),
    _noise("observation.delay", 0.5, 4.0, "steps", "age of the object's pose, N(v, v/6) per step",
           "[RG] vision: 3, sd 0.5"),
    _linear("observation.hold", 0.1, 0.9, "", "probability that a step's pose is not a new one",
            "DeXtreme: refresh rate"),
    _noise("observation.dropout", 1.0, 10.0, "x the 2018 rate", "markers lost: each fingertip"
           " 0.2/s, the object 0.02/s, for Exp(1 s)", "[D] C.2, [RG]"),
    _linear("observation.occlusion", 0.005, 0.03, "m", "a fingertip nearer than this to the block"
            " keeps its last value", "[D] C.2"),
)  # fmt: skip
_FORCES = (
    _noise("object.push", 1.0, 10.0, "m/s2", "forces on the block, N(0, v) mass per axis, at"
           " random times", "[D] C.2, [RG]: 1"),
    _noise("object.twist", 20.0, 400.0, "rad/s2", "torques on the block, N(0, v) inertia per axis",
           "as object.push"),
    _scale("object.push.duration", 1.0, 0.01, 1.0, "time in which pushes and twists die away, of"
           " 8 s", "[D] C.2: 8 s; HORA: 0.8 s", needs="object.push"),
    _linear("adversary.action", 0.1, 1.0, "", "share of a random network in the action",
            "[R] B.3, alpha"),
    _noise("adversary.force", 1.0, 10.0, "m/s2", "force and torque of a random network",
           "[R] B.3, beta"),
)  # fmt: skip
_TASK = (
    Parameter(
        "goal.angle", "offset", 1.0, 0.5, (0.5, float(np.pi)), "rad",
        "largest rotation to a new goal", "this project", one_sided=True, curriculum=True,
    ),
)  # fmt: skip

GROUPS: dict[str, tuple[Parameter, ...]] = {
    "The block": _OBJECT,
    "Inner joints and parts of the object": _PARTS,
    "The hand's links and surfaces": _LINKS,
    "Joints, tendons, motors": _JOINTS,
    "Contacts": _CONTACTS,
    "The world": _WORLD,
    "Actions": _ACTIONS,
    "Observations": _OBSERVATIONS,
    "Forces and the adversary": _FORCES,
    "The task": _TASK,
}
PARAMETERS: tuple[Parameter, ...] = tuple(row for rows in GROUPS.values() for row in rows)
NAMES = tuple(parameter.name for parameter in PARAMETERS)
PART_NAMES = frozenset(parameter.name for parameter in _PARTS)
"""Parameters that only an object with parts has: `check_parts`."""
BY_NAME = {parameter.name: parameter for parameter in PARAMETERS}


_OF_THE_POSE = ("observation.delay", "observation.hold", "observation.occlusion")
"""Parameters that act only on the observed pose of the object."""


def lookup(name: str, source: str) -> Parameter:
    """The row called `name`. Raises ConfigError that suggests the nearest name."""
    if name not in BY_NAME:
        raise ConfigError(f"{source}: got unknown parameter '{name}', {nearest(name, NAMES)}")
    return BY_NAME[name]


def check_needs(names: Collection[str], source: str) -> None:
    """Raise ConfigError for a parameter that has no effect without another one."""
    for name in names:
        needed = lookup(name, source).needs
        if needed and needed not in names:
            raise ConfigError(f"{source}: got {name} alone, allowed: together with {needed}")


def check_parts(
    names: Collection[str], inner: bool, touching: bool, friction: bool, source: str
) -> None:
    """Raise ConfigError for a parameter of parts that the object does not have.

    inner: it has inner joints; touching: contacts hold its parts together; friction: these
    contacts have friction.
    """
    for start, has, needed in (
        ("object.joint.", inner, "inner joints"),
        ("object.gap", touching, "parts held together by contact"),
        ("object.parts.friction", friction, "parts whose contacts have friction"),
    ):
        for name in names:
            if name.startswith(start) and not has:
                raise ConfigError(f"{source}: got {name}, allowed: for an object with {needed}")


def check_hand(
    names: Collection[str], neighbours: bool, round_tips: bool, round_links: bool, source: str
) -> None:
    """Raise ConfigError for a parameter that the hand's model does not have.

    neighbours: it names joints of neighbouring fingers; round_tips, round_links: fingertips and
    other links of fingers are spheres, capsules or cylinders, at least some of them.
    """
    for name, has, needed in (
        ("tendon.neighbours", neighbours, "that names the joints of neighbouring fingers"),
        ("hand.tip_radius", round_tips, "whose fingertips are spheres, capsules or cylinders"),
        ("hand.link_radius", round_links, "with fingers of spheres, capsules or cylinders"),
    ):
        if name in names and not has:
            raise ConfigError(f"{source}: got {name}, allowed: for a hand {needed}")


def check_object(names: Collection[str], task: str, has_object: bool, source: str) -> None:
    """Raise ConfigError for an unknown parameter, or one of the object in a task without one."""
    for name in names:
        lookup(name, source)
        if not has_object and (name.startswith(("object.", "goal.")) or name in _OF_THE_POSE):
            raise ConfigError(
                f"{source}: got {name} for the task {task}, which has no object;"
                " allowed: parameters of the hand, the world and the actions"
            )
