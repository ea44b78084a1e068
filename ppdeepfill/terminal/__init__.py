# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Behaviour at the terminal: progress, and a clean end at Ctrl-C."""
