"""The API reference: one page for each folder of the package, from its docstrings.

A Sphinx extension. griffe reads the sources and imports nothing; docstrings are Markdown. The pages
are written into docs/reference/ before each build; git ignores them.
"""

import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import griffe
from sphinx.application import Sphinx

ROOMS = ("envs", "policies", "adr", "vision", "train", "deploy", "contract", "config")
HERE = Path(__file__).resolve().parent
OUT = HERE / "reference"
CODE_OR_MARK = re.compile(r"`[^`]*`|[*_<\[]")
"""Code stays as it is; marks of Markdown outside of code are plain characters."""
STARS = {griffe.ParameterKind.var_positional: "*", griffe.ParameterKind.var_keyword: "**"}
STARRED = (griffe.ParameterKind.var_positional, griffe.ParameterKind.keyword_only)


def setup(app: Sphinx) -> dict[str, bool]:
    """What Sphinx calls: the pages are written before it looks for them."""
    app.connect("builder-inited", lambda _app: write())
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def write() -> None:
    """Write all pages; those that did not change keep their time, so Sphinx skips them."""
    package = griffe.load(
        "sleight", search_paths=[HERE.parent], allow_inspection=False, resolve_aliases=False
    )
    new = HERE / "reference.new"
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir()
    rooms = [package.modules[room] for room in ROOMS]
    for room in rooms:
        _write_page(room, new)
    (new / "rooms.txt").write_text("".join(map(_row, rooms)), encoding="utf-8")
    for page in new.iterdir():
        old = OUT / page.name
        if old.is_file() and old.read_bytes() == page.read_bytes():
            shutil.copystat(old, page)
    shutil.rmtree(OUT, ignore_errors=True)
    new.rename(OUT)


def _write_page(package: griffe.Module, out: Path) -> None:
    """The page of a folder: its contract, the folders in it, its public modules."""
    modules = [m for m in package.modules.values() if not m.is_alias and m.name[0] != "_"]
    folders = sorted((m for m in modules if m.is_init_module), key=lambda m: m.name)
    files = sorted((m for m in modules if not m.is_init_module), key=lambda m: m.name)
    blocks = [f"# {package.path}", *_module(package)]
    if folders:
        listed = "\n".join(folder.path for folder in folders)
        blocks.append(f"```{{toctree}}\n:maxdepth: 1\n\n{listed}\n```")
    for file in files:
        blocks += [f"## {file.path}", *_module(file)]
    (out / f"{package.path}.md").write_text("\n\n".join(blocks) + "\n", encoding="utf-8")
    for folder in folders:
        _write_page(folder, out)


def _row(package: griffe.Module) -> str:
    """The line of a package in docs/reference.md: its name, and the first line of its contract."""
    first = _text(package).partition("\n")[0]
    return f"- [{package.path}](reference/{package.path}.md): {first}\n"


def _module(module: griffe.Module) -> Iterator[str]:
    """The text of a module, its public classes and functions, its constants that have a text."""
    yield _directive("py:module", module.path, "")
    yield _text(module)
    for member in _public(module):
        if isinstance(member, griffe.Class):
            yield _class(member)
        elif isinstance(member, griffe.Function):
            yield _function("py:function", member)
        elif isinstance(member, griffe.Attribute) and member.docstring:
            yield _attribute("py:data", member)


def _public(owner: griffe.Module | griffe.Class) -> Iterator[griffe.Object | griffe.Alias]:
    return (m for m in owner.members.values() if not m.is_alias and m.name[0] != "_")


def _class(kind: griffe.Class) -> str:
    """A class with its public methods and the fields of its instances."""
    members = []
    for member in _public(kind):
        if isinstance(member, griffe.Function):
            members.append(_function("py:method", member))
        elif isinstance(member, griffe.Attribute) and (
            member.docstring or "instance-attribute" not in member.labels - {"class-attribute"}
        ):
            members.append(_attribute("py:attribute", member))
    bases = f"({', '.join(map(str, kind.bases))})" if kind.bases else ""
    return _directive("py:class", f"{kind.name}{bases}", _join([_text(kind), *members]), fence=5)


def _function(directive: str, function: griffe.Function) -> str:
    kinds = {"abstractmethod", "classmethod", "staticmethod"}
    marks = [f":{label}:" for label in sorted(kinds & _decorations(function))]
    return _directive(directive, _signature(function), _text(function), marks)


def _decorations(function: griffe.Function) -> set[str]:
    return {str(decorator.value).rpartition(".")[2] for decorator in function.decorators}


def _signature(function: griffe.Function) -> str:
    words = []
    starred = False
    for parameter in function.parameters:
        if parameter.name in ("self", "cls"):
            continue
        if parameter.kind is griffe.ParameterKind.keyword_only and not starred:
            words.append("*")
        starred |= parameter.kind in STARRED
        words.append(_parameter(parameter))
    returns = f" -> {_named(function.returns)}" if function.returns else ""
    return f"{function.name}({', '.join(words)}){returns}"


def _parameter(parameter: griffe.Parameter) -> str:
    word = parameter.name
    if parameter.kind in STARS:
        word = STARS[parameter.kind] + word
    if parameter.annotation:
        word += f": {_named(parameter.annotation)}"
    if parameter.default is None or parameter.kind in STARS:
        return word
    return f"{word} = {_line(parameter.default)}"


def _attribute(directive: str, attribute: griffe.Attribute) -> str:
    options = [f":type: {_named(attribute.annotation)}"] if attribute.annotation else []
    value = _line(attribute.value or "")
    if "property" not in attribute.labels and 0 < len(value) <= 60:
        options.append(f":value: {value}")
    return _directive(directive, attribute.name, _text(attribute), options)


def _named(expression: griffe.Expr | str) -> str:
    """A type with full names, by which Sphinx finds the right page; it shows the last part."""
    if isinstance(expression, str):
        return expression
    parts = (part if isinstance(part, str) else _full(part) for part in expression.iterate())
    return _line("".join(parts))


def _full(part: griffe.Expr) -> str:
    begins = isinstance(part, griffe.ExprName) and not isinstance(part.parent, griffe.ExprName)
    return part.canonical_path if begins else str(part)


def _line(text: griffe.Expr | str) -> str:
    return " ".join(str(text).split())


def _directive(
    name: str, argument: str, body: str, options: Iterable[str] = (), fence: int = 4
) -> str:
    ticks = "`" * fence
    return "\n".join([f"{ticks}{{{name}}} {argument}", *options, "", body, ticks])


def _join(blocks: Iterable[str]) -> str:
    return "\n\n".join(block for block in blocks if block)


def _text(owner: griffe.Object) -> str:
    """A docstring as Markdown."""
    text = owner.docstring.value if owner.docstring else ""
    return CODE_OR_MARK.sub(lambda m: m[0] if m[0][0] == "`" else f"\\{m[0]}", text)
