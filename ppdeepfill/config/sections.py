# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The sections of a configuration: every key with its type, default and meaning.

Defaults are the paper's (arXiv 1801.07892) where it gives a number, else those of the authors'
code.
"""

import warnings
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from ppdeepfill.config.types import Section, Size, Text


class NetworkConfig(Section):
    name: str = Field(description="builder in ppdeepfill.networks.NETWORKS")
    options: dict[str, Any] = Field(default={}, description="its options; --dry_run lists them")


class ObjectiveConfig(Section):
    name: str = Field(default="wgan_gp", description="class in ppdeepfill.objectives.OBJECTIVES")
    options: dict[str, Any] = Field(default={}, description="its options; --dry_run lists them")


class DataConfig(Section):
    train: Text = Field(description="folder, .flist, .txt, .zip, .tar or bundled:train")
    validation: Text | None = Field(default=None, description="like train; null for no validation")
    labels: Text | None = Field(
        default=None, description="folder of label maps, a PNG for each training image; or null"
    )
    image_size: Size = Field(default=(256, 256), description="pixels, n or [h, w], multiples of 8")
    random_crop: bool = Field(
        default=True, description="true: random crops; false: resize the whole image"
    )
    max_crop_scale: float = Field(
        default=1.0, ge=1, description="crop up to this many times image_size, then shrink"
    )
    reduced_decoding: bool = Field(
        default=True, description="without cropping, decode large JPEGs at reduced size (faster)"
    )
    horizontal_flip: bool = Field(default=True, description="mirror half of the images")
    batch_size: int = Field(default=48, ge=1, description="images per update, over all processes")
    accumulate: int = Field(
        default=1, ge=1, description="split each batch into N parts computed in turn (less memory)"
    )
    workers: int = Field(
        default=4, ge=0, description="loader processes; 0 loads in the main process"
    )
    validation_images: int = Field(
        default=100, ge=1, description="number of validation images, evenly spaced"
    )

    @field_validator("image_size")
    @classmethod
    def _multiple_of_8(cls, size: tuple[int, int]) -> tuple[int, int]:
        if any(side % 8 for side in size):
            near = [max(8, 8 * round(side / 8)) for side in size]
            raise ValueError(f"must be a multiple of 8 on both sides, for example {near}")
        return size


class MaskConfig(Section):
    kind: Literal["rectangle", "center", "free_form", "mixed"] = Field(
        default="rectangle",
        description="shape of training holes; mixed: half rectangles, half brush strokes",
    )
    size: Size = Field(default=(128, 128), description="largest hole in pixels, n or [h, w]")
    max_shrink: int = Field(
        default=32, ge=0, description="shrink rectangles by up to N pixels per axis, half per side"
    )
    shared: bool = Field(default=False, description="one mask for all images of a batch")

    @model_validator(mode="after")
    def _hole_remains(self) -> "MaskConfig":
        if self.kind in ("rectangle", "mixed") and 2 * (self.max_shrink // 2) >= min(self.size):
            raise ValueError(
                f"mask.max_shrink must be smaller than mask.size {list(self.size)}, "
                f"or no hole is left; got {self.max_shrink}"
            )
        return self


class LearningRateConfig(Section):
    """How a factor on `optimizer.learning_rate` changes with the iteration."""

    kind: Literal["constant", "cosine", "steps"] = Field(
        default="constant", description="how the learning rate changes after the warm-up"
    )
    warmup: int = Field(default=0, ge=0, description="iterations of linear warm-up")
    cosine_from: int = Field(
        default=0, ge=0, description="cosine: iteration at which the decay starts"
    )
    cosine_floor: float = Field(
        default=0.0, ge=0, le=1, description="cosine: factor reached at the last iteration"
    )
    steps: list[int] = Field(default=[], description="steps: iterations at which the rate drops")
    step_factor: float = Field(default=0.1, gt=0, description="steps: factor applied at each drop")


class OptimizerSettings(Section):
    """Settings of the optimizer of one phase."""

    name: Literal["adam", "adadelta"] = Field(default="adam", description="kind of optimizer")
    learning_rate: float = Field(
        default=1e-4, gt=0, description="base rate, scaled by schedule; for Adadelta use 1"
    )
    beta1: float = Field(default=0.5, ge=0, lt=1, description="Adam: decay of the mean gradient")
    beta2: float = Field(default=0.9, ge=0, lt=1, description="Adam: decay of the squared gradient")
    rho: float = Field(default=0.9, ge=0, lt=1, description="Adadelta: decay of both means")
    epsilon: float = Field(
        default=1e-8, gt=0, description="added to the denominator; for Adadelta use 1e-6"
    )


class OptimizerConfig(OptimizerSettings):
    schedule: LearningRateConfig = LearningRateConfig()
    phases: dict[str, dict[str, Any]] = Field(
        default={}, description="settings of single phases, e.g. {critic: {beta2: 0.99}}"
    )

    @field_validator("phases")
    @classmethod
    def _phases_have_known_keys(cls, phases: dict[str, dict[str, Any]]) -> dict[str, Any]:
        for phase, changes in phases.items():
            for key in changes:
                if key not in OptimizerSettings.model_fields:
                    known = ", ".join(OptimizerSettings.model_fields)
                    raise ValueError(f"of {phase} has no key {key!r}; known keys: {known}")
        return phases

    def of(self, phase: str) -> OptimizerSettings:
        """Return the settings for one phase.

        Raises:
            ConfigError: a value in `phases` is not valid.
        """
        own = {key: getattr(self, key) for key in OptimizerSettings.model_fields}
        changes = self.phases.get(phase, {})
        return OptimizerSettings.checked(
            {**own, **changes}, source="configuration", prefix=f"optimizer.phases.{phase}"
        )


with warnings.catch_warnings():  # pydantic: `validate` hides a deprecated method of BaseModel
    warnings.filterwarnings("ignore", message=r'Field name "validate"')

    class ScheduleConfig(Section):
        iterations: int = Field(
            default=1_000_000, ge=1, description="generator updates, each after its critic updates"
        )
        minutes: float | None = Field(
            default=None, gt=0, description="stop earlier, after this many minutes of training time"
        )
        log_every: int = Field(default=100, ge=1, description="iterations between log lines")
        image_every: int = Field(
            default=1000, ge=1, description="iterations between sample pictures"
        )
        checkpoint_every: int = Field(
            default=5000, ge=1, description="iterations between checkpoints"
        )
        validate_every: int = Field(
            default=10000, ge=1, description="iterations between validations"
        )
        validate: bool = Field(default=True, description="false: no validation")  # type: ignore[assignment]
        keep_checkpoints: int = Field(default=5, ge=1, description="number of checkpoints to keep")
        average: float | None = Field(
            default=None,
            gt=0,
            lt=1,
            description="decay of a running mean of the weights, to validate and save as generator",
        )
        max_bad_updates: int = Field(
            default=10, ge=1, description="stop after this many non-finite updates in a row"
        )


class LoggingConfig(Section):
    visualdl: bool = Field(default=True, description="write curves and pictures for VisualDL")
