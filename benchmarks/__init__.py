# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""How fast, in how much memory, and how near to what the machine can do: see docs/benchmarks.md."""
