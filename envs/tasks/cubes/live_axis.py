"""Makes a full cube of one with a single live axis: any face turns, one axis at a time.

The simulation has a middle layer and two outer ones that turn about its z axis. When both are
straight the shape is a cube's, and any of its 24 orientations may be called the middle layer's. So
the axis on whose layers the hand has the largest torque becomes the live one. What that changes is
kept here: which face is which layer, and the quarters that the other faces have turned by.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ...mdp import rotations
from ...mdp.observations import Sensors
from ...objects.cubes.live_cube import TOUCHES
from .cube_goals import QUARTER, FullLaw, straight

STRAIGHT_RAD = 0.1
"""Another axis may turn while both layers are this near to straight; they are set straight then.
The full cube cuts corners of 3 to 6 degrees at small torques."""


def _layers() -> tuple[Tensor, Tensor]:
    """(24, 2) each, for a cube whose axes v are the simulation's g v: the faces, as inner joints U
    R F D L B, of the layers +z and -z; and the signs of their angles about the faces' axes."""
    back = rotations.conjugate(rotations.CUBE_GROUP).unsqueeze(1)
    ends = torch.tensor([[0.0, 0.0, 1.0], [0.0, 0.0, -1.0]]).unsqueeze(0)
    normal = rotations.rotate(back, ends).round()
    side = normal.sum(dim=-1)
    face = torch.tensor(FullLaw.layers)[normal.abs().argmax(dim=-1) + 3 * (side < 0)]
    # The hinge turns about +z, which is the axis of one layer outwards and of the other inwards.
    return face, side * torch.tensor([1.0, -1.0])


_FACES, _SIGNS = _layers()
_TO_AXIS = rotations.from_rotvec(
    torch.tensor([[0.0, QUARTER, 0.0], [-QUARTER, 0.0, 0.0], [0.0, 0.0, 0.0]])
)
"""(3, 4): the rotation that takes z to x, to y, and to z."""


class LiveAxis:
    """Which face of each of N cubes is which layer, and the angles of the faces that are not."""

    def __init__(self, count: int, device: torch.device) -> None:
        self.label = torch.zeros(count, 4, device=device)
        """(N, 4) the rotation g: an axis v of the cube is the axis g v of the middle layer."""
        self.turned = torch.zeros(count, 6, device=device)
        """(N, 6) angles of the faces U R F D L B without the present ones of the two layers [rad],
        multiples of a quarter turn."""
        self.reset(torch.arange(count, device=device))

    def reset(self, worlds: Tensor) -> None:
        """The cube is called as the middle layer is, and no face is turned."""
        self.label[worlds] = rotations.like(rotations.CUBE_GROUP[0], self.label)
        self.turned[worlds] = 0.0

    def whole(self, wxyz: Tensor, layers: Tensor, worlds: Tensor | slice) -> tuple[Tensor, Tensor]:
        """The cube's orientation (K, 4) and the angles of its faces (K, 6), from the middle layer's
        orientation and the angles of the layers +z and -z (K, 2)."""
        whole = rotations.positive(rotations.multiply(wxyz, self.label[worlds]))
        return whole, self.turned[worlds] + self.faces(layers, worlds)

    def faces(self, layers: Tensor, worlds: Tensor | slice) -> Tensor:
        """Angles or speeds of the layers (K, 2) as those of the faces (K, 6)."""
        index = rotations.nearest_of_cube(rotations.conjugate(self.label[worlds]))
        face = rotations.constant(_FACES, layers.device, torch.long)[index]
        sign = rotations.like(_SIGNS, layers)[index]
        none = torch.zeros(len(layers), len(FullLaw.layers)).to(layers)
        return none.scatter(-1, face, sign * layers)

    def move(self, qpos: Sensors, worlds: Tensor, axis: Tensor) -> Sensors:
        """Make an axis of the middle layer, 0 for x or 1 for y, the live one, (K,).

        qpos and the result: `wxyz` (K, 4), `layers` (K, 2), and `spin` (K, 3), the angular velocity
        in the middle layer's axes.
        """
        self.turned[worlds] += self.faces(straight(qpos["layers"]), worlds).float()
        turn = rotations.like(_TO_AXIS, qpos["wxyz"])[axis]
        back = rotations.conjugate(turn)
        label = rotations.multiply(back.float(), self.label[worlds])
        exact = rotations.nearest_of_cube(rotations.conjugate(label))
        self.label[worlds] = rotations.like(rotations.CUBE_GROUP, label)[exact]
        return {
            "wxyz": rotations.multiply(qpos["wxyz"], turn),
            "layers": torch.zeros_like(qpos["layers"]),
            "spin": rotations.rotate(back, qpos["spin"]),
        }


def layer_torques(touch: Tensor, position: Tensor, wxyz: Tensor, inside_m: Tensor) -> Tensor:
    """The larger torque of the hand on the two outer layers about each axis (N, 3) [Nm].

    touch: the sensor `touch` (N, 12 x TOUCHES); position (N, 3) and wxyz (N, 4): of the middle
    layer; inside_m (N,): half the thickness of a layer, beyond which a contact is an outer one's.
    """
    force, place, normal, tangent = touch.unflatten(-1, (TOUCHES, 4, 3)).unbind(-2)
    along = (normal, tangent, torch.linalg.cross(normal, tangent))
    force = sum(force[..., i : i + 1] * axis for i, axis in enumerate(along))
    back = rotations.conjugate(wxyz).unsqueeze(1)
    force = rotations.rotate(back, torch.as_tensor(force))
    place = rotations.rotate(back, place - position.unsqueeze(1))
    torque = torch.linalg.cross(place, force)
    inside = inside_m.view(-1, 1, 1)
    outer = torch.stack((place > inside, place < -inside))
    return (torque * outer).sum(dim=2).abs().amax(dim=0)


def chosen_axis(torque: Tensor, layers: Tensor, friction: Tensor) -> Tensor:
    """(N,) the axis, 0 for x or 1 for y, that should become the live one; 2 for none.

    torque: of `layer_torques`; layers (N, 2) their angles; friction (N,): the dry friction that a
    layer resists with [Nm].
    """
    best, axis = torque.max(dim=-1)
    free = (layers - straight(layers)).abs().amax(dim=-1) < STRAIGHT_RAD
    return torch.where(free & (best > friction), axis, torch.full_like(axis, 2))
