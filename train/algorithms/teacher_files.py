"""The files of teachers: read, checked, passed on, and opened.

A teacher is passed on as its files: into the folder of the run, so that a resumed run has the same
teacher whatever becomes of the original, and to workers on other machines.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ...config import to_dict
from ...contract.bundle import MANIFEST
from ...envs.config import EnvConfig
from ...envs.tasks.task import task_of
from ...errors import CheckpointError, ConfigError
from ...files import write_bytes
from ...shipped import shipped
from ..config import TrainConfig
from ..rollout.players import BundlePlayer
from ..runs import checkpoint_files
from ..runs.saved_run import load_run
from .algorithm import STAGE, Collection
from .teacher import GROUP, BundleTeacher, Files, RunTeacher, Specialists, Teacher, check_cases

FOLDER = "teacher"
"""Subfolder of a run that has a teacher; a specialist's files are in a subfolder of its case."""
RUN_FILES = ("checkpoint.json", "weights.safetensors")


def read_teachers(asked: Collection, config: TrainConfig) -> Files:
    """The files of the teacher that is asked for, and of the specialists, under their cases.

    A teacher that is a stage of the run has none yet. Raises the errors of `read_teacher` and
    `check_cases`.
    """
    check_cases(config, asked.specialists)
    files: Files = {}
    for case, path in (("", asked.teacher), *asked.specialists.items()):
        own = {} if path.startswith(STAGE) else read_teacher(Path(path), config)
        files |= {f"{case}/{name}" if case else name: content for name, content in own.items()}
    return files


def read_teacher(path: Path, config: TrainConfig) -> Files:
    """The files of a run's newest checkpoint, of a checkpoint, or of a bundle.

    A bundle with a checkpoint beside it is that checkpoint, which gives whole distributions. Raises
    the error of what `path` comes nearest to, and ConfigError when its actions are not those of
    the student.
    """
    path = shipped(path)
    if (path / MANIFEST).is_file() and not (path / "checkpoint" / "checkpoint.json").is_file():
        player = BundlePlayer(path)
        check_actions(player.env_config, config.env, str(path))
        manifest = player.bundle.manifest
        entries = manifest.graph, manifest.task.graph, manifest.pose
        return _read(path, (MANIFEST, *(entry.file for entry in entries if entry)))
    path = checkpoint_files.find(path)
    teacher, saved = load_run(path)
    if not any(name.startswith("actor.") for name in saved.weights):
        raise CheckpointError(f"{path}: actor: got nothing, allowed: the weights of a policy")
    check_actions(teacher.env, config.env, str(path))
    return _read(path, RUN_FILES)


def open_teacher(files: Files, asked: Collection) -> Teacher:
    """The teacher whose files `read_teachers` has read."""
    with TemporaryDirectory() as place:
        folder = Path(place)
        write_teacher(files, folder)
        general = _open(folder, asked.teacher, asked.teacher_std, GROUP)
        if not asked.specialists:
            return general
        return Specialists(
            general,
            {
                case: _open(folder / case, path, asked.teacher_std, f"{GROUP}_{case}")
                for case, path in asked.specialists.items()
            },
        )


def _open(folder: Path, name: str, std: float, group: str) -> Teacher:
    if (folder / MANIFEST).is_file():
        return BundleTeacher(BundlePlayer(folder), std)
    return RunTeacher(*load_run(folder), name, group)


def write_teacher(files: Files, folder: Path) -> None:
    """Write its files into a folder that `read_teacher` reads."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_bytes(folder / name, content)


def _read(path: Path, names: tuple[str, ...]) -> Files:
    return {name: (path / name).read_bytes() for name in names}


def check_actions(teacher: EnvConfig, student: EnvConfig, source: str) -> None:
    """Raise ConfigError unless the same action does the same in both."""
    allowed = _actions(teacher)
    for name, got in _actions(student).items():
        if got != allowed[name]:
            raise ConfigError(
                f"{name}: got {got}, allowed: {allowed[name]}, as {source} has: a student's"
                " actions are its teacher's"
            )


def _actions(config: EnvConfig) -> dict[str, Any]:
    """The fields that decide what an action does."""
    fields = {f"env.control.{name}": value for name, value in to_dict(config.control).items()}
    fields["env.model.timestep_s"] = config.model.timestep_s
    fields["env.model.hand"] = config.model.hand
    task = task_of(config)
    # Whether an observation has what a teacher of another object reads, the environment checks.
    return {"env.task": "an object" if task.has_object else config.task, **fields}
