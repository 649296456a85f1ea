"""The folder of a sweep: it stores the configs, so that --resume continues the same sweep."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ...config import load, save, to_dict
from ...errors import ConfigError, DataError
from ...files import write_text
from ..config import TrainConfig
from ..reports.run_data import flat
from .config import SweepConfig
from .journal import JOURNAL, Journal
from .space import Space, open_space
from .sweep_state import State

SWEEP, BASE = "sweep.yaml", "base.yaml"
_MAY_CHANGE = {"concurrent", "train"}
"""Fields that may differ at --resume. `train` is only a path; its content is compared."""


def place(source: Path) -> tuple[SweepConfig, Path]:
    """The sweep that a file declares, and its folder."""
    config = load(SweepConfig, source)
    config = replace(config, name=config.name or source.stem)
    return config, Path(config.runs) / config.name


def create(config: SweepConfig, folder: Path, source: Path) -> tuple[Space, Journal]:
    """Create a sweep. Raises ConfigError when it exists or a field is invalid."""
    if (folder / SWEEP).exists() or (folder / JOURNAL).exists():
        raise ConfigError(f"{source}: name: got {config.name}, which exists; allowed: --resume")
    space = open_space(config, source)
    save(space.base, folder / BASE)
    save(config, folder / SWEEP)
    write_text(folder / JOURNAL, "")
    return space, Journal(folder)


def reopen(config: SweepConfig, folder: Path, source: Path) -> tuple[Space, Journal]:
    """Open an existing sweep. Raises DataError when its folder is damaged, ConfigError when the
    file has changed."""
    for name in (SWEEP, BASE, JOURNAL):
        if not (folder / name).is_file():
            raise DataError(f"{folder}: got no {name}, allowed: the folder of a sweep")
    space = open_space(config, source)
    stored, current = load(SweepConfig, folder / SWEEP), config
    pairs = [(to_dict(stored), to_dict(current), "")]
    pairs.append((to_dict(load(TrainConfig, folder / BASE)), to_dict(space.base), "train: "))
    for old, new, part in pairs:
        before, after = dict(flat(old)), dict(flat(new))
        for name in dict.fromkeys([*before, *after]):
            if name not in _MAY_CHANGE and before.get(name) != after.get(name):
                got, was = after.get(name, "nothing"), before.get(name, "nothing")
                raise ConfigError(
                    f"{source}: {part}{name}: got {got}, allowed with --resume: {was}, as before"
                )
    return space, Journal(folder)


def read(folder: Path) -> State:
    """Read a sweep for a report. Raises DataError or ConfigError when the folder is damaged."""
    for name in (SWEEP, BASE, JOURNAL):
        if not (folder / name).is_file():
            raise DataError(f"{folder}: got no {name}, allowed: the folder of a sweep")
    config = load(SweepConfig, folder / SWEEP)
    space = open_space(replace(config, train=BASE, set={}, steps=0), folder / SWEEP)
    return restore(config, space, Journal(folder))


def restore(config: SweepConfig, space: Space, journal: Journal) -> State:
    """The state after all events of a journal."""
    state = State(config, space, str(journal.path))
    for event in journal.events:
        state.apply(event)
    return state
