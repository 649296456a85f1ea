"""An evaluation whose policy sees the object through cameras: fresh renders in the loop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from ...contract.bundle import Bundle, load_bundle
from ...contract.pose_entry import PoseEntry
from ...envs.config import EnvConfig, GoalConfig
from ...envs.hands.hand_model import hand_of
from ...envs.make import resolve
from ...envs.objects.object_spec import size_of
from ...errors import BundleError, ConfigError
from ...vision.config import LiveConfig
from ...vision.live.image_eyes import ImageEyes
from ...vision.live.pose_eyes import PoseEyes
from ..demonstrations.recording import Recording
from .evaluation import Evaluation, Recorder, evaluate, side_by_side
from .eyes import check_shown, eyes_of, sees
from .players import BundlePlayer, Player


@dataclass(frozen=True)
class PoseCamerasConfig(LiveConfig):
    """Cameras of `sleight eval --pose cameras`."""

    bundle: Path | None = None
    """Bundle whose pose network reads the pictures; none: the player's own."""


@dataclass(frozen=True)
class EvalFields:
    """The fields of `sleight eval`."""

    goals: GoalConfig = field(default_factory=GoalConfig)
    """The goals of the protocol."""
    cameras: PoseCamerasConfig = field(default_factory=PoseCamerasConfig)
    """Cameras, and the network that reads them."""

    def check(self, pose: str, player: Player, plan: Mapping[str, str]) -> None:
        """Raise ConfigError for cameras that nobody looks through."""
        if pose != "true" and plan:
            raise ConfigError(f"--{next(iter(plan))}: got --pose {pose}, allowed: true")
        unseen = pose == "true" and not sees(player.env_config)
        if unseen and self.cameras != PoseCamerasConfig():
            raise ConfigError("--cameras: got fields with --pose true, allowed: cameras or both")


@dataclass(frozen=True)
class CameraEvaluation:
    """The same policy by the true pose and by cameras."""

    cameras: Evaluation
    true: Evaluation | None = None
    """With the same seeds; None: only cameras were asked for."""

    @property
    def ratio(self) -> float | None:
        """Mean successes by cameras, as a share of those by the true pose."""
        return self.cameras.mean / self.true.mean if self.true and self.true.mean else None

    def data(self) -> dict[str, Any]:
        """As plain data."""
        if self.true is None:
            return self.cameras.data()
        both = {"cameras": self.cameras.data(), "true": self.true.data()}
        return {"player": self.cameras.player, "ratio": self.ratio, "pose": both}

    def table(self) -> str:
        """As text: the two evaluations side by side, and what the network saw."""
        if self.true is None:
            text = self.cameras.table()
        else:
            text = side_by_side({"true pose": self.true, "cameras": self.cameras})
        seen = self.cameras.settings["pose"]
        share = "-" if self.ratio is None else f"{self.ratio:.2f}"
        return (
            text
            + (f"\n  cameras / true     {share}" if self.true else "")
            + "".join(f"\n  {name:<18} {value}" for name, value in _seen(seen))
        )


def _seen(seen: dict[str, Any]) -> list[tuple[str, str]]:
    """What the network saw, for people."""
    errors = "-"
    if "position_mm_median" in seen:
        errors = (
            f"{seen['position_mm_median']:.1f} mm, {seen['rotation_deg_median']:.1f} degrees"
            f" (p90 {seen['position_mm_p90']:.1f}, {seen['rotation_deg_p90']:.1f})"
        )
    cost = f"{seen['ms_per_frame']:.1f} ms, {seen['share_of_renderer']:.0%} of it the renderer"
    return [
        ("median error", errors),
        ("poses, rejected", f"{seen['poses']}, {seen['rejected']}"),
        ("CPU per frame", cost),
        *([("renderers lost", str(seen["deaths"]))] if seen["deaths"] else []),
    ]


def evaluate_as_asked(
    player: Player,
    config: EnvConfig,
    seed: int,
    pose: str,
    cameras: PoseCamerasConfig,
    recording: Recording,
) -> tuple[Evaluation | CameraEvaluation, Evaluation]:
    """The result of `sleight eval` with --pose true, cameras or both, and the trials in it that
    other conditions are judged by. Raises the errors of `evaluate_by_cameras`."""
    with recording.recorder() as recorder:
        if pose == "true":
            eyes = recording.eyes(config, seed) or eyes_of_policy(player, config, seed, cameras)
            result = evaluate(player, config, seed, eyes=eyes, recorder=recorder)
            return result, result
        both = evaluate_by_cameras(player, config, seed, cameras, pose == "both", recorder)
        return both, both.cameras


def evaluate_by_cameras(
    player: Player,
    config: EnvConfig,
    seed: int,
    cameras: PoseCamerasConfig,
    beside: bool,
    recorder: Recorder | None = None,
) -> CameraEvaluation:
    """One trial in each world of `config`, judged by the true pose; beside: those by it, too.

    recorder: of the trials by cameras. Raises BundleError without a pose network, ConfigError for
    worlds that it cannot see, SleightError if this machine cannot render.
    """
    if sees(player.env_config):
        raise ConfigError(
            f"--pose: got cameras with {player.name}, whose policy observes pictures and no pose,"
            " allowed: true"
        )
    bundle = _bundle(player, cameras)
    entry = bundle.manifest.pose
    if entry is None:
        raise BundleError(
            f"{bundle.folder / 'bundle.json'}: pose: got nothing, allowed: a pose network"
            " (`sleight vision export`), or --cameras.bundle with a bundle that has one"
        )
    _check(config, entry)
    hand = hand_of(config.model).spec
    with PoseEyes(bundle.pose_graph, entry, cameras, hand, config.num_worlds, seed) as eyes:
        true = evaluate(player, config, seed, "true pose") if beside else None
        by_cameras = evaluate(player, config, seed, "cameras", eyes, recorder)
        seen = {"network": str(bundle.folder), "strength": cameras.strength, **eyes.report()}
    settings = {**by_cameras.settings, "pose": seen}
    return CameraEvaluation(replace(by_cameras, settings=settings), true)


def eyes_of_policy(
    player: Player, config: EnvConfig, seed: int, asked: LiveConfig
) -> ImageEyes | None:
    """The cameras of a policy that observes pictures, as in its training but for what is asked.

    None for another policy.
    """
    default = LiveConfig()
    names = [each.name for each in fields(LiveConfig)]
    changed = {n: getattr(asked, n) for n in names if getattr(asked, n) != getattr(default, n)}
    return eyes_of(replace(player.config.cameras, **changed), config, seed)


def _bundle(player: Player, cameras: PoseCamerasConfig) -> Bundle:
    if cameras.bundle is not None:
        return load_bundle(cameras.bundle)
    if not isinstance(player, BundlePlayer):
        raise ConfigError(
            f"--pose: got cameras with {player.name}, which has no pose network, allowed: a bundle"
            " that has one, or --cameras.bundle"
        )
    return player.bundle


def _check(config: EnvConfig, entry: PoseEntry) -> None:
    """Raise ConfigError for worlds that the renders do not show or the network has not learned."""
    check_shown(config, "--pose cameras")
    if entry.keypoints is not None and entry.keypoints.hinges:
        raise ConfigError(
            "--pose: got cameras with a pose network of an object with layers, allowed: one of the"
            " block"
        )
    size_m = size_of(resolve(config).model)
    if abs(size_m - entry.object_size_m) > 1e-4:
        raise ConfigError(
            f"env.model.object_size_m: got {size_m:g}, allowed with --pose cameras:"
            f" {entry.object_size_m:g}, which the network has learned"
        )
