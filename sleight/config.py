"""Typed configs: frozen dataclasses, filled from YAML and from flags, and strict about both.

A field is declared once, with its limits in the annotation and its help as the text under it:

    @dataclass(frozen=True)
    class Train:
        rate: Annotated[float, Range(0, 1)] = 3e-4
        \"\"\"Learning rate of the actor.\"\"\"

Fields may be bool, int, float, str, Path, Literal, tuple[T, ...], fixed tuples, dict[str, T], other
dataclasses, and unions of these with None or with each other. A float takes an int; nan and inf
are refused unless `Range(finite=False)`. `base: other.yaml` at the top of a file inherits from its
neighbour. Layers (base, file, flags) are laid over each other field by field and entry by entry; a
dict that a file gives replaces the default dict, a flag changes one entry of it, and null takes an
entry out.
"""

import contextlib
import dataclasses
import difflib
import functools
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar, cast, get_args, get_origin, get_type_hints

from . import yamlfile
from .errors import ConfigError
from .files import write_text
from .values import (
    Leaf,
    Place,
    Range,
    Tree,
    convert_scalar,
    describe,
    fail,
    is_union,
    nearest,
    source_of,
    split_annotated,
)

__all__ = ["Range", "field_names", "from_dict", "help_text", "load", "save", "to_dict"]

T = TypeVar("T")
_MISSING: Any = dataclasses.MISSING


def load(cls: type[T], path: str | Path | None = None, overrides: Sequence[str] = ()) -> T:
    """`cls` from a YAML file (or the defaults), then from flags: `--a.b value` or `--a.b=value`.

    Raises ConfigError with one line that names the file or flag, the field, got and allowed.
    """
    tree = _read(cls, Path(path), ()) if path is not None else {}
    for flag, text in _pairs(overrides):
        tree = cast(dict[str, Any], _merge(tree, _flag_tree(cls, flag, text)))
    return cast(T, _build(cls, tree, Place("", str(path or "config")), None))


def from_dict(cls: type[T], data: Any, source: str) -> T:
    """`cls` from plain data, as `to_dict` gives it; `source` is named in a ConfigError."""
    return cast(T, _build(cls, _tree(data, source), Place("", source), None))


def to_dict(config: Any) -> Any:
    """A config as plain data: mappings, lists, text, numbers."""
    if dataclasses.is_dataclass(config):
        return {f.name: to_dict(getattr(config, f.name)) for f in dataclasses.fields(config)}
    if isinstance(config, Mapping):
        return {key: to_dict(value) for key, value in config.items()}
    if isinstance(config, (tuple, list)):
        return [to_dict(value) for value in config]
    return str(config) if isinstance(config, Path) else config


def save(config: Any, path: str | Path) -> None:
    """Write the resolved config as YAML, atomically; `load` gives an equal config back."""
    write_text(path, yamlfile.dump(to_dict(config)))


def field_names(cls: type) -> list[str]:
    """Every field as it is written in a flag, dotted, in the order of declaration."""
    return list(_field_names(cls))


def help_text(cls: type[T], prog: str, description: str = "", default: T | None = None) -> str:
    """The help page: every field, its type, its default (of `default`, else of `cls`), its text."""
    import tyro  # only here: values go through `load`, so that files and flags fail alike

    given: dict[str, Any] = {} if default is None else {"default": default}
    style = (tyro.conf.FlagConversionOff, tyro.conf.AvoidSubcommands)
    page = io.StringIO()
    with contextlib.redirect_stdout(page), contextlib.suppress(SystemExit):
        tyro.cli(
            cls,
            prog=prog,
            description=description,
            args=["--help"],
            use_underscores=True,
            config=style,
            **given,
        )
    return page.getvalue()


def _read(cls: type, path: Path, seen: tuple[Path, ...]) -> dict[str, Any]:
    """The tree of a file laid over that of its `base`."""
    if path.resolve() in seen:
        raise ConfigError(f"{path}: base: inherits from itself")
    tree = _tree(yamlfile.read(path) or {}, str(path))
    if not isinstance(tree, dict):
        raise fail(Place("", str(path)), tree, "a mapping of fields")
    base = None if "base" in _hints(cls) else tree.pop("base", None)
    if base is None:
        return tree
    name = convert_scalar(base, Path, Range(), Place("base", str(path)))
    lower = _read(cls, path.parent / name, (*seen, path.resolve()))
    return cast(dict[str, Any], _merge(lower, tree))


def _tree(data: Any, source: str) -> Tree:
    if isinstance(data, Mapping) and data:
        return {str(key): _tree(value, source) for key, value in data.items()}
    return Leaf(data, source)


def _merge(lower: Tree, upper: Tree) -> Tree:
    """`upper` over `lower`: mappings key by key, anything else replaced."""
    if isinstance(upper, Leaf) and upper.value == {}:
        return lower
    if not (isinstance(lower, dict) and isinstance(upper, dict)):
        return upper
    both = {key: _merge(lower[key], upper[key]) for key in lower.keys() & upper.keys()}
    return {**lower, **upper, **both}


def _pairs(overrides: Sequence[str]) -> Iterator[tuple[str, str]]:
    """`--name value` and `--name=value`, one after the other."""
    words = iter(overrides)
    for word in words:
        flag, equals, text = word.partition("=")
        if not flag.startswith("--") or flag == "--":
            raise ConfigError(f"{word}: got a bare word, allowed: --field value")
        if not equals:
            text = next(words, "--")
        if not equals and text.startswith("--"):
            raise ConfigError(
                f"{flag}: got no value, allowed: {flag} value (a switch: true, false)"
            )
        yield flag, text


def _flag_tree(cls: type, flag: str, text: str) -> Tree:
    """One flag as a tree with one branch. Raises ConfigError when there is no such field."""
    keys = _resolve(cls, flag.removeprefix("--").split("."))
    if keys is None:
        name = flag.removeprefix("--").replace("-", "_")
        raise ConfigError(f"{flag}: unknown field, {_nearest_dotted(cls, name)}")
    tree: Tree = Leaf(text, flag, flag=True)
    if text.startswith("{"):
        tree = _tree(yamlfile.parse(text, flag), flag)
    for key in reversed(keys):
        tree = {key: tree}
    return tree


def _nearest_dotted(cls: type, name: str) -> str:
    names = field_names(cls)
    last = name.rpartition(".")[2]
    same = [full for full in names if full.rpartition(".")[2] == last]
    close = same or difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"did you mean '{close[0]}'? see --help" if close else nearest(name, _hints(cls))


def _resolve(kind: Any, words: Sequence[str]) -> list[str] | None:
    """The keys that a dotted flag walks through; the key of a dict may have dots itself."""
    if not words:
        return []
    for arm in _arms(kind):
        if dataclasses.is_dataclass(arm):
            name = words[0].replace("-", "_")
            rest = _resolve(_hints(arm)[name], words[1:]) if name in _hints(arm) else None
            if rest is not None:
                return [name, *rest]
        elif get_origin(arm) is dict:
            for count in range(1, len(words) + 1):
                rest = _resolve(get_args(arm)[1], words[count:])
                if rest is not None:
                    return [".".join(words[:count]), *rest]
    return None


def _field_names(kind: Any, prefix: str = "") -> Iterator[str]:
    for name, hint in _hints(kind).items():
        nested = [arm for arm in _arms(hint) if dataclasses.is_dataclass(arm)]
        for arm in nested:
            yield from _field_names(arm, f"{prefix}{name}.")
        if not nested:
            yield prefix + name


@functools.cache
def _hints(cls: Any) -> dict[str, Any]:
    hints = get_type_hints(cls, include_extras=True)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls) if field.init}


def _arms(kind: Any) -> tuple[Any, ...]:
    """The types that a field may have: one, or the members of a union."""
    kind = split_annotated(kind)[0]
    return tuple(split_annotated(arm)[0] for arm in get_args(kind)) if is_union(kind) else (kind,)


def _convert(tree: Tree, kind: Any, place: Place, default: Any, limits: Range | None) -> Any:
    """`tree` as the annotation `kind`, within `limits`; mappings are laid over `default`."""
    kind, own = split_annotated(kind)
    limits = limits if limits is not None and own == Range() else own
    if dataclasses.is_dataclass(kind):
        return _build(cast(type, kind), tree, place, default)
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
    if type(None) in _arms(kind) and isinstance(tree, Leaf) and tree.value in nothing:
        return None
    arms = [arm for arm in get_args(kind) if arm is not type(None)]
    for arm in arms:
        try:
            return _convert(tree, arm, place, default, limits)
        except ConfigError:
            if len(arms) == 1 and isinstance(tree, dict):
                raise  # the error of the field inside says more than that of the whole
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
        _convert(item, each, where, None, limits)
        for item, each, where in zip(items, kinds, places, strict=True)
    )


def _items(tree: Tree) -> list[Tree] | None:
    """The elements of a list; a flag may write `1,2` for `[1, 2]`."""
    if isinstance(tree, dict):
        return None
    data = tree.value
    if tree.flag:
        data = yamlfile.parse(data if data.startswith("[") else f"[{data}]", tree.source)
    return [_tree(item, tree.source) for item in data] if isinstance(data, list | tuple) else None


def _convert_dict(
    tree: Tree, kind: Any, place: Place, default: Any, limits: Range
) -> dict[str, Any]:
    if isinstance(tree, Leaf) and tree.value != {}:
        raise fail(place, tree, "a mapping")
    result = dict(default or {}) if _only_flags(tree) else {}
    for key, value in tree.items() if isinstance(tree, dict) else ():
        removed = isinstance(value, Leaf) and value.value in (None, "null")
        if removed and type(None) not in _arms(kind):
            result.pop(key, None)
        else:
            old = result.get(key)
            result[key] = _convert(value, kind, place.child(key), old, limits)
    return result


def _only_flags(tree: Tree) -> bool:
    if isinstance(tree, Leaf):
        return tree.flag
    return all(_only_flags(value) for value in tree.values())


def _build(cls: type, tree: Tree, place: Place, default: Any) -> Any:
    """A dataclass; fields that `tree` does not give come from `default`, else from the class."""
    if isinstance(tree, Leaf) and (tree.value not in (None, {}) or tree.flag):
        raise fail(place, tree, f"fields ({', '.join(_hints(cls))})")
    given: dict[str, Any] = tree if isinstance(tree, dict) else {}
    for key in [name for name in given if name not in _hints(cls)]:
        source = source_of(given[key], place.source)
        field = place.child(key).field
        raise ConfigError(f"{source}: {field}: unknown field, {nearest(key, _hints(cls))}")
    values = {}
    for field in dataclasses.fields(cls):
        if field.init:
            old = getattr(default, field.name) if isinstance(default, cls) else _default(field)
            values[field.name] = _value(cls, field.name, given, place, old)
    return _construct(cls, values, Place(place.field, source_of(tree, place.source)))


def _value(cls: type, name: str, given: dict[str, Any], place: Place, default: Any) -> Any:
    kind, where = _hints(cls)[name], place.child(name)
    if name in given:
        known = None if default is _MISSING else default
        return _convert(given[name], kind, where, known, None)
    if default is _MISSING:
        raise ConfigError(f"{place.source}: {where.field}: missing, allowed: {describe(kind)}")
    return default


def _default(field: Any) -> Any:
    made = field.default_factory is not _MISSING
    return field.default_factory() if made else field.default


def _construct(cls: type, values: dict[str, Any], place: Place) -> Any:
    """Make the dataclass; a ValueError of its `__post_init__` is about fields that disagree."""
    try:
        return cls(**values)
    except (ConfigError, ValueError) as error:
        field = f"{place.field}: " if place.field else ""
        raise ConfigError(f"{place.source}: {field}{error}") from error
