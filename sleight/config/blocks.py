"""Configs that other packages extend: a task, a hand or an algorithm brings a block of fields.

    @dataclass(frozen=True)
    class EnvConfig(Extensible):
        task: str = "block"
        selector = "task"

        @classmethod
        def known_blocks(cls): return {"reach": ReachConfig, ...}

In a file and in flags a block is a field like any other (`env.reach.threshold_m`); code reads it by
its type: `config.env.block(ReachConfig)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Extensible:
    """A config with blocks that are registered by name."""

    blocks: dict[str, Any] = field(default_factory=dict, kw_only=True)
    """Name of a registered block -> its dataclass, where it is not all defaults."""
    selector: ClassVar[str] = ""
    """The field whose value is the name of the block in use."""

    @classmethod
    def known_blocks(cls) -> Mapping[str, type]:
        """Name -> dataclass of every block that a package has registered."""
        return {}

    @classmethod
    def check_selected(cls, name: str) -> None:
        """Raise ConfigError for a value of the selector that nobody has registered.

        Asked before the fields are read, where an unknown block would say less.
        """

    def block(self, kind: type[T]) -> T:
        """The block of this type, with its defaults where the config does not have it."""
        return next((b for b in self.blocks.values() if isinstance(b, kind)), None) or kind()

    def with_block(self, block: Any) -> Self:
        """A copy with another block of the same type. Raises ValueError for an unknown type."""
        for name, kind in self.known_blocks().items():
            if isinstance(block, kind):
                return replace(self, blocks={**self.blocks, name: block})
        raise ValueError(f"got {type(block).__name__}, allowed: a registered block")


def block_name(name: str) -> str:
    """The field under which the block of a registered name stands: `block-z` -> `block_z`."""
    return name.replace("-", "_")


def blocks_in_use(config: Extensible) -> dict[str, Any]:
    """Name -> block, of those that the config sets, and of the one that it selects."""
    selected = block_name(str(getattr(config, config.selector, "")))
    return {
        name: config.blocks.get(name) or kind()
        for name, kind in config.known_blocks().items()
        if name in config.blocks or name == selected
    }
