# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Measure speed and memory, and compare them with the machine's limits: see docs/benchmarks.md."""
