"""The stages of a run, in their order; a run without stages is one stage without a name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ....errors import CheckpointError, ConfigError
from ...algorithms.algorithm import STAGE, Collection
from ...algorithms.algorithm_registry import collection_of
from ...algorithms.teacher_files import FOLDER as TEACHER
from ...config import TrainConfig
from ...stage_config import CarryConfig, UntilConfig
from ..training_loop import StageState

ENDS = "stages"
"""Subfolder of a run: what each stage has ended with, and the teachers of those that clone."""


@dataclass(frozen=True)
class Stage:
    """One stage, and where its files are."""

    name: str
    """Empty in a run without stages."""
    config: TrainConfig
    """Of a run that would consist of this stage alone."""
    before: str = ""
    """The stage that it carries over from; empty: none."""
    until: UntilConfig = field(default_factory=UntilConfig)
    carry: CarryConfig = field(default_factory=CarryConfig)

    def state(self, first_step: int) -> StageState:
        """Its beginning, after `first_step` control steps of the run."""
        return StageState(self.name, first_step, self.until.holds)

    def has_ended(self, meta: dict[str, Any]) -> bool:
        """Whether the stage had ended where a checkpoint of it was saved."""
        saved = meta.get("stage") or {"first_step": 0, "met": False}
        return saved["met"] or meta["steps"] - saved["first_step"] >= self.config.steps

    def end_in(self, folder: Path) -> Path:
        """The folder of what it ended with, under the folder of the run."""
        return end_of(folder, self.name)

    def teacher_in(self, folder: Path) -> Path:
        """The folder of its teacher's files, under the folder of the run."""
        return (self.end_in(folder) if self.name else folder) / TEACHER

    def asked(self) -> Collection:
        """The teachers that it asks for, as the config names them."""
        return collection_of(self.config)

    def asked_in(self, folder: Path) -> Collection:
        """The same where they are in the folder of the run."""
        asked, kept = self.asked(), self.teacher_in(folder)
        return replace(
            asked,
            teacher=_place(folder, asked.teacher, kept),
            specialists={
                case: _place(folder, path, kept / case) for case, path in asked.specialists.items()
            },
        )


def plan_of(config: TrainConfig) -> tuple[Stage, ...]:
    """The stages of a run."""
    if not config.stages:
        _check_alone(config)
        return (Stage("", config),)
    plan, before = [], ""
    for name, stage in config.stages.items():
        source = "" if stage.warm_start else stage.carry.stage or before
        plan.append(Stage(name, stage.alone(config), source, stage.until, stage.carry))
        before = name
    return tuple(plan)


def end_of(folder: Path, name: str) -> Path:
    """What the stage of this name ended with, under the folder of the run."""
    return folder / ENDS / name


def place_in(plan: Sequence[Stage], meta: dict[str, Any], source: str) -> int:
    """Index of the stage in which a checkpoint was saved. Raises CheckpointError."""
    name = (meta.get("stage") or {}).get("name", "")
    names = [stage.name for stage in plan]
    if name not in names:
        got, allowed = (each or "a run without stages" for each in (name, ", ".join(names)))
        raise CheckpointError(f"{source}: stage: got {got}, allowed: {allowed}")
    return names.index(name)


def _check_alone(config: TrainConfig) -> None:
    asked = collection_of(config)
    for teacher in (asked.teacher, *asked.specialists.values()):
        if teacher.startswith(STAGE):
            got = f"{config.algorithm}: got the teacher {teacher} in a run without stages"
            raise ConfigError(f"{got}, allowed: a run, a checkpoint or a bundle")


def _place(folder: Path, teacher: str, kept: Path) -> str:
    if not teacher:
        return ""
    if teacher.startswith(STAGE):
        return str(end_of(folder, teacher.removeprefix(STAGE)))
    return str(kept)
