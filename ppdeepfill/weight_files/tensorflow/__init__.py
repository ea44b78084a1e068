# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Read TensorFlow checkpoints without TensorFlow."""
