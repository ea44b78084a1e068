# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The configuration of a training run: its schema, and loading, checking and writing it."""

from ppdeepfill.config.schema import Config, load_config
from ppdeepfill.config.sections import (
    DataConfig,
    LearningRateConfig,
    MaskConfig,
    OptimizerConfig,
    OptimizerSettings,
    ScheduleConfig,
)

__all__ = [
    "Config",
    "DataConfig",
    "LearningRateConfig",
    "MaskConfig",
    "OptimizerConfig",
    "OptimizerSettings",
    "ScheduleConfig",
    "load_config",
]
