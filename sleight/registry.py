"""Things by name: those of this package, and those of installed packages, by entry points.

A package outside this repository adds one with no change inside:

    [project.entry-points."sleight.tasks"]
    dial = "my_package:DIAL"
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, TypeVar, cast

from .errors import ConfigError, nearest
from .missing_packages import foreign, missing_package

T = TypeVar("T")

_BROKEN = (
    ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, NameError, OSError,
    RuntimeError, SyntaxError, TypeError, ValueError,
)  # fmt: skip
"""What the import of a package that is not this one may raise."""


class Registry(Generic[T]):
    """Name -> what an entry point of `group` gives; loaded at first use and then kept."""

    def __init__(
        self,
        group: str,
        built_in: Mapping[str, str],
        check: Callable[[str, object], None] | None = None,
    ) -> None:
        """built_in: name -> "module:attribute", the module relative to `sleight`.

        check: raises TypeError for a thing that cannot be what the group holds.
        """
        self.group, self._check = group, check
        self._built_in = dict(built_in)
        self._loaded: dict[str, T] = {}
        self._found: dict[str, EntryPoint] = {}
        self._path: tuple[str, ...] = ()

    def names(self) -> tuple[str, ...]:
        """Every name, this package's first. Nobody else can take one of those."""
        if self._path != tuple(sys.path):  # what is installed depends on it
            self._path = tuple(sys.path)
            for name in self._found:
                self._loaded.pop(name, None)
            self._found = {
                entry.name: entry
                for entry in entry_points(group=self.group)
                if entry.name not in self._built_in
            }
        return tuple(dict.fromkeys((*self._built_in, *self._loaded, *self._found)))

    def get(self, name: str, source: str) -> T:
        """The one called `name`.

        Raises ConfigError, which names `source`: an unknown name, or a package that does not load.
        """
        if name not in self.names():
            raise ConfigError(f"{source}: got {name}, {nearest(name, self.names())}")
        if name not in self._loaded:
            place = self._built_in.get(name) or self._found[name]
            try:
                thing = _load(place)
                if self._check is not None:
                    self._check(name, thing)
            except _BROKEN as error:
                reason = self._reason(name, error)
                raise ConfigError(f"{source}: {name} cannot be loaded: {reason}") from error
            self._loaded[name] = cast(T, thing)
        return self._loaded[name]

    def _reason(self, name: str, error: Exception) -> str:
        ours = name in self._built_in  # then it is an extra that is not installed
        if ours and isinstance(error, ModuleNotFoundError) and foreign(error):
            return missing_package(error)
        return " ".join(f"{type(error).__name__}: {error}".split())[:300]

    def everything(self) -> dict[str, T]:
        """Name -> thing, of all that can be loaded: a broken package is named when it is chosen."""
        things: dict[str, T] = {}
        for name in self.names():
            try:
                things[name] = self.get(name, self.group)
            except ConfigError:
                continue
        return things

    def add(self, name: str, thing: T) -> None:
        """Register in this process alone, as a notebook or a test does."""
        self._loaded[name] = thing


def must_be(*kinds: str) -> Callable[[str, object], None]:
    """A check that a thing is of one of some classes, "module:class", the module as above."""

    def check(name: str, thing: object) -> None:
        if not isinstance(thing, tuple(cast(type, _load(kind)) for kind in kinds)):
            allowed = ", ".join(kind.rpartition(":")[2] for kind in kinds)
            raise TypeError(f"got {thing!r:.60}, allowed: {allowed}")

    return check


def must_call(name: str, thing: object) -> None:
    """A check that a thing is a function or a class."""
    if not callable(thing):
        raise TypeError(f"got {thing!r:.60}, allowed: a function or a class")


def _load(place: EntryPoint | str) -> object:
    if isinstance(place, EntryPoint):
        return place.load()
    module, _, attribute = place.partition(":")
    return getattr(importlib.import_module(f".{module}", __package__), attribute)
