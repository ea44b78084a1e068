# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Configuration as text: YAML files and command-line overrides, both by one YAML reader."""

import difflib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from ppdeepfill.errors import ConfigError


class _Loader(yaml.SafeLoader):
    """PyYAML with the scalars of YAML 1.2, refusing a key given twice.

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
    """Quotes what `_Loader` would not read back as text."""

    yaml_implicit_resolvers: dict = {}

    def represent_list(self, values: Iterable) -> yaml.SequenceNode:
        """On one line, as [height, width] is written."""
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
    """The mapping in a YAML file.

    Raises:
        ConfigError: no such file, not readable, not YAML, a key given twice, or no mapping.
    """
    try:
        values = _parse(path.read_text(encoding="utf-8-sig"), str(path))
    except FileNotFoundError:
        raise ConfigError(f"no configuration file {path}{_others_beside(path)}") from None
    except OSError as error:
        raise ConfigError(f"cannot read configuration file {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not a text file in UTF-8") from None
    if not isinstance(values, dict):
        found = "nothing" if values is None else type(values).__name__
        raise ConfigError(f"{path} must hold a mapping `key: value`; it holds {found}")
    return values


def write_yaml(values: dict[str, Any]) -> str:
    """The text of a YAML file that `read_yaml` reads back unchanged."""
    return yaml.dump(
        values,
        Dumper=_Dumper,
        sort_keys=False,
        default_flow_style=False,
        width=100,
        allow_unicode=True,
    )


def override(values: dict[str, Any], text: str) -> dict[str, Any]:
    """A copy of nested `values` in which one key has another value.

    Args:
        values: nested mappings; not changed.
        text: `section.key=value`, the value as YAML.

    Raises:
        ConfigError: not of that form, or the way to the key leads through a value.
    """
    path, equals, value = text.partition("=")
    keys = path.strip().split(".")
    if not equals or not all(keys):
        raise ConfigError(
            f"cannot use the override {text!r}: write key=value, "
            "for example -o schedule.iterations=1000"
        )
    return _replace(values, keys, _parse(value, f"override {text!r}"), text)


def _replace(values: dict[str, Any], keys: list[str], value: Any, text: str) -> dict[str, Any]:
    key, *rest = keys
    if rest:
        child = values.get(key)
        if child is not None and not isinstance(child, dict):
            raise ConfigError(f"cannot use the override {text!r}: {key} is the value {child!r}")
        value = _replace(child or {}, rest, value, text)
    return {**values, key: value}


def _parse(text: str, source: str) -> Any:
    try:
        return yaml.load(text, _Loader)  # a SafeLoader: builds plain values only
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        line = f"\n{mark.get_snippet()}" if mark and mark.buffer else ""
        raise ConfigError(f"{source}{where}: {error.problem}{line}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{source}: {error}") from None


def _others_beside(path: Path) -> str:
    """A hint at the file that was meant, or at all that are there."""
    try:
        others = sorted(other.name for other in path.parent.glob("*.yaml"))
    except OSError:
        return ""
    near = difflib.get_close_matches(path.name, others, n=1)
    if near:
        return f"; did you mean {path.parent / near[0]}?"
    return f"; {path.parent} holds: {', '.join(others)}" if others else ""
