# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Which published implementation a network follows where they differ."""

from typing import Literal

Reference = Literal["tensorflow", "torch"]  # the authors' code, or the PyTorch port
