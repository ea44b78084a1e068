# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Configuration as text: YAML files and command-line overrides, read by the same YAML loader."""

import difflib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from ppdeepfill.errors import ConfigError

DEEPEST = 50  # levels of nesting
MOST_VALUES = 100_000  # with aliases written out


class _Loader(yaml.SafeLoader):
    """Loader with YAML 1.2 scalars that refuses duplicate keys.

    `1e-4` is a number; `no`, `007` and `2018-01-24` are text.
    """

    yaml_implicit_resolvers: dict = {}

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key.value!r} is given twice", key.start_mark
                )
            seen.add(key.value if isinstance(key, yaml.ScalarNode) else None)
        return super().construct_mapping(node, deep)


class _Dumper(yaml.SafeDumper):
    """Dumper that quotes any text `_Loader` would read as something else."""

    yaml_implicit_resolvers: dict = {}

    def represent_list(self, values: Iterable) -> yaml.SequenceNode:
        """Write a list on one line, such as [height, width]."""
        return self.represent_sequence("tag:yaml.org,2002:seq", values, flow_style=True)


_Dumper.add_representer(list, _Dumper.represent_list)

_SCALARS = {
    "null": r"~|null|Null|NULL|",
    "bool": r"true|True|TRUE|false|False|FALSE",
    "int": r"-?(0|[1-9][0-9]*)",
    "float": r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?",
}
for _kind, _pattern in _SCALARS.items():
    for _side in (_Loader, _Dumper):
        _side.add_implicit_resolver(
            f"tag:yaml.org,2002:{_kind}", re.compile(rf"^({_pattern})$"), first=None
        )


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping in a YAML file.

    Raises:
        ConfigError: the file is missing, unreadable, not YAML or not a mapping, or repeats a key.
    """
    try:
        values = parse_yaml(path.read_text(encoding="utf-8-sig"), str(path))
    except FileNotFoundError:
        raise ConfigError(f"no configuration file {path}{_hint_for_missing(path)}") from None
    except OSError as error:
        raise ConfigError(f"cannot read configuration file {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not a UTF-8 text file") from None
    if not isinstance(values, dict):
        found = "nothing" if values is None else type(values).__name__
        raise ConfigError(f"{path} must contain a mapping `key: value`; it contains {found}")
    return values


def write_yaml(values: dict[str, Any]) -> str:
    """Return YAML text that `read_yaml` reads back unchanged."""
    return yaml.dump(
        values,
        Dumper=_Dumper,
        sort_keys=False,
        default_flow_style=False,
        width=100,
        allow_unicode=True,
    )


def override(values: dict[str, Any], text: str) -> dict[str, Any]:
    """Return a copy of nested `values` with one key replaced.

    Args:
        values: nested mappings; not changed.
        text: `section.key=value`; the value is YAML.

    Raises:
        ConfigError: `text` has another form, or a section on the path to the key is a plain value.
    """
    path, equals, value = text.partition("=")
    keys = path.strip().split(".")
    if not equals or not all(keys):
        raise ConfigError(
            f"invalid override {text!r}: write key=value, for example -o schedule.iterations=1000"
        )
    return _replace(values, keys, parse_yaml(value, f"override {text!r}"), text)


def _replace(values: dict[str, Any], keys: list[str], value: Any, text: str) -> dict[str, Any]:
    key, *rest = keys
    if rest:
        child = values.get(key)
        if child is not None and not isinstance(child, dict):
            raise ConfigError(
                f"invalid override {text!r}: {key} has the value {child!r}, it is not a section"
            )
        value = _replace(child or {}, rest, value, text)
    return {**values, key: value}


def parse_yaml(text: str, source: str, loader: type[yaml.SafeLoader] = _Loader) -> Any:
    """Return the plain values of a YAML text.

    Args:
        text: from any source; it can run nothing.
        source: what to call it in messages.
        loader: our own, or PyYAML's for files of other programs.

    Raises:
        ConfigError: it is not YAML, or too deep or large to be a configuration.
    """
    try:
        values = yaml.load(text, loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        line = f"\n{mark.get_snippet()}" if mark and mark.buffer else ""
        raise ConfigError(f"{source}{where}: {error.problem}{line}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{source}: {error}") from None
    except RecursionError:
        raise ConfigError(f"{source}: more than {DEEPEST} levels of nesting") from None
    except Exception as error:  # PyYAML's own, for `!!float x` or a date of month 13
        raise ConfigError(f"{source}: a value is not what its tag or form says") from error
    _check_size(values, source)
    return values


def _check_size(values: Any, source: str) -> None:
    """Refuse aliases that contain themselves, or that grow beyond bounds when written out."""
    left = [(values, 0)]
    count = 0
    while left:
        value, depth = left.pop()
        count += 1
        if depth > DEEPEST or count > MOST_VALUES:
            raise ConfigError(
                f"{source}: more than {DEEPEST} levels of nesting, or {MOST_VALUES:,} values"
            )
        if isinstance(value, dict):
            left += [(part, depth + 1) for pair in value.items() for part in pair]
        elif isinstance(value, (list, tuple, set)):
            left += [(part, depth + 1) for part in value]


def _hint_for_missing(path: Path) -> str:
    """Suggest a file with a similar name, or list the YAML files of that folder."""
    try:
        others = sorted(other.name for other in path.parent.glob("*.yaml"))
    except OSError:
        return ""
    near = difflib.get_close_matches(path.name, others, n=1)
    if near:
        return f"; did you mean {path.parent / near[0]}?"
    return f"; {path.parent} contains: {', '.join(others)}" if others else ""
