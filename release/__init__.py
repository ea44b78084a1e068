# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Release a trained network: write it into the package, score it, and write what people read.

    python release/run.py output/deepfill_v1_photos --commit 4b967e6 --data data

Without a run only the scores, tables and pictures are made anew, of the network that is shipped.
"""
