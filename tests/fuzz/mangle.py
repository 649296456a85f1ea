"""Mangled files: bytes, JSON, lines of JSON, YAML and tables, by a seeded generator."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

Rng = random.Random
Path_ = tuple[Any, ...]

VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 7, 2**31, 2**63, -(2**63), 10**30, 0.5, -0.0, 1e-320, 1e308,
    float("nan"), float("inf"), -float("inf"), "", " ", "x", "0", "1e3", "nan", "null", "..", ".",
    "../../outside/canary", "/", "/etc/passwd", "~", "a/b", "a\\b", "a\nb", "a\0b", "\ud800", "é",
    "x" * 5000, "-1", "--flag", "{}", [], [[]], [1], [1, 2], [None, None], ["x", "y"], {}, {"a": 1},
    {"": {}}, {"..": ".."}, [0.1, float("nan")], [3, 1], [1e400, 2], list(range(200)),
    "2001-01-01", "cuda:99", "file:///etc/passwd", "http://127.0.0.1:9", "$(touch pwned)", "%s%n",
)  # fmt: skip
"""Values for any place, of every type."""


def mangled(content: bytes, name: str, rng: Rng) -> bytes:
    """`content` of a file of this name, changed once or twice."""
    for _ in range(rng.choice((1, 1, 1, 2))):
        content = _once(content, name, rng)
    return content


def _once(content: bytes, name: str, rng: Rng) -> bytes:
    kind = Path(name).suffix
    own: dict[str, Callable[[bytes, Rng], bytes]] = {
        ".json": _json,
        ".jsonl": _json_lines,
        ".yaml": _yaml,
        ".csv": _table,
        ".safetensors": _safetensors,
    }
    change = own.get(kind)
    if change is None or rng.random() < 0.25:
        return _bytes(content, rng)
    try:
        return change(content, rng)
    except (ValueError, IndexError, KeyError, RecursionError, yaml.YAMLError):  # mangled before
        return _bytes(content, rng)


def _bytes(content: bytes, rng: Rng) -> bytes:
    at = rng.randrange(len(content) + 1)
    ways: list[Callable[[], bytes]] = [
        lambda: b"",
        lambda: content[:at],
        lambda: content[at:],
        lambda: content[:at] + rng.randbytes(rng.choice((1, 8, 300))) + content[at:],
        lambda: content[:at] + bytes(min(64, len(content) - at)) + content[at + 64 :],
        lambda: content[:at] + bytes([rng.randrange(256)]) + content[at + 1 :],
        lambda: content + content,
        lambda: b"\xef\xbb\xbf" + content,
        lambda: content.decode("latin-1").encode("utf-16"),
        lambda: rng.randbytes(200),
        lambda: content.replace(b"\n", b"\r\n"),
        lambda: b"[" * 100_000,
        lambda: b"\x80\x04\x95" + content,
    ]
    return rng.choice(ways)()


def _json(content: bytes, rng: Rng) -> bytes:
    return json.dumps(tree(json.loads(content), rng)).encode()


def _json_lines(content: bytes, rng: Rng) -> bytes:
    lines = content.splitlines(keepends=True)
    at = rng.randrange(len(lines))
    way = rng.randrange(5)
    if way == 0:
        lines[at] = _json(lines[at], rng) + b"\n"
    elif way == 1:
        del lines[at]
    elif way == 2:
        lines.insert(at, rng.choice(lines))
    elif way == 3:
        rng.shuffle(lines)
    else:
        lines[at] = _bytes(lines[at], rng) + b"\n"
    return b"".join(lines)


TRICKS = (
    "a: &a [*a]\n", "&a a: *a\n", "? [a, b]\n: c\n", "\t- x\n", "--- \n---\n", "<<: {a: 1}\n",
    "!!python/object/apply:os.system ['touch ../outside/pwned']\n", "base: ../../outside/canary\n",
    "base: [x.yaml, 1, null]\n", "base: fuzz.yaml\n", "base: train.yaml\n", "x: !!set {a, b}\n",
    "x: !!binary aGVsbG8=\n", "1: 2\n", "null: 1\n", "[]: 1\n", "x: 0o17\nx: 1:30:00\n",
    "%YAML 9.9\n---\n", "x: |\n y\nz\n", "{", "'", "#\n",
)  # fmt: skip


def _yaml(content: bytes, rng: Rng) -> bytes:
    if rng.random() < 0.35:
        lines = content.splitlines(keepends=True)
        lines.insert(rng.randrange(len(lines) + 1), rng.choice(TRICKS).encode())
        return b"".join(lines)
    changed = tree(yaml.safe_load(content), rng)
    return yaml.safe_dump(changed, allow_unicode=True).encode(errors="surrogatepass")


def _table(content: bytes, rng: Rng) -> bytes:
    rows = [line.split(",") for line in content.decode().splitlines()]
    row, column = rng.randrange(len(rows)), rng.randrange(len(rows[0]))
    way = rng.randrange(8)
    if way == 0:
        rows[row][column] = str(rng.choice(VALUES))
    elif way == 1:
        for line in rows:
            del line[column]
    elif way == 2:
        del rows[row]
    elif way == 3:
        rows[row] = rows[row][:column]
    elif way == 4:
        rows.insert(row, rows[0])
    elif way == 5:
        rng.shuffle(rows)
    elif way == 6:
        factor = rng.choice((0.0, -1.0, 1e3, 57.3, 1e300))
        for line in rows[1:]:
            line[column] = str(float(line[column]) * factor)
    else:
        return content.replace(b",", rng.choice((b";", b"\t", b",,", b"")))
    return "\n".join(",".join(line) for line in rows).encode(errors="surrogatepass")


def _safetensors(content: bytes, rng: Rng) -> bytes:
    size = int.from_bytes(content[:8], "little")
    head = json.loads(content[8 : 8 + size])
    new = json.dumps(tree(head, rng)).encode()
    length = len(new) if rng.random() < 0.8 else rng.choice((0, 1, 2**40, 2**63))
    return length.to_bytes(8, "little") + new + content[8 + size :]


def tree(data: Any, rng: Rng) -> Any:
    """Nested data with one node replaced, taken out, doubled or renamed."""
    data = copy.deepcopy(data)
    places = [*_places(data)]
    if not places:
        return rng.choice(VALUES)
    place = rng.choice(places)
    parent = data
    for key in place[:-1]:
        parent = parent[key]
    key, way = place[-1], rng.randrange(8)
    if way == 0:
        del parent[key]
    elif way == 1 and isinstance(parent, dict):
        parent[str(rng.choice(VALUES))[:40]] = parent.pop(key)
    elif way == 2 and isinstance(parent, list):
        parent.insert(key, parent[key])
    elif way == 3:
        parent[key] = [parent[key]]
    elif way == 4 and isinstance(parent[key], int | float):
        parent[key] = rng.choice(
            (-parent[key], parent[key] * 1000, str(parent[key]), parent[key] + 1)
        )
    elif way == 5 and rng.random() < 0.3:
        return rng.choice(VALUES)
    else:
        parent[key] = rng.choice(VALUES)
    return data


def _places(data: Any, above: Path_ = ()) -> Iterator[Path_]:
    items = (
        data.items()
        if isinstance(data, dict)
        else enumerate(data)
        if isinstance(data, list)
        else ()
    )
    for key, value in items:
        yield (*above, key)
        yield from _places(value, (*above, key))
