"""`PoseDecoder`: a network, its loss, and how its output becomes a pose."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ..contract.pose_entry import KeypointsEntry
from .photo import Photo

Batch = dict[str, Tensor]
"""Arrays of renders (renders/shards.py) with a leading B."""


@dataclass(frozen=True)
class Guesses:
    """Estimated poses of n samples, object_to_palm."""

    position: Tensor
    """(n, 3) m."""
    wxyz: Tensor
    """(n, 4)"""
    error_m: np.ndarray
    """(n,) predicted error of the position."""
    error_rad: np.ndarray
    """(n,) predicted error of the rotation."""
    angles: np.ndarray
    """(n, J) whole angles of the object's layers [rad]."""


class PoseDecoder(nn.Module, ABC):
    """A pose network in training."""

    @abstractmethod
    def loss(self, batch: Batch, photo: Photo, generator: torch.Generator) -> Tensor:
        """The loss on a batch, whose pictures are augmented with draws of `generator`."""

    @abstractmethod
    def read(self, batch: Batch) -> Guesses:
        """Poses from unchanged pictures, without gradients; the labels are not used.

        Without `joint_position` the landmarks of the palm are not used either.
        """

    @abstractmethod
    def graph(self) -> nn.Module:
        """The network for export: it takes and returns the tensors of `pose_tensors`."""

    @abstractmethod
    def entry(self, error_limit_m: float) -> KeypointsEntry | None:
        """What the robot needs beside the graph; None if the graph gives the pose itself."""
