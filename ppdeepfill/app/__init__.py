# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The web page of `ppdeepfill app`: paint over what should go, and fill the hole.

The page is gradio's; painting and looking at results are two small parts of our own in `web/`.
Nothing a visitor sends is written to disk, and no path comes from the browser.
"""
