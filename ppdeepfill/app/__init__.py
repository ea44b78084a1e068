# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The web page of `ppdeepfill app`: paint over what should disappear, and fill the hole.

The page uses gradio, with two small parts of our own in `web/` for painting and viewing results.
Nothing that a visitor sends is written to disk, and the browser never sends a path.
"""
