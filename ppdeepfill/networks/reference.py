# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Whose code a network follows where paper and published codes differ."""

from typing import Literal

Reference = Literal["tensorflow", "torch"]  # the authors' code, or the PyTorch port
