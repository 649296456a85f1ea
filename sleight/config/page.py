"""The help page of a config: for each field the flag, type, help text and default."""

import ast
import dataclasses
import inspect
import itertools
import shutil
import textwrap
from collections.abc import Iterator
from typing import Any, cast

from .convert import MISSING, arms, defaults, hints
from .layers import to_dict
from .values import describe
from .yamlfile import dump


def help_text(cls: type, prog: str, description: str = "", default: Any = None) -> str:
    """The help page of `cls`; the defaults are those of the instance `default`, if not None."""
    width = min(shutil.get_terminal_size().columns, 100)
    head = [f"usage: {prog} [--field value ...]", ""]
    about = [*textwrap.wrap(description, width), ""] if description else []
    return "\n".join([*head, *about, *_lines(cls, default, "", width)]) + "\n"


def _lines(cls: Any, default: Any, prefix: str, width: int) -> Iterator[str]:
    """The fields of one dataclass, then the nested dataclasses, each under a heading."""
    texts = field_texts(cls)
    nested = []
    for name, value in defaults(cls, default).items():
        inner = [arm for arm in arms(hints(cls)[name]) if dataclasses.is_dataclass(arm)]
        nested += [(name, arm, value) for arm in inner]
        if not inner or value is None:
            yield from _entry(cls, name, value, texts.get(name, ""), prefix, width)
    for name, arm, value in nested:
        text = (texts.get(name) or inspect.getdoc(arm) or "").partition("\n")[0]
        yield from ["", f"{prefix}{name}: {text}".rstrip(": ")]
        known = value if isinstance(value, cast(type, arm)) else None
        yield from _lines(arm, known, f"{prefix}{name}.", width)


def _entry(cls: Any, name: str, value: Any, text: str, prefix: str, width: int) -> Iterator[str]:
    yield f"  --{prefix}{name}  {describe(hints(cls)[name])}"
    shown = "required" if value is MISSING else f"default: {_shown(value)}"
    body = " ".join(text.split())
    lines = textwrap.wrap(f"{body} ({shown})".strip(), width - 6)
    yield from (f"      {line}" for line in lines)


def _shown(value: Any) -> str:
    """A default as one line of YAML."""
    text = dump([to_dict(value)]).strip().removeprefix("[").removesuffix("]")
    return " ".join(text.split())


def field_texts(cls: Any) -> dict[str, str]:
    """The help text of each field, bases included; empty if the source is not available."""
    texts: dict[str, str] = {}
    for kind in reversed(cls.__mro__[:-1]):
        try:
            source = textwrap.dedent(inspect.getsource(kind))
        except (OSError, TypeError):  # a class created in memory has no source
            continue
        body = ast.parse(source).body[0]
        texts |= dict(_texts(body.body)) if isinstance(body, ast.ClassDef) else {}
    return texts


def _texts(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    for field, below in itertools.pairwise(body):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
            and isinstance(below.value.value, str)
        ):
            yield field.target.id, inspect.cleandoc(below.value.value)
