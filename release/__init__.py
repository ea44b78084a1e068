# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Release a trained network: put it into the package, score it, and write card and results.

    python release/run.py output/deepfill_v1_photos --commit 4b967e6 --data data

Without a run, only renew the scores, tables and pictures of the network that already ships.
"""
