"""A dry run of all stages, before the work: each begins in one world, after the one before.

What a later stage would refuse after hours (networks that do not fit, a teacher with other actions,
a range without its nominal value, a task that is missing) it refuses now, by the same code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from ....errors import ConfigError, SleightError
from ...algorithms.teacher import Files
from ...algorithms.teacher_files import write_teacher
from ...config import ActorsConfig, RayConfig, TrainConfig
from .begin import begun
from .ends import keep_end, snapshot
from .plan import ENDS, Stage


def dry_run(plan: Sequence[Stage], teachers: Mapping[str, Files]) -> None:
    """Begin every stage in one world. Raises ConfigError that names the stage.

    teachers: stage -> the files of its teachers that are no stages.
    """
    with TemporaryDirectory() as place:
        for stage in plan:
            small = replace(stage, config=_small(stage.config))
            try:
                _begin(small, Path(place), teachers.get(stage.name, {}))
            except SleightError as error:
                end = rf"{re.escape(place)}/{ENDS}/([\w-]+)(/checkpoints/\d+)?"
                line = re.sub(end, r"stage \1", str(error))
                raise ConfigError(f"stages.{stage.name}: {line}") from error


def _begin(stage: Stage, folder: Path, teacher: Files) -> None:
    write_teacher(teacher, stage.teacher_in(folder))
    with begun(stage, folder, say=lambda line: None) as training:
        training.sampler.next()
        keep_end(stage, folder, snapshot(training))


def _small(config: TrainConfig) -> TrainConfig:
    env = config.env
    env = replace(env, num_worlds=1, threads=1, resets=replace(env.resets, cache=2))
    actors = ActorsConfig(device=config.train.device)
    return replace(config, env=env, train=actors, ray=RayConfig())
