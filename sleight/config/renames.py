"""Fields that have another name now: the old one is refused by a line that says the new one.

    @dataclass(frozen=True)
    class PpoConfig:
        learning_rate: float = 5e-4
        renamed: ClassVar[Mapping[str, str]] = {"rate": "learning_rate", "chunk": "rollout.bptt"}

A new name without a dot is a field of the same block; one with dots is counted from the root.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import ConfigError
from .convert import arms, hints, new_name


def renamed_flag(kind: Any, words: Sequence[str], prefix: str = "") -> str | None:
    """The dotted name that a flag has now, where one of its words was renamed."""
    for arm in arms(kind):
        if not dataclasses.is_dataclass(arm) or not words:
            continue
        word = words[0].replace("-", "_")
        if new := new_name(arm, word, prefix):
            return ".".join((new, *words[1:]))
        inner: Any = hints(arm).get(word)
        if inner is not None and (deeper := renamed_flag(inner, words[1:], f"{prefix}{word}.")):
            return deeper
    return None


def check_renamed(kind: Any, data: Mapping[str, Any], source: str, prefix: str = "") -> None:
    """Raise ConfigError for an old name in plain data, which may also hold what nobody knows.

    For data of another version that is read in part; `from_dict` does the same by itself.
    """
    for arm in arms(kind):
        if not dataclasses.is_dataclass(arm):
            continue
        for key, value in data.items():
            if new := new_name(arm, key, prefix):
                raise ConfigError(f"{source}: {prefix}{key}: renamed to {new}")
            inner: Any = hints(arm).get(key)
            if inner is not None and isinstance(value, Mapping):
                check_renamed(inner, value, source, f"{prefix}{key}.")
