# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Check this machine, and say how to fix problems; verb doctor."""
