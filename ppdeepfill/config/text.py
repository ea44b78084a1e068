# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Text about the configuration schema: the table in `--help`, and error messages."""

import difflib
import re
from collections.abc import Iterator, Sequence
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

_TYPE_WORDS = {
    bool: "true|false",
    int: "int",
    float: "float",
    str: "text",
    NoneType: "null",
    dict: "mapping",
    tuple: "int|[h, w]",
    list: "list",
}


def leaves(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Yield every key that holds a value, as (dotted path, field)."""
    for name, field in model.model_fields.items():
        section = _section(field)
        if section:
            yield from leaves(section, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field


def schema_table(model: type[BaseModel]) -> str:
    """Return one line per key: dotted path, type, default, description."""
    rows = [
        (path, f"{_type_words(field.annotation)}{_default(field)}", field.description or "")
        for path, field in leaves(model)
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    return "\n".join(
        f"  {path:<{widths[0]}}  {value:<{widths[1]}}  {description}"
        for path, value, description in rows
    )


def explain(
    error: ValidationError, model: type[BaseModel], *, source: str, prefix: str = ""
) -> str:
    """Describe all problems of a rejected configuration.

    Args:
        error: what pydantic found.
        model: the schema it was checked against.
        source: where the values come from.
        prefix: dotted path of the values within the whole configuration.
    """
    root = f"{prefix}." if prefix else ""
    problems = [_problem(detail, model, root) for detail in error.errors()]
    if len(problems) == 1:
        return f"{source}: {problems[0]}"
    return "\n  ".join([f"{source}: {len(problems)} problems", *problems])


def unknown_name(what: str, name: str, known: Sequence[str]) -> str:
    """Return 'unknown WHAT NAME', the closest known name, and the list of known names."""
    near = difflib.get_close_matches(name, known, n=1)
    hint = f", did you mean {near[0]}?" if near else "."
    return f"unknown {what} {name!r}{hint} Known: {', '.join(known) or 'none'}"


def _problem(detail: Any, model: type[BaseModel], root: str) -> str:
    """Describe one problem: the key, what it must be, what was given, an example."""
    section, field, keys = _locate(model, detail["loc"])
    path = root + ".".join(keys)
    if detail["type"] in ("extra_forbidden", "invalid_key"):
        return _unknown_key(str(detail["loc"][-1]), section, keys, model, root)
    if detail["type"] == "missing":
        description = field.description if field else None
        return f"{path} is missing{f': {description}' if description else ''}"
    if detail["type"] in ("model_type", "dict_type"):
        keys_inside = "" if field else f" with the keys {', '.join(section.model_fields)}"
        return f"{path} must be a mapping{keys_inside}; got {detail['input']!r}"
    message = detail["msg"].removeprefix("Value error, ")
    message = re.sub(r"^(Input|String) should", "must", message)
    if field is None:  # from a check of several keys, whose message names them
        return message
    return f"{path} {message}; got {detail['input']!r}{_example(keys[-1], field)}"


def _unknown_key(
    key: str, section: type[BaseModel], keys: list[str], model: type[BaseModel], root: str
) -> str:
    parent = root + "".join(f"{name}." for name in keys)
    valid = list(section.model_fields)
    near = [parent + name for name in difflib.get_close_matches(key, valid, n=1)]
    if not near:  # the right key in the wrong section
        paths = {path.rsplit(".")[-1]: path for path, _ in leaves(model)}
        near = [root + paths[name] for name in difflib.get_close_matches(key, list(paths), n=1)]
    hint = f", did you mean {near[0]}?" if near else "."
    where = f"of {parent[:-1]}" if parent else "at the top"
    return f"unknown key {parent}{key}{hint} Valid keys {where}: {', '.join(valid) or 'none'}"


def _locate(
    model: type[BaseModel], loc: Sequence[int | str]
) -> tuple[type[BaseModel], FieldInfo | None, list[str]]:
    """Follow pydantic's location: (innermost section, its field or None, existing keys)."""
    keys: list[str] = []
    for key in loc:
        field = model.model_fields.get(str(key))
        if field is None:
            break
        keys.append(str(key))
        section = _section(field)
        if section is None:
            return model, field, keys
        model = section
    return model, None, keys


def _section(field: FieldInfo) -> type[BaseModel] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _type_words(annotation: Any) -> str:
    """Return a type as text for people, such as `true|false`."""
    origin = get_origin(annotation)
    if origin is Literal:
        return "|".join(map(str, get_args(annotation)))
    if origin in (Union, UnionType):
        return "|".join(map(_type_words, get_args(annotation)))
    if hasattr(annotation, "__metadata__"):
        return _type_words(annotation.__origin__)
    return _TYPE_WORDS.get(origin) or _TYPE_WORDS.get(annotation, "value")


def _default(field: FieldInfo) -> str:
    return " (required)" if field.is_required() else f" = {_as_yaml(field.default)}"


def _example(key: str, field: FieldInfo) -> str:
    if field.is_required() or field.default is None:
        return ""
    return f". For example, write {key}: {_as_yaml(field.default)}"


def _as_yaml(value: Any) -> str:
    """Return a value as one line of YAML; a square size becomes one number."""
    if isinstance(value, tuple) and len(set(value)) == 1:
        value = value[0]
    value = list(value) if isinstance(value, tuple) else value
    return yaml.safe_dump(value, default_flow_style=True).removesuffix("...\n").strip()
