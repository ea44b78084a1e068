# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Filling holes in photographs: with a network, or with the methods that need none."""
