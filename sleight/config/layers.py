"""Loads a config from its layers (base file, file, flags) and saves it as plain data or YAML."""

import dataclasses
import difflib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast, get_args, get_origin

from ..errors import ConfigError, nearest
from ..files import write_text
from ..shipped import shipped
from . import yamlfile
from .blocks import Extensible, blocks_in_use
from .convert import BLOCKS, arms, build, hints
from .renames import renamed_flag
from .stages import STAGES, Staged, merge, own_fields, spread, staged_data
from .values import Leaf, Place, Range, Tree, convert_scalar, fail, tree_of

T = TypeVar("T")


def load(cls: type[T], path: str | Path | None = None, overrides: Sequence[str] = ()) -> T:
    """`cls` from a YAML file (or the defaults), then from flags: `--a.b value` or `--a.b=value`.

    Raises ConfigError with one line: the file or flag, the field, got and allowed.
    """
    files = _read(cls, shipped(path), ()) if path is not None else {}
    flags = [_flag_tree(cls, flag, text) for flag, text in _pairs(overrides)]
    tree = spread(cls, files, flags)
    return cast(T, build(cls, tree, Place("", str(path or "config")), None))


def from_dict(cls: type[T], data: Any, source: str) -> T:
    """`cls` from plain data, the inverse of `to_dict`; a ConfigError names `source`."""
    tree = tree_of(data, source)
    tree = spread(cls, tree, ()) if isinstance(tree, dict) else tree
    return cast(T, build(cls, tree, Place("", source), None))


def to_dict(config: Any) -> Any:
    """A config as plain data: mappings, lists, text, numbers."""
    if dataclasses.is_dataclass(config):
        names = [field.name for field in dataclasses.fields(config) if field.init]
        values = {name: getattr(config, name) for name in names}
        if isinstance(config, Extensible):
            del values[BLOCKS]
            values |= blocks_in_use(config)
        data = {name: to_dict(value) for name, value in values.items()}
        return staged_data(config, data) if isinstance(config, Staged) else data
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
    lower = _based(cls, tree, path, (*heirs, real))
    if issubclass(cls, Staged):
        tree = _with_bases_of_stages(cls, tree, path, (*heirs, real))
    return cast(dict[str, Any], merge(lower, tree))


def _based(
    cls: type, tree: dict[str, Any], path: Path, heirs: tuple[Path, ...], place: str = "base"
) -> dict[str, Any]:
    """The tree of the files in `base`, which is taken out of `tree`."""
    base = None if "base" in hints(cls) else tree.pop("base", None)
    lower: Tree = {}
    for name in () if base is None else _bases(base, Place(place, str(path))):
        lower = merge(lower, _read(cls, path.parent / name, heirs))
    return cast(dict[str, Any], lower)


def _with_bases_of_stages(
    cls: type[Staged], tree: dict[str, Any], path: Path, heirs: tuple[Path, ...]
) -> dict[str, Any]:
    """The tree of a file, in which the stages have what their bases have."""
    stages = tree.get(STAGES)
    if not isinstance(stages, dict):
        return tree
    whole = {}
    for name, stage in stages.items():
        own = dict(stage) if isinstance(stage, dict) else stage
        place = f"{STAGES}.{name}.base"
        base = _based(cls, own, path, heirs, place) if isinstance(own, dict) else {}
        whole[name] = own_fields(cls, name, own, base)
    return {**tree, STAGES: whole}


def _bases(base: Tree, place: Place) -> list[Path]:
    """The files in `base`, a path or a list of paths; later ones are laid over earlier ones."""
    leaves: list[Tree] = [base]
    if isinstance(base, Leaf) and isinstance(base.value, list):
        leaves = [Leaf(name, base.source) for name in base.value]
    return [convert_scalar(leaf, Path, Range(), place) for leaf in leaves]


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


def _flag_tree(cls: type, flag: str, text: str) -> dict[str, Tree]:
    """One flag as a tree with one branch. Raises ConfigError if there is no such field."""
    words = flag.removeprefix("--").split(".")
    resolved = _resolve(cls, words)
    if resolved is None:
        if new := renamed_flag(cls, words):
            raise ConfigError(f"{flag}: renamed to {new}")
        name = flag.removeprefix("--").replace("-", "_")
        raise ConfigError(f"{flag}: unknown field, {_nearest_dotted(cls, name)}")
    keys, kind = resolved
    if issubclass(cls, Staged) and keys[0] == STAGES and "." in "".join(keys[1:2]):
        # A dict takes any key; a stage has no dot in its name, so that this is a field of one.
        stage, name = get_args(hints(cls)[STAGES])[1], keys[1].partition(".")[2]
        raise ConfigError(f"{flag}: unknown field, {_nearest_dotted(stage, name)}")
    tree: Tree = Leaf(text, flag, flag=True)
    if text.startswith("{") and any(map(_is_mapping, arms(kind))):
        tree = tree_of(yamlfile.parse(text, flag), flag)
    for key in reversed(keys):
        tree = {key: tree}
    return cast(dict[str, Tree], tree)


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
