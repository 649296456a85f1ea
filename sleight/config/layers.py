"""Loads a config from its layers (base file, file, flags) and saves it as plain data or YAML."""

import dataclasses
import difflib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast, get_args, get_origin

from ..errors import ConfigError, nearest
from ..files import write_text
from . import yamlfile
from .blocks import Extensible, blocks_in_use
from .convert import BLOCKS, arms, build, hints
from .renames import renamed_flag
from .values import Leaf, Place, Range, Tree, convert_scalar, fail, tree_of

T = TypeVar("T")


def load(cls: type[T], path: str | Path | None = None, overrides: Sequence[str] = ()) -> T:
    """`cls` from a YAML file (or the defaults), then from flags: `--a.b value` or `--a.b=value`.

    Raises ConfigError with one line: the file or flag, the field, got and allowed.
    """
    tree = _read(cls, Path(path), ()) if path is not None else {}
    for flag, text in _pairs(overrides):
        tree = cast(dict[str, Any], _merge(tree, _flag_tree(cls, flag, text)))
    return cast(T, build(cls, tree, Place("", str(path or "config")), None))


def from_dict(cls: type[T], data: Any, source: str) -> T:
    """`cls` from plain data, the inverse of `to_dict`; a ConfigError names `source`."""
    return cast(T, build(cls, tree_of(data, source), Place("", source), None))


def to_dict(config: Any) -> Any:
    """A config as plain data: mappings, lists, text, numbers."""
    if dataclasses.is_dataclass(config):
        names = [field.name for field in dataclasses.fields(config) if field.init]
        values = {name: getattr(config, name) for name in names}
        if isinstance(config, Extensible):
            del values[BLOCKS]
            values |= blocks_in_use(config)
        return {name: to_dict(value) for name, value in values.items()}
    if isinstance(config, Mapping):
        return {key: to_dict(value) for key, value in config.items()}
    if isinstance(config, (tuple, list)):
        return [to_dict(value) for value in config]
    return str(config) if isinstance(config, Path) else config


def save(config: Any, path: str | Path) -> None:
    """Write the resolved config as YAML, atomically; `load` returns an equal config."""
    write_text(path, yamlfile.dump(to_dict(config)))


def field_names(cls: type) -> list[str]:
    """The dotted name of every field, as a flag writes it, in the order of declaration."""
    return list(_field_names(cls))


def _read(cls: type, path: Path, heirs: tuple[Path, ...]) -> dict[str, Any]:
    """The tree of a file, merged over that of its `base`; `heirs` are the files that inherit it."""
    real = Path(os.path.realpath(path))  # as `resolve`, which refuses links that lead in a circle
    if real in heirs:
        raise ConfigError(f"{path}: base: inherits from itself")
    tree = tree_of(yamlfile.read(path), str(path))
    if isinstance(tree, Leaf):
        if tree.value not in (None, {}):
            raise fail(Place("", str(path)), tree, "a mapping of fields")
        tree = {}
    base = None if "base" in hints(cls) else tree.pop("base", None)
    lower: Tree = {}
    for name in () if base is None else _bases(base, path):
        lower = _merge(lower, _read(cls, path.parent / name, (*heirs, real)))
    return cast(dict[str, Any], _merge(lower, tree))


def _bases(base: Tree, path: Path) -> list[Path]:
    """The files in `base`, a path or a list of paths; later ones are laid over earlier ones."""
    place = Place("base", str(path))
    leaves: list[Tree] = [base]
    if isinstance(base, Leaf) and isinstance(base.value, list):
        leaves = [Leaf(name, base.source) for name in base.value]
    return [convert_scalar(leaf, Path, Range(), place) for leaf in leaves]


def _merge(lower: Tree, upper: Tree) -> Tree:
    """`upper` over `lower`: mappings are merged by key, anything else is replaced."""
    if isinstance(upper, Leaf) and upper.value == {}:
        return lower
    if not (isinstance(lower, dict) and isinstance(upper, dict)):
        return upper
    both = {key: _merge(lower[key], upper[key]) for key in lower.keys() & upper.keys()}
    return {**lower, **upper, **both}


def _pairs(overrides: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Split the words into pairs of flag and value: `--name value` or `--name=value`."""
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
    """One flag as a tree with one branch. Raises ConfigError if there is no such field."""
    words = flag.removeprefix("--").split(".")
    resolved = _resolve(cls, words)
    if resolved is None:
        if new := renamed_flag(cls, words):
            raise ConfigError(f"{flag}: renamed to {new}")
        name = flag.removeprefix("--").replace("-", "_")
        raise ConfigError(f"{flag}: unknown field, {_nearest_dotted(cls, name)}")
    keys, kind = resolved
    tree: Tree = Leaf(text, flag, flag=True)
    if text.startswith("{") and any(map(_is_mapping, arms(kind))):
        tree = tree_of(yamlfile.parse(text, flag), flag)
    for key in reversed(keys):
        tree = {key: tree}
    return tree


def _nearest_dotted(cls: type, name: str) -> str:
    names = field_names(cls)
    last = name.rpartition(".")[2]
    same = [full for full in names if full.rpartition(".")[2] == last]
    close = same or difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"did you mean '{close[0]}'? see --help" if close else nearest(name, hints(cls))


def _is_mapping(kind: Any) -> bool:
    return dataclasses.is_dataclass(kind) or get_origin(kind) is dict


def _resolve(kind: Any, words: Sequence[str]) -> tuple[list[str], Any] | None:
    """The keys on the path of a dotted flag, and the type at its end; None: no such field.

    The key of a dict may itself contain dots.
    """
    if not words:
        return [], kind
    for arm in arms(kind):
        if dataclasses.is_dataclass(arm):
            name = words[0].replace("-", "_")
            inner = hints(cast(Any, arm))
            rest = _resolve(inner[name], words[1:]) if name in inner else None
            if rest is not None:
                return [name, *rest[0]], rest[1]
        elif get_origin(arm) is dict:
            for count in range(1, len(words) + 1):
                rest = _resolve(get_args(arm)[1], words[count:])
                if rest is not None:
                    return [".".join(words[:count]), *rest[0]], rest[1]
    return None


def _field_names(kind: Any, prefix: str = "") -> Iterator[str]:
    for name, hint in hints(kind).items():
        nested = [arm for arm in arms(hint) if dataclasses.is_dataclass(arm)]
        for arm in nested:
            yield from _field_names(cast(Any, arm), f"{prefix}{name}.")
        if not nested:
            yield prefix + name
