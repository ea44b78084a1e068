# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Networks on disk: checkpoints, generator files, and weights of other implementations."""
