# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""One file per verb of the command `ppdeepfill`: `add(verbs)` describes its arguments.

Nothing here imports paddle before a verb runs, so that `--help` and refusals answer at once.
"""
