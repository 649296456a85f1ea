"""`Sim` on `mujoco_warp`: the worlds of an NVIDIA GPU, in float32."""

from __future__ import annotations

from typing import Any

import mujoco
import mujoco_warp as mjw
import numpy as np
import torch
import warp as wp
from torch import Tensor

from ..layout import Layout
from ..sim import Sim, on_device
from .recorded import Recorded
from .warp_data import STATE, WarpData
from .warp_model import WarpModel, warp_copy
from .warp_options import Options, warp_device

DIVERGED = float(mujoco.mjMAXVAL)
"""MuJoCo's bound of position, velocity and acceleration; C ends a world beyond it as well."""
GUARDED = ("qpos", "qvel", "ctrl")


class WarpSim(Sim):
    """`Sim` on `mujoco_warp`. Steps, outputs, constants and resets are recorded graphs.

    A step in which a pool of contacts or constraint rows was too small is made again with larger
    ones. A world that does not fit into the largest has failed.
    """

    cannot_vary = frozenset({"opt.cone"})

    def __init__(
        self,
        model: mujoco.MjModel,
        num_worlds: int,
        threads: int = 0,
        layout: Layout | None = None,
        device: str = "cpu",
    ) -> None:
        """threads: not used. device: cuda, or cpu for tests.

        Raises ConfigError for another device, or for a model with a thing that Warp lacks.
        """
        self.model, self.num_worlds = model, num_worlds
        self.device = warp_device(device)
        if layout is not None:
            self.layout = on_device(layout, self.device)
        self.failures = 0
        taken = warp_copy(model)
        with wp.ScopedDevice(wp.device_from_torch(self.device)):
            self._model = WarpModel(taken, num_worlds)
            self._worlds = wp.zeros(num_worlds, dtype=wp.bool)
        self._data = WarpData(taken, num_worlds, self.device)
        self._wait()
        self._run = Recorded(self.device)
        self._options = Options(self._model, model, num_worlds, self.device)
        self._mask = wp.to_torch(self._worlds)
        self._before = {name: value.clone() for name, value in self._data.state.items()}
        self._outputs: dict[str, Tensor] = {}
        self._fields: dict[str, Tensor] = {}

    def state(self, name: str) -> Tensor:
        return self._data.state[name]

    def output(self, name: str) -> Tensor:
        if name not in self._outputs:
            self._outputs[name] = self._data.read(name).clone()
            self.forward(torch.arange(self.num_worlds, device=self.device))
        return self._outputs[name]

    def field(self, name: str) -> Tensor:
        if name not in self._fields:
            own = self._options.field(name)
            self._fields[name] = self._model.field(name) if own is None else own
            self._run.forget()
        return self._fields[name]

    def fields(self) -> list[str]:
        return list(self._fields)

    def refresh_constants(self, worlds: Tensor) -> None:
        # Warp has no mask here: the other worlds get the constants that they have.
        if self._model.expand_derived():
            self._run.forget()
        self._run("constants", self._set_constants)

    def _set_constants(self) -> None:
        mjw.set_const(self._model.model, self._data.data, restore=False)

    def step(self, substeps: int) -> Tensor:
        for name, value in self._data.state.items():
            self._before[name].copy_(value)
        self._advance(substeps)
        broken, full = self._guard()
        while full and self._grow():
            for name, value in self._data.state.items():
                value.copy_(self._before[name])
            self._advance(substeps)
            broken, full = self._guard()
        for name, value in self._outputs.items():
            value.copy_(self._data.read(name))
        if count := int(broken.sum()):
            self.failures += count
            self.reset(broken.nonzero().squeeze(-1))
        return broken

    def _advance(self, substeps: int) -> None:
        if self._options.write():
            self._run.forget()
        for _ in range(substeps):
            self._run("step", lambda: mjw.step(self._model.model, self._data.data))

    def _guard(self) -> tuple[Tensor, bool]:
        """(N,) the worlds that failed or did not fit into the pools, and whether some did not."""
        full = self._data.full()
        broken = full.clone()
        for value in (*(self.state(name) for name in GUARDED), self._data.read("qacc")):
            # What is no number is not below the bound either.
            broken |= ~(value.abs() < DIVERGED).all(dim=-1)
        return broken, bool(full.any())

    def _grow(self) -> bool:
        grown = self._data.grow()
        if grown:
            self._run.forget()
            self._wait()
        return grown

    def _wait(self) -> None:
        """Wait for arrays that Warp made on its own stream; graphs run on PyTorch's."""
        wp.synchronize_device(wp.device_from_torch(self.device))

    def forward(self, worlds: Tensor) -> None:
        if self._options.write():
            self._run.forget()
        # The solver writes its warm start into the state; computing outputs must not change it.
        warm = self.state("qacc_warmstart").clone()
        self._compute()
        while bool(self._data.full().any()) and self._grow():
            self.state("qacc_warmstart").copy_(warm)
            self._compute()
        self.state("qacc_warmstart").copy_(warm)
        for name, value in self._outputs.items():
            value[worlds] = self._data.read(name)[worlds]

    def _compute(self) -> None:
        self._run("forward", lambda: mjw.forward(self._model.model, self._data.data))

    def reset(self, worlds: Tensor) -> None:
        self._mask.zero_()
        self._mask[worlds] = True
        self._run("reset", self._reset_masked)

    def _reset_masked(self) -> None:
        mjw.reset_data(self._model.model, self._data.data, reset=self._worlds)

    def save(self) -> dict[str, Tensor]:
        state = {f"state.{name}": value.cpu().clone() for name, value in self._data.state.items()}
        return state | {f"field.{n}": self.field(n).cpu().clone() for n in self.fields()}

    def load(self, saved: dict[str, Tensor]) -> None:
        for key, value in saved.items():
            kind, _, name = key.partition(".")
            (self.field if kind == "field" else self.state)(name).copy_(value)
        every = torch.arange(self.num_worlds, device=self.device)
        if self._fields:
            self.refresh_constants(every)
        self.forward(every)

    def broken_state(self, world: int) -> dict[str, Any]:
        data = mujoco.MjData(self.model)
        for name in STATE:
            if name in self._before and name != "time":
                value = self._before[name][world].cpu().numpy()
                getattr(data, name)[:] = value
        data.time = float(self._before["time"][world])
        kind = mujoco.mjtState.mjSTATE_INTEGRATION
        state = np.zeros(mujoco.mj_stateSize(self.model, kind))
        mujoco.mj_getState(self.model, data, state, kind)
        own = {name: self.field(name)[world].cpu().numpy().copy() for name in self.fields()}
        return {"state": state, **own}
