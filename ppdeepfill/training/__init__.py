# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The trainer and its parts: optimizers, state, log, pictures, validation, resuming."""
