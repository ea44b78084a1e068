# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The verbs of the command `ppdeepfill`, one file each: `add(verbs)` defines its arguments.

Nothing here imports paddle before a verb runs, so `--help` and wrong arguments answer at once.
"""
