# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Read what a PaddleSeg configuration says about its model, without running any of its code.

PaddleSeg's own reader downloads pretrained weights and loads pickles while it builds a model. Here
the file is read as plain YAML, and every key `pretrained` is dropped: all weights come from one
file, read by `ppdeepfill.weight_files`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from ppdeepfill.config.yaml_files import parse_yaml
from ppdeepfill.errors import ConfigError

BASE, INHERITED = "_base_", "_inherited_"
DEEPEST = 16  # files in a chain of `_base_`; more must be a circle
DATASETS = ("val_dataset", "test_dataset", "train_dataset")  # the first one present is read


class SlidingWindow(NamedTuple):
    """Size and stride, (width, height) in px, of the windows in which the model sees an image."""

    crop_size: tuple[int, int]
    stride: tuple[int, int]


class ModelConfig(NamedTuple):
    """The parts of a configuration that are needed to use its model.

    Attributes:
        path: the file.
        model: arguments of the model, with its class as `type`.
        transforms: how an image is prepared, each with its class as `type`.
        dataset: arguments of the data set, with its class as `type`.
        window: None where the model sees the whole image.
    """

    path: Path
    model: dict[str, Any]
    transforms: list[dict[str, Any]]
    dataset: dict[str, Any]
    window: SlidingWindow | None


def read_model_config(path: Path) -> ModelConfig:
    """Read a PaddleSeg YAML file and the files that it is based on.

    Raises:
        ConfigError: it is missing, is not YAML, or does not describe a model and its input.
    """
    values = _read(path, depth=0)
    model = values.get("model")
    if not isinstance(model, dict) or "type" not in model:
        raise ConfigError(
            f"{path} describes no PaddleSeg model: expected a section `model` with a `type`"
        )
    datasets = [values[key] for key in DATASETS if isinstance(values.get(key), dict)]
    prepared = [dataset["transforms"] for dataset in datasets[:1] if "transforms" in dataset]
    if not prepared or not isinstance(prepared[0], list):
        raise ConfigError(
            f"{path} does not say how to prepare images: expected val_dataset with transforms"
        )
    return ModelConfig(
        path, _without_pretrained(model), prepared[0], datasets[0], _window(values, path)
    )


def _read(path: Path, *, depth: int) -> dict[str, Any]:
    if depth > DEEPEST:
        raise ConfigError(
            f"{path}: {BASE} leads through more than {DEEPEST} files, perhaps in a circle"
        )
    if not path.is_file():
        raise ConfigError(f"no PaddleSeg configuration at {path}")
    try:
        values = parse_yaml(path.read_text(encoding="utf-8"), str(path), yaml.SafeLoader)
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not a UTF-8 text file") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path} must contain a mapping `key: value`")
    bases = values.pop(BASE, [])
    for base in [bases] if isinstance(bases, str) else bases:
        values = _merged(values, _read(path.parent / str(base), depth=depth + 1))
    return values


def _merged(own: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
    """`own` laid over `base`, section by section, unless it says not to inherit."""
    own = dict(own)
    if not own.pop(INHERITED, True):
        return own
    merged = dict(base)
    for key, value in own.items():
        both = isinstance(value, dict) and isinstance(base.get(key), dict)
        merged[key] = _merged(value, base[key]) if both else value
    return merged


def _without_pretrained(values: Any) -> Any:
    """The same values without the key `pretrained`, at any depth."""
    if isinstance(values, dict):
        return {k: _without_pretrained(v) for k, v in values.items() if k != "pretrained"}
    if isinstance(values, list):
        return [_without_pretrained(value) for value in values]
    return values


def _window(values: Mapping[str, Any], path: Path) -> SlidingWindow | None:
    test = values.get("test_config") or {}
    if not test.get("is_slide"):
        return None
    try:
        sizes = [tuple(int(side) for side in test[key]) for key in ("crop_size", "stride")]
        return SlidingWindow(*[(width, height) for width, height in sizes])
    except (KeyError, TypeError, ValueError):
        raise ConfigError(
            f"{path}: test_config with is_slide needs crop_size and stride, two numbers each"
        ) from None
