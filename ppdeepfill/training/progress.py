# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""What a checkpoint keeps of a run besides arrays and configuration, ready for JSON."""

from collections.abc import Mapping
from typing import Any

from ppdeepfill.training.average import WeightAverage
from ppdeepfill.training.meter import Meter
from ppdeepfill.training.precision import LossScale
from ppdeepfill.training.reporter import Reporter


class Progress:
    """How far a run is, and the numbers it works with on the way.

    Args:
        reporter, meter, average, scales: parts of the trainer, whose numbers are kept; scales by
            phase.
        timed: the run ends after some time, so the time spent counts.
    """

    def __init__(
        self,
        reporter: Reporter,
        meter: Meter,
        average: WeightAverage,
        scales: Mapping[str, LossScale],
        *,
        timed: bool,
    ):
        self.reporter, self.meter, self.average, self.scales = reporter, meter, average, scales
        self.timed = timed

    def state(self) -> dict[str, Any]:
        """Return the numbers as they are now."""
        # Only where it decides the end: else equal runs have equal checkpoints.
        seconds = {"training_seconds": self.meter.total_seconds} if self.timed else {}
        return {
            "best_score": self.reporter.best_score,
            "interval": self.meter.state(),
            "average_updates": self.average.updates,
            "loss_scales": {phase: scale.state() for phase, scale in self.scales.items()},
            **seconds,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue with numbers from `state`; `restore_training` restores the average."""
        self.reporter.best_score = state["best_score"]
        self.meter.restore(state["interval"])
        self.meter.total_seconds = state.get("training_seconds", 0.0)
        scales = state.get("loss_scales", {})  # older checkpoints have none
        for phase, scale in self.scales.items():
            scale.restore(scales.get(phase, {}))
