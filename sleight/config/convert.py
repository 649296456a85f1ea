"""Conversion of data trees into the compound types: dataclasses, unions, tuples, dicts."""

import dataclasses
import functools
from typing import Any, Literal, get_args, get_origin, get_type_hints

from ..errors import ConfigError, nearest
from . import yamlfile
from .blocks import Extensible
from .values import (
    Leaf,
    Place,
    Range,
    Tree,
    convert_scalar,
    describe,
    fail,
    is_union,
    source_of,
    split_annotated,
    tree_of,
)

MISSING: Any = dataclasses.MISSING


def hints(cls: Any) -> dict[str, Any]:
    """Field -> annotation with its limits, registered blocks included."""
    if issubclass(cls, Extensible):
        return {**_declared(cls), **cls.known_blocks()}
    return _declared(cls)


@functools.cache
def _declared(cls: Any) -> dict[str, Any]:
    found = get_type_hints(cls, include_extras=True)
    names = [field.name for field in dataclasses.fields(cls) if field.init]
    return {
        name: found[name] for name in names if not (name == BLOCKS and issubclass(cls, Extensible))
    }


BLOCKS = "blocks"
"""The attribute of an `Extensible` that holds its blocks."""


def defaults(cls: Any, default: Any = None) -> dict[str, Any]:
    """Field -> its value in `default`, else the class's own default, MISSING where it has none."""
    own = isinstance(default, cls)
    values = {
        field.name: getattr(default, field.name) if own else default_of(field)
        for field in dataclasses.fields(cls)
        if field.name in _declared(cls)
    }
    blocks = getattr(default, BLOCKS) if own and issubclass(cls, Extensible) else {}
    registered = hints(cls).keys() - values.keys()
    return values | {n: blocks.get(n) or k() for n, k in hints(cls).items() if n in registered}


def arms(kind: Any) -> tuple[Any, ...]:
    """The types that a field allows: one, or the members of a union."""
    kind = split_annotated(kind)[0]
    return tuple(split_annotated(arm)[0] for arm in get_args(kind)) if is_union(kind) else (kind,)


def convert(tree: Tree, kind: Any, place: Place, default: Any, limits: Range | None) -> Any:
    """`tree` as the annotation `kind`, within `limits`; mappings are merged over `default`."""
    kind, own = split_annotated(kind)
    limits = limits if limits is not None and own == Range() else own
    if dataclasses.is_dataclass(kind):
        return build(kind, tree, place, default)
    if is_union(kind):
        return _convert_union(tree, kind, place, default, limits)
    if get_origin(kind) is Literal:
        return _convert_literal(tree, kind, place)
    if get_origin(kind) is tuple:
        return _convert_tuple(tree, kind, place, limits)
    if get_origin(kind) is dict:
        return _convert_dict(tree, get_args(kind)[1], place, default, limits)
    return convert_scalar(tree, kind, limits, place)


def _convert_literal(tree: Tree, kind: Any, place: Place) -> Any:
    for choice in get_args(kind):
        if isinstance(tree, Leaf):
            same = str(choice) == tree.value if tree.flag else choice == tree.value
            if same and (tree.flag or type(choice) is type(tree.value)):
                return choice
    raise fail(place, tree, describe(kind))


def _convert_union(tree: Tree, kind: Any, place: Place, default: Any, limits: Range) -> Any:
    nothing = ("none", "null") if isinstance(tree, Leaf) and tree.flag else (None,)
    if type(None) in arms(kind) and isinstance(tree, Leaf) and tree.value in nothing:
        return None
    some = [arm for arm in get_args(kind) if arm is not type(None)]
    for arm in some:
        try:
            return convert(tree, arm, place, default, limits)
        except ConfigError:
            if len(some) == 1 and isinstance(tree, dict):
                raise  # the error of the inner field is more specific
    raise fail(place, tree, describe(kind, limits))


def _convert_tuple(tree: Tree, kind: Any, place: Place, limits: Range) -> tuple[Any, ...]:
    items = _items(tree)
    kinds = get_args(kind)
    if items is not None and kinds[-1:] == (Ellipsis,):
        kinds = kinds[:1] * len(items)
    if items is None or len(items) != len(kinds):
        raise fail(place, tree, describe(kind, limits))
    places = (place.child(str(index)) for index in range(len(items)))
    return tuple(
        convert(item, each, where, None, limits)
        for item, each, where in zip(items, kinds, places, strict=True)
    )


def _items(tree: Tree) -> list[Tree] | None:
    """The elements of a list; on a flag `1,2` means `[1, 2]`."""
    if isinstance(tree, dict):
        return None
    data = tree.value
    if tree.flag:
        data = yamlfile.parse(data if data.startswith("[") else f"[{data}]", tree.source)
    return [tree_of(item, tree.source) for item in data] if isinstance(data, list | tuple) else None


def _convert_dict(
    tree: Tree, kind: Any, place: Place, default: Any, limits: Range
) -> dict[str, Any]:
    if isinstance(tree, Leaf) and tree.value != {}:
        raise fail(place, tree, "a mapping")
    result = dict(default or {}) if _only_flags(tree) else {}
    for key, value in tree.items() if isinstance(tree, dict) else ():
        removed = isinstance(value, Leaf) and value.value == ("null" if value.flag else None)
        if removed and type(None) not in arms(kind):
            result.pop(key, None)
        else:
            old = result.get(key)
            result[key] = convert(value, kind, place.child(key), old, limits)
    return result


def _only_flags(tree: Tree) -> bool:
    if isinstance(tree, Leaf):
        return tree.flag
    return all(_only_flags(value) for value in tree.values())


def build(cls: Any, tree: Tree, place: Place, default: Any) -> Any:
    """A dataclass; fields that are not in `tree` come from `default`, else from the class."""
    if isinstance(tree, Leaf) and (tree.value not in (None, {}) or tree.flag):
        raise fail(place, tree, f"fields ({', '.join(hints(cls))})")
    given: dict[str, Any] = tree if isinstance(tree, dict) else {}
    _check_selected(cls, given)
    for key in [key for key in given if key not in hints(cls)]:
        source = source_of(given[key], place.source)
        name = place.child(key).field
        if new := new_name(cls, key, name.removesuffix(key)):
            raise ConfigError(f"{source}: {name}: renamed to {new}")
        raise ConfigError(f"{source}: {name}: unknown field, {nearest(key, hints(cls))}")
    values = {
        name: _value(cls, name, given, place, value)
        for name, value in defaults(cls, default).items()
    }
    if issubclass(cls, Extensible):
        before = getattr(default, BLOCKS) if isinstance(default, cls) else {}
        registered = [name for name in cls.known_blocks() if name in values]
        kept = {name: values.pop(name) for name in registered}
        values[BLOCKS] = {n: block for n, block in kept.items() if n in given or n in before}
    return _construct(
        cls, values, Place(place.field, _blamed(tree) or source_of(tree, place.source))
    )


def _check_selected(cls: type, given: dict[str, Any]) -> None:
    selected = given.get(cls.selector) if issubclass(cls, Extensible) else None
    if isinstance(selected, Leaf) and issubclass(cls, Extensible):
        try:
            cls.check_selected(str(selected.value))
        except ConfigError as error:
            raise ConfigError(f"{selected.source}: {error}") from error


def new_name(cls: Any, name: str, prefix: str) -> str | None:
    """The dotted name of a field that was called `prefix` + `name`; see `renames`."""
    renamed: dict[str, str] = getattr(cls, "renamed", {})
    new = renamed.get(name)
    return new if new is None or "." in new else prefix + new


def _value(cls: type, name: str, given: dict[str, Any], place: Place, default: Any) -> Any:
    kind, where = hints(cls)[name], place.child(name)
    if name in given:
        known = None if default is MISSING else default
        return convert(given[name], kind, where, known, None)
    if default is MISSING:
        raise ConfigError(f"{place.source}: {where.field}: missing, allowed: {describe(kind)}")
    return default


def default_of(field: Any) -> Any:
    """The default of a dataclass field; MISSING if it has none."""
    made = field.default_factory is not MISSING
    return field.default_factory() if made else field.default


def _blamed(tree: Tree) -> str:
    """The first flag in a tree; an error about inconsistent fields names it. Empty if none."""
    if isinstance(tree, Leaf):
        return tree.source if tree.flag else ""
    return next(filter(None, map(_blamed, tree.values())), "")


def _construct(cls: type, values: dict[str, Any], place: Place) -> Any:
    """Make the dataclass; a ValueError of `__post_init__` means that fields are inconsistent."""
    try:
        return cls(**values)
    except (ConfigError, ValueError) as error:
        field = f"{place.field}: " if place.field else ""
        raise ConfigError(f"{place.source}: {field}{error}") from error
