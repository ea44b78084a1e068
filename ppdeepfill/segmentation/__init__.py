# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Find things in photographs by their class, with a PaddleSeg model."""
