"""Tracking faults: delayed and held poses, lost markers, occluded fingertips."""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor

from ..mdp import rotations
from ..mdp.observations import Sensors
from ..mdp.sensor_noise import Worlds
from ..sim.draws import Draws

MAX_DELAY = 6
"""Largest delay in control steps: the length of the history of poses."""
DELAY_SPREAD = 1.0 / 6.0
"""Standard deviation of the delay at each step, as a fraction of it [RG: 3 steps, 0.5]."""
LOST_PER_S = {"object": 0.02, "fingertips": 0.2}
"""Probability per second that a marker is lost, at strength 1 [RG]."""
LOST_S = 1.0
"""Mean of the exponentially distributed time for which a marker is lost [s] [RG]."""
ROWS = (
    "observation.delay", "observation.hold", "observation.dropout", "observation.occlusion",
)  # fmt: skip


class Tracking:
    """Tracking faults of N worlds, for a hand with F fingertips; applied after the noise.

    The pose is delayed by some steps, with interpolation between two steps ([RG], observation
    delay). Then a pose or fingertip that is held, lost or occluded keeps its last observed value.
    """

    def __init__(
        self,
        num_worlds: int,
        fingertips: int,
        half_edge_m: float,
        active: Collection[str],
        rng: Draws,
        period_s: float,
    ) -> None:
        self._rng, self._period_s, self._nominal_half = rng, period_s, half_edge_m
        self._lates, self._holds, self._loses, self._hides = (row in active for row in ROWS)
        self.delay, self.hold, self.dropout, self.occlusion = torch.zeros(
            4, num_worlds, device=rng.device
        ).unbind()
        self.half_edge = torch.full((num_worlds,), half_edge_m, device=rng.device)
        self.fresh = torch.ones(num_worlds, dtype=torch.bool, device=rng.device)
        """Worlds without a history: their past is the present."""
        self.past = torch.zeros(MAX_DELAY + 1, num_worlds, 7, device=rng.device)
        """Noisy poses, newest first: position [m] and quaternion, all on one side of the sphere."""
        self.seen = torch.zeros(num_worlds, 7, device=rng.device)
        self.seen_tips = torch.zeros(num_worlds, fingertips, 3, device=rng.device)
        """The last observed values."""
        self.lost = torch.zeros(num_worlds, 1 + fingertips, device=rng.device)
        """(N, 1 + F) remaining control steps for which the object and each fingertip are lost."""

    def reset(self, worlds: Tensor, value: dict[str, Tensor]) -> None:
        """Begin new episodes in `worlds` (K,)."""
        self.redraw(worlds, value)
        self.fresh[worlds] = True
        self.lost[worlds] = 0.0

    def redraw(self, worlds: Tensor, value: dict[str, Tensor]) -> None:
        """Set the strengths of `worlds` (K,)."""
        for name in ROWS:
            getattr(self, name.removeprefix("observation."))[worlds] = value[name].float()
        self.half_edge[worlds] = self._nominal_half * value["object.size"].float()

    def __call__(self, noisy: Sensors, true: Sensors, worlds: Worlds, remember: bool) -> Sensors:
        """The noisy sensors as they arrive; `remember` updates the history: once per step."""
        arrived = dict(noisy)
        fresh = self.fresh[worlds].unsqueeze(-1)
        lost = self._lose(worlds) if self._loses else None
        if "object_wxyz" in noisy:
            past = self._advance(noisy, worlds, fresh)
            pose = self._late(past, worlds) if self._lates else past[0]
            pose = torch.where(self._pose_kept(worlds, lost, fresh), self.seen[worlds], pose)
            arrived["object_position"], arrived["object_wxyz"] = pose[:, :3], pose[:, 3:]
            if remember:
                self.past[:, worlds], self.seen[worlds] = past, pose
        if "fingertips" in noisy and (self._loses or self._hides):
            kept = self._tips_kept(true, worlds, lost) & ~fresh
            tips = torch.where(kept.unsqueeze(-1), self.seen_tips[worlds], noisy["fingertips"])
            arrived["fingertips"] = tips
            if remember:
                self.seen_tips[worlds] = tips
        if remember:
            self.fresh[worlds] = False
            if lost is not None:
                self.lost[worlds] = lost
        return arrived

    def _advance(self, noisy: Sensors, worlds: Worlds, fresh: Tensor) -> Tensor:
        """The history (MAX_DELAY + 1, K, 7) with the present pose in front."""
        now = torch.cat((noisy["object_position"], noisy["object_wxyz"]), dim=-1)
        before = torch.where(fresh, now, self.past[:-1, worlds])
        return torch.cat((now.unsqueeze(0), before))

    def _late(self, past: Tensor, worlds: Worlds) -> Tensor:
        """The delayed pose (K, 7); rotations are interpolated along the shorter way."""
        mean = self.delay[worlds]
        noise = self._rng.normal(len(mean))
        steps = (mean * (1.0 + DELAY_SPREAD * noise)).clamp(0.0, MAX_DELAY)
        newer = steps.floor().long()
        older = (newer + 1).clamp_max(MAX_DELAY)
        every = torch.arange(len(mean), device=mean.device)
        new, old = past[newer, every], past[older, every]
        near = (new[:, 3:] * old[:, 3:]).sum(dim=-1, keepdim=True) >= 0
        old = torch.cat((old[:, :3], torch.where(near, old[:, 3:], -old[:, 3:])), dim=-1)
        pose = torch.lerp(new, old, (steps - newer).unsqueeze(-1))
        wxyz = rotations.positive(rotations.normalize(pose[:, 3:]))
        return torch.cat((pose[:, :3], wxyz), dim=-1)

    def _pose_kept(self, worlds: Worlds, lost: Tensor | None, fresh: Tensor) -> Tensor:
        """(K, 1) bool: no new pose arrives."""
        kept = torch.zeros_like(fresh)
        if self._holds:
            hold = self.hold[worlds].unsqueeze(-1)
            kept = kept | (self._rng.uniform(*hold.shape) < hold)
        if lost is not None:
            kept = kept | (lost[:, :1] > 0)
        return kept & ~fresh

    def _tips_kept(self, true: Sensors, worlds: Worlds, lost: Tensor | None) -> Tensor:
        """(K, F) bool: the fingertip is lost or occluded."""
        kept = torch.zeros_like(true["fingertips"][..., 0], dtype=torch.bool)
        if lost is not None:
            kept = kept | (lost[:, 1:] > 0)
        if self._hides and "object_wxyz" in true:
            near = self.occlusion[worlds].unsqueeze(-1)
            kept = kept | (self._to_block(true, worlds) < near)
        return kept

    def _to_block(self, true: Sensors, worlds: Worlds) -> Tensor:
        """Distance of each fingertip to the surface of the block (K, F) [m]; 0 inside."""
        off = true["fingertips"] - true["object_position"].unsqueeze(-2)
        turn = rotations.conjugate(true["object_wxyz"]).unsqueeze(-2).expand(*off.shape[:-1], 4)
        outside = rotations.rotate(turn, off).abs() - self.half_edge[worlds].reshape(-1, 1, 1)
        return outside.clamp_min(0.0).norm(dim=-1)

    def _lose(self, worlds: Worlds) -> Tensor:
        """(K, 1 + F) remaining steps for which markers are lost."""
        lost = (self.lost[worlds] - 1.0).clamp_min(0.0)
        rate = torch.full_like(lost[0], LOST_PER_S["fingertips"])
        rate[0] = LOST_PER_S["object"]
        # Probability per second -> hazard per step. Strength multiplies the number of events.
        hazard = -torch.log1p(-rate) * self._period_s * self.dropout[worlds].unsqueeze(-1)
        new = self._rng.uniform(*lost.shape) < -torch.expm1(-hazard)
        time = -torch.log1p(-self._rng.uniform(*lost.shape)) * LOST_S
        return torch.where(new, (time / self._period_s).round(), lost)
