# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""What a full run of the paper needs, and how to see that it is healthy: verb reproduce."""
