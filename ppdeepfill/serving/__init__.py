# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""An HTTP service that fills holes: photo and mask in, photo out; it keeps nothing."""
