"""Things by name: those of this package, and those of installed packages, by entry points.

A package outside this repository adds one with no change inside:

    [project.entry-points."sleight.tasks"]
    dial = "my_package:DIAL"
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, TypeVar, cast

from .errors import ConfigError, nearest

T = TypeVar("T")


class Registry(Generic[T]):
    """Name -> what an entry point of `group` gives; loaded at first use and then kept."""

    def __init__(self, group: str, built_in: Mapping[str, str]) -> None:
        """built_in: name -> "module:attribute", the module relative to `sleight`."""
        self.group = group
        self._places: dict[str, EntryPoint | str] = dict(built_in)
        self._loaded: dict[str, T] = {}
        self._scanned = False

    def names(self) -> tuple[str, ...]:
        """Every name, this package's first. Nobody else can take one of those."""
        if not self._scanned:
            self._scanned = True
            for entry in entry_points(group=self.group):
                self._places.setdefault(entry.name, entry)
        return tuple(self._places)

    def get(self, name: str, source: str) -> T:
        """The one called `name`.

        Raises ConfigError, which names `source`: an unknown name, or a package that does not load.
        """
        if name not in self.names():
            raise ConfigError(f"{source}: got {name}, {nearest(name, self.names())}")
        if name not in self._loaded:
            place = self._places[name]
            try:
                self._loaded[name] = cast(T, _load(place))
            except (ImportError, AttributeError) as error:
                where = place.value if isinstance(place, EntryPoint) else place
                raise ConfigError(
                    f"{source}: got {name}, whose {where} cannot be loaded: {error}"
                ) from error
        return self._loaded[name]

    def everything(self) -> dict[str, T]:
        """Name -> thing, of all that can be loaded: a broken package is told when it is chosen."""
        for name in self.names():
            try:
                self.get(name, self.group)
            except ConfigError:
                continue
        return {name: self._loaded[name] for name in self._places if name in self._loaded}

    def add(self, name: str, thing: T) -> None:
        """Register in this process alone, as a notebook or a test does."""
        self._places[name] = ""
        self._loaded[name] = thing


def _load(place: EntryPoint | str) -> object:
    if isinstance(place, EntryPoint):
        return place.load()
    module, _, attribute = place.partition(":")
    return getattr(importlib.import_module(f".{module}", __package__), attribute)
