# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""What the trainer works with: state, log, pictures, guard, resuming."""
