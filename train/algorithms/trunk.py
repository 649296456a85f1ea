"""A policy's encoders that begin with a trained pose network."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from ...errors import ConfigError
from ...policies.actor import Actor
from ...shipped import shipped
from ...vision.keypoint_decoder import KeypointDecoder
from ...vision.keypoint_encoder import KeypointEncoder, trunk_weights

FOLDER = "pose"
"""Folder of a bundle with the run of its pose network."""


def keypoint_encoders(actor: Actor) -> dict[str, KeypointEncoder]:
    """Term -> encoder, of the actor's encoders of kind `keypoints`."""
    encoders = actor.embedding.encoders.items()
    return {name: e for name, e in encoders if isinstance(e, KeypointEncoder)}


def read_trunk(path: Path, actor: Actor) -> dict[str, Tensor]:
    """The weights of a pose network, by their names in the weights of a run with this actor.

    Raises CheckpointError for what is no run of `sleight vision train`, ConfigError for a network
    of another size.
    """
    from ..pose.pose_learner import load_pose_run  # which imports much that cloning needs not

    path = shipped(path)
    path = path / FOLDER if (path / FOLDER).is_dir() else path
    _, decoder, _ = load_pose_run(path)
    if not isinstance(decoder, KeypointDecoder):
        raise ConfigError(f"{path}: got another pose network, allowed: one with keypoints")
    return {
        f"actor.embedding.encoders.{term}.{name}": value
        for term, encoder in keypoint_encoders(actor).items()
        for name, value in trunk_weights(encoder, decoder.net, str(path)).items()
    }
