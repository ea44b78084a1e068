# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The card of a shipped network, from card_demo.md or card_demo_small.md."""

from collections.abc import Sequence
from pathlib import Path

from release.shipping import Provenance
from release.tables import Result, overview

FOLDER = Path(__file__).parent  # of the templates


def render_card(name: str, provenance: Provenance, results: Sequence[Result]) -> str:
    """Fill the numbers of a network into its card."""
    fields = provenance._asdict() | {
        "iterations": f"{provenance.iterations:,}",
        "planned": f"{provenance.planned:,}",
        "minutes": f"{60 * provenance.hours:.1f}",
        "overview": overview(results) if results else "Not scored yet.",
        "half_precision": _half_precision(provenance),
    }
    template = FOLDER / f"card_{name}.md"
    return template.read_text(encoding="utf-8").format(**fields)


def _half_precision(provenance: Provenance) -> str:
    if not provenance.half_precision:
        return "not measured"
    texts = [
        f"{metric} {single:.6g} in single and {half:.6g} in half precision"
        for metric, (single, half) in provenance.half_precision.items()
    ]
    return ", ".join(texts) + " (BSDS500 val, square holes)"
