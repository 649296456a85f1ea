"""Conversion of one value of a config, from YAML or a flag, into the type of its field.

In a tree, a mapping is a dict and anything else is a `Leaf`. A leaf knows the file or flag that it
came from, so that errors can name it.
"""

import json
import math
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from ..errors import ConfigError


@dataclass(frozen=True)
class Range:
    """Limits of a number: `Annotated[float, Range(0, 1)]`. The ends are included unless open."""

    low: float = -math.inf
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False
    finite: bool = True
    """Whether nan and inf are refused."""

    def __contains__(self, value: float) -> bool:
        if not math.isfinite(value) and (self.finite or math.isnan(value)):
            return not self.finite
        above = value > self.low if self.open_low else value >= self.low
        below = value < self.high if self.open_high else value <= self.high
        return above and below

    def __str__(self) -> str:
        if math.isinf(self.low) and math.isinf(self.high):
            return ""
        if math.isinf(self.high):
            return f" {'>' if self.open_low else '>='} {_short(self.low)}"
        if math.isinf(self.low):
            return f" {'<' if self.open_high else '<='} {_short(self.high)}"
        ends = "[("[self.open_low], "])"[self.open_high]
        return f" in {ends[0]}{_short(self.low)}, {_short(self.high)}{ends[1]}"


def _short(end: float) -> str:
    """A number in few digits if they represent it exactly, else in full."""
    text = f"{end:g}"
    return text if float(text) == end else str(end)


@dataclass(frozen=True)
class Leaf:
    """A value that is not a mapping, and the file or flag that it came from."""

    value: Any
    source: str
    flag: bool = False
    """From the command line: `value` is text that must be parsed as the field's type."""


Tree = Leaf | dict[str, Any]


@dataclass(frozen=True)
class Place:
    """Where a value belongs: the dotted field, and the source to name if the tree has none."""

    field: str
    source: str

    def child(self, name: str) -> "Place":
        return Place(f"{self.field}.{name}" if self.field else name, self.source)


def source_of(tree: Tree, default: str) -> str:
    """The file or flag that the first value of `tree` came from."""
    while isinstance(tree, dict):
        if not tree:
            return default
        tree = next(iter(tree.values()))
    return tree.source


def fail(place: Place, tree: Tree, allowed: str) -> ConfigError:
    """The error for an invalid value in one line: source, field, got, allowed."""
    source = source_of(tree, place.source)
    got = plain(tree)
    shown = got if isinstance(tree, Leaf) and tree.flag else json.dumps(got, default=str)
    shown = shown if len(shown) <= 80 else shown[:77] + "..."
    field = "" if not place.field or source == f"--{place.field}" else f"{place.field}: "
    return ConfigError(f"{source}: {field}got {shown}, allowed: {allowed}")


def tree_of(data: Any, source: str) -> Tree:
    if isinstance(data, Mapping) and data:
        return {str(key): tree_of(value, source) for key, value in data.items()}
    return Leaf(data, source)


def plain(tree: Tree) -> Any:
    """The data of a tree without its sources."""
    if isinstance(tree, dict):
        return {key: plain(value) for key, value in tree.items()}
    return tree.value


def convert_scalar(tree: Tree, kind: type, limits: Range, place: Place) -> Any:
    """A bool, int, float, str or Path, within `limits`. Raises ConfigError."""
    if not isinstance(tree, Leaf):
        raise fail(place, tree, describe(kind, limits))
    try:
        value = _READERS[kind](tree)
    except (ValueError, TypeError, OverflowError) as error:
        raise fail(place, tree, describe(kind, limits)) from error
    if kind in (int, float) and value not in limits:
        raise fail(place, tree, describe(kind, limits) + _other_unit(place.field, value, limits))
    return value


UNITS = {
    "_rad_s": ("degrees per second", "rad/s", math.pi / 180),
    "_rad": ("degrees", "rad", math.pi / 180),
    "_m": ("millimetres", "m", 1e-3),
    "_s": ("milliseconds", "s", 1e-3),
}
"""Suffix of a field name -> (the unit used by mistake, the field's unit, their ratio)."""


def _other_unit(field: str, value: float, limits: Range) -> str:
    """A hint if a number is out of range but would be valid in another common unit."""
    for ending, (other, own, ratio) in UNITS.items():
        if field.endswith(ending):
            within = value * ratio in limits
            return f"; {value:g} {other} are {value * ratio:.4g} {own}" if within else ""
    return ""


def _bool(leaf: Leaf) -> bool:
    value = {"true": True, "false": False}.get(leaf.value) if leaf.flag else leaf.value
    if not isinstance(value, bool):
        raise TypeError(value)
    return value


def _int(leaf: Leaf) -> int:
    """An integer; a whole float such as 1e6 is accepted for large counts."""
    value = float(leaf.value) if leaf.flag and "e" in leaf.value.lower() else leaf.value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if not leaf.flag:
        raise TypeError(value)
    return int(leaf.value)


def _float(leaf: Leaf) -> float:
    if isinstance(leaf.value, bool) or not isinstance(leaf.value, (int, float, str)):
        raise TypeError(leaf.value)
    return float(leaf.value)  # also text: YAML 1.1 reads 1e-3 as text


def _str(leaf: Leaf) -> str:
    if not isinstance(leaf.value, str):
        raise TypeError(leaf.value)
    return leaf.value


def _path(leaf: Leaf) -> Path:
    if not _str(leaf) or "\0" in leaf.value:
        raise TypeError(leaf.value)
    return Path(leaf.value)


_READERS: dict[type, Callable[[Leaf], Any]] = {
    bool: _bool,
    int: _int,
    float: _float,
    str: _str,
    Path: _path,
}
_NAMES = {bool: "true or false", int: "an integer", float: "a number", str: "text", Path: "a path"}


def is_union(kind: Any) -> bool:
    """Whether an annotation is a union: `A | B` or `Union[A, B]`."""
    return get_origin(kind) in (Union, types.UnionType)


def split_annotated(kind: Any) -> tuple[Any, Range]:
    """An annotation and its limits; without a `Range` any finite number is allowed."""
    if get_origin(kind) is not Annotated:
        return kind, Range()
    base, *extras = get_args(kind)
    return base, next((extra for extra in extras if isinstance(extra, Range)), Range())


def describe(kind: Any, limits: Range | None = None) -> str:
    """An annotation in words, for the `allowed` part of an error."""
    kind, own = split_annotated(kind)
    limits = own if limits in (None, Range()) else limits
    arguments = get_args(kind)
    if kind in (int, float):
        return f"{_NAMES[kind]}{limits}"
    if kind is type(None):
        return "null"
    if get_origin(kind) is Literal:
        return ", ".join(map(str, arguments))
    if is_union(kind):
        return " or ".join(describe(argument, limits) for argument in arguments)
    if get_origin(kind) is tuple:
        return _describe_tuple(arguments, limits)
    return _NAMES.get(kind, "a mapping")


def _describe_tuple(arguments: tuple[Any, ...], limits: Range) -> str:
    if arguments[-1:] == (Ellipsis,):
        return f"a list, each {describe(arguments[0], limits)}"
    each = [describe(argument, limits) for argument in arguments]
    if len(set(each)) == 1:
        return f"a list of {len(each)}, each {each[0]}"
    return f"a list of {len(each)}: {', '.join(each)}"
