# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The complete configuration of a training run: loading, checking and writing it.

A loaded configuration is frozen; sizes are (height, width), and the defaults of all options are
filled in.
"""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import Field, create_model, field_validator, model_validator

from ppdeepfill.config.sections import (
    DataConfig,
    LoggingConfig,
    MaskConfig,
    NetworkConfig,
    ObjectiveConfig,
    OptimizerConfig,
    ScheduleConfig,
)
from ppdeepfill.config.text import unknown_name
from ppdeepfill.config.types import Section, Text
from ppdeepfill.config.yaml_files import override, read_yaml, write_yaml
from ppdeepfill.errors import ConfigError

_Choice = TypeVar("_Choice", NetworkConfig, ObjectiveConfig)


class Config(Section):
    """Everything that determines a training run."""

    seed: int = Field(default=2018, ge=0, lt=2**31, description="seed of weights, data and masks")
    output_dir: Text = Field(description="folder for the log, pictures and checkpoints")
    device: str = Field(default="auto", description="auto, cpu, gpu, gpu:N (also xpu, npu, mlu)")
    deterministic: bool = Field(
        default=False,
        description="only GPU kernels that give equal runs equal weights; a CPU's always do",
    )
    precision: Literal["fp32", "bf16", "fp16"] = Field(
        default="fp32",
        description="arithmetic of the convolutions in training; bf16, fp16 need a GPU",
    )
    resume: Text = Field(
        default="auto",
        description="auto: newest checkpoint in output_dir; none: start a new run; or a path",
    )
    initial_weights: Text | None = Field(
        default=None,
        description="weights to start from: a generator file, or a folder (with critics)",
    )
    network: NetworkConfig
    objective: ObjectiveConfig = ObjectiveConfig()
    data: DataConfig
    mask: MaskConfig = MaskConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    logging: LoggingConfig = LoggingConfig()

    @field_validator("device")
    @classmethod
    def _known_device(cls, device: str) -> str:
        if not re.fullmatch(r"auto|cpu|(gpu|xpu|npu|mlu)(:\d+)?", device):
            raise ValueError("must be auto, cpu, gpu or gpu:N, where N is the number of a GPU")
        return device

    @model_validator(mode="after")
    def _hole_fits_image(self) -> "Config":
        hole, image = self.mask.size, self.data.image_size
        if hole[0] > image[0] or hole[1] > image[1]:
            raise ValueError(
                f"mask.size {list(hole)} must not be larger than data.image_size {list(image)}"
            )
        if hole == image and self.mask.kind != "free_form":  # nothing to learn from
            raise ValueError(
                f"mask.size {list(hole)} must be smaller than data.image_size on at least one "
                "side, or no pixel is known"
            )
        return self

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], *, source: str = "configuration") -> "Config":
        """Check nested keys and values, including options, and fill in the defaults.

        Args:
            values: nested mappings, as returned by `to_dict` or read from a YAML file.
            source: where they come from, for error messages.

        Raises:
            ConfigError: names every invalid key and its allowed values.
        """
        config = cls.checked(values, source=source)
        from ppdeepfill.networks import NETWORKS  # imports paddle, so only after the schema check
        from ppdeepfill.objectives import OBJECTIVES

        network = _checked_options("network", config.network, NETWORKS, source)
        objective = _checked_options("objective", config.objective, OBJECTIVES, source)
        return config.model_copy(update={"network": network, "objective": objective})

    def to_dict(self) -> dict[str, Any]:
        """Return plain dicts, lists, numbers and strings, ready for JSON, YAML and `from_dict`."""
        return self.model_dump(mode="json")

    def to_yaml(self) -> str:
        """Return the resolved configuration as YAML text that `load_config` can read."""
        return write_yaml(self.to_dict())


def load_config(path: str | Path, overrides: Sequence[str] = ()) -> Config:
    """Read a YAML file, apply overrides and check the result.

    Args:
        path: the YAML file.
        overrides: strings `key.subkey=value`, applied in order; values are YAML.

    Raises:
        ConfigError: the file, an override, a key or a value is not valid.
    """
    values = read_yaml(Path(path))
    for text in overrides:
        values = override(values, text)
    source = f"{path} with overrides" if overrides else str(path)
    return Config.from_dict(values, source=source)


# Arguments that an objective gets from the trainer, not from its options.
_NOT_OPTIONS = ("network", "image_size", "local_size", "seed")


def _checked_options(
    key: str, section: _Choice, known: Mapping[str, Callable[..., Any]], source: str
) -> _Choice:
    """Return the section with options checked against the builder, and defaults filled in."""
    if section.name not in known:
        problem = unknown_name(key, section.name, list(known))
        raise ConfigError(f"{source}: {key}.name: {problem}")
    fields: dict[str, Any] = {
        parameter.name: (
            Any if parameter.annotation is parameter.empty else parameter.annotation,
            ... if parameter.default is parameter.empty else parameter.default,
        )
        for parameter in inspect.signature(known[section.name], eval_str=True).parameters.values()
        if parameter.name not in _NOT_OPTIONS
    }
    model = create_model(section.name, __base__=Section, **fields)
    options = model.checked(section.options, source=source, prefix=f"{key}.options")
    return section.model_copy(update={"options": options.model_dump()})
