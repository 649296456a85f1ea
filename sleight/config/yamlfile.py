"""YAML for configs: 1e-3 is a number, only true and false are booleans, keys are unique."""

import json
import re
from pathlib import Path
from typing import Any

import yaml

from ..errors import ConfigError
from ..files import read_text

_NUMBER = re.compile(r"[-+]?(\d[\d_]*(\.[\d_]*)?|\.\d[\d_]*)([eE][-+]?\d+)?$|[-+]?\.inf$|\.nan$")
_SWITCH = re.compile(r"(true|false)$")
_FLOAT, _BOOL = "tag:yaml.org,2002:float", "tag:yaml.org,2002:bool"
_DROPPED = {_FLOAT, _BOOL, "tag:yaml.org,2002:timestamp"}


class _Loader(yaml.SafeLoader):
    """Numbers and booleans as in YAML 1.2; dates are text; a repeated key is an error."""

    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [(tag, pattern) for tag, pattern in resolvers if tag not in _DROPPED]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def compose_mapping_node(self, anchor: Any) -> Any:
        node = super().compose_mapping_node(anchor)
        keys: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(problem="a key is not text", problem_mark=key.start_mark)
            if key.value in keys:
                problem = f"key '{key.value}' given twice"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
            keys.add(key.value)
        return node


class _Dumper(yaml.SafeDumper):
    """Quotes text that `_Loader` would read as a number; writes each list on one line."""

    def represent_sequence(
        self, tag: str, sequence: Any, flow_style: bool | None = None
    ) -> yaml.SequenceNode:
        return super().represent_sequence(tag, sequence, flow_style=True)


_Loader.add_implicit_resolver(_BOOL, _SWITCH, list("tf"))
for _kind in (_Loader, _Dumper):
    _kind.add_implicit_resolver(_FLOAT, _NUMBER, list("-+.0123456789"))


def parse(text: str, source: str) -> Any:
    """Parse `text`. Raises ConfigError with `source`, the line and the column."""
    try:
        data = yaml.load(text, Loader=_Loader)
        json.dumps(data, default=str, skipkeys=True)  # fails on data that contains itself
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ConfigError(f"{source}: not valid YAML{where}: {error.problem}") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        line = " ".join(str(error).split())
        raise ConfigError(f"{source}: not valid YAML: {line}") from error
    return data


def read(path: str | Path) -> Any:
    """Parse a file. Raises ConfigError if it is missing or not valid YAML."""
    return parse(read_text(path, ConfigError), str(path))


def dump(data: Any) -> str:
    """Data as YAML in block style, order kept; `parse` returns the same data."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, width=100)
