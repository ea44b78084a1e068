# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""What this machine has, what is wrong with it, and how to mend it; verb doctor."""
