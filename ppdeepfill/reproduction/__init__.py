# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Plan a full run of the paper, and say what a healthy run looks like: verb reproduce."""
