"""Configs of several stages: each stage is a config of the same kind, laid over the whole.

    env: {num_worlds: 256}              # of every stage
    stages:
      near: {base: block_near.yaml}
      flips: {base: block_flips.yaml, steps: 2000000, env: {goals: {timeout_s: 24.0}}}

A stage has the fields of the whole, over them those of its `base`, then its own. Flags come last:
`--env.num_worlds 64` holds for every stage, `--stages.flips.steps 5000` for one,
`--stages.flips null` leaves one out.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, cast

from ..errors import ConfigError, nearest
from .values import Leaf, Place, Tree, fail, plain, source_of

STAGES = "stages"


class Staged:
    """A config with a field `stages`: name -> a config of a subclass, which adds to the fields."""

    stages: Mapping[str, Any]
    of_the_run: ClassVar[tuple[str, ...]] = ()
    """Fields that a stage may not have of its own; in its `base` they are left out."""
    of_the_first: ClassVar[tuple[str, ...]] = ()
    """Fields of the whole that only its first stage takes over."""
    summed: ClassVar[tuple[str, ...]] = ()
    """Fields that each stage has to have; the whole has the sum."""


def merge(lower: Tree, upper: Tree) -> Tree:
    """`upper` over `lower`: mappings are merged by key, anything else is replaced."""
    if isinstance(upper, Leaf) and upper.value == {}:
        return lower
    if not (isinstance(lower, dict) and isinstance(upper, dict)):
        return upper
    both = {key: merge(lower[key], upper[key]) for key in lower.keys() & upper.keys()}
    return {**lower, **upper, **both}


Layer = dict[str, Tree]
"""Of a file with its bases, or of one flag."""


def spread(cls: type, files: Layer, flags: Sequence[Layer]) -> Layer:
    """The tree of files and flags, in which every stage has all that holds for it.

    flags: in their order; a later one is laid over an earlier one. Raises ConfigError for a stage
    that is no mapping, and for a sum that is not that of the stages.
    """
    tree = functools.reduce(merge, flags, cast(Tree, files))
    assert isinstance(tree, dict)
    stages = tree.get(STAGES)
    if not issubclass(cls, Staged) or not isinstance(stages, dict):
        return tree
    _check(cls, files, flags)
    whole: Layer = {key: tree[key] for key in tree if key not in cls.summed}
    kept = [name for name, stage in stages.items() if not _left_out(stage)]
    whole[STAGES] = {name: _stage(cls, files, flags, name, name == kept[0]) for name in kept}
    return whole


def own_fields(cls: type[Staged], name: str, own: Tree, base: Layer) -> Tree:
    """A stage of a file: its `base` without what only a run has, and its own fields over it.

    Raises ConfigError where its own fields have what only a run has.
    """
    for field in cls.of_the_run:
        if isinstance(own, dict) and field in own:
            place = Place(f"{STAGES}.{name}.{field}", "")
            raise fail(place, own[field], "at the top of the config, for all stages")
    return merge({key: base[key] for key in base.keys() - {*cls.of_the_run}}, own)


def staged_data(config: Staged, values: dict[str, Any]) -> dict[str, Any]:
    """The plain data of a config, in which each stage says only what it does not share.

    values: plain data with stages in full, as they are when they stand alone.
    """
    own = {STAGES, *config.summed, *config.of_the_first}
    shared = {key: value for key, value in values.items() if key not in own}
    left_out = {STAGES, *config.of_the_run}
    stages = {}
    for name, stage in values[STAGES].items():
        said = differences(shared, stage)
        stages[name] = {key: value for key, value in said.items() if key not in left_out}
    return values | {STAGES: stages}


def differences(whole: dict[str, Any], stage: dict[str, Any]) -> dict[str, Any]:
    """What a stage has to say, as plain data, to be itself when it is laid over `whole`."""
    said: dict[str, Any] = {}
    for key, value in stage.items():
        before = whole.get(key)
        if isinstance(value, dict) and isinstance(before, dict):
            if inner := differences(before, value):
                said[key] = inner
        elif key not in whole or before != value:
            said[key] = value
    return said | {key: None for key in whole if key not in stage}


def _stage(cls: type[Staged], files: Layer, flags: Sequence[Layer], name: str, first: bool) -> Tree:
    """All that holds for one stage."""
    own = {STAGES, *cls.summed, *(() if first else cls.of_the_first)}
    layers: list[Tree] = []
    for trees in ([files], flags):
        layers += [{key: tree[key] for key in tree if key not in own} for tree in trees]
        layers += [_entry(tree, name) for tree in trees]
    stage = functools.reduce(merge, layers)
    for field in cls.summed:
        if not isinstance(stage, dict) or field not in stage:
            source = source_of(files.get(STAGES, {}), STAGES)
            raise ConfigError(f"{source}: {STAGES}.{name}.{field}: missing, allowed: a number")
    return stage


def _entry(tree: Layer, name: str) -> Tree:
    """What a layer says of a stage; {} where it says nothing."""
    stages = tree.get(STAGES)
    stage = stages.get(name, {}) if isinstance(stages, dict) else {}
    if isinstance(stage, Leaf):
        if stage.value not in (None, {}):
            raise fail(Place(f"{STAGES}.{name}", ""), stage, "the fields of a stage")
        return {}
    return stage


def _left_out(stage: Tree) -> bool:
    return isinstance(stage, Leaf) and stage.flag and stage.value == "null"


def _check(cls: type[Staged], files: Layer, flags: Sequence[Layer]) -> None:
    """Raise ConfigError for a stage that only a flag knows, or for a sum that is another."""
    stages = files.get(STAGES)
    names = list(stages) if isinstance(stages, dict) else []
    for flag in flags:
        flagged = flag.get(STAGES)
        for name in flagged if isinstance(flagged, dict) else ():
            if name not in names:
                raise ConfigError(f"--{STAGES}.{name}: unknown stage, {nearest(name, names)}")
        for field in flag.keys() & {*cls.summed}:
            allowed = f"--{STAGES}.NAME.{field}, for each stage"
            raise ConfigError(f"--{field}: got it with stages, allowed: {allowed}")
    for field in cls.summed:
        parts = [plain(_entry(files, name)).get(field) for name in names]
        numbers = [part for part in parts if isinstance(part, int | float)]
        wrong = field in files and plain(files[field]) != sum(numbers)
        if wrong and len(numbers) == len(parts):
            allowed = f"nothing, or {sum(numbers)}, the sum of the stages"
            raise fail(Place(field, ""), files[field], allowed)
