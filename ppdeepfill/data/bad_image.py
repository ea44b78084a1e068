# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The reason for refusing an image file."""


class BadImage(ValueError):
    """An image file cannot be used; the message says why, in our words.

    Decoders raise other classes, so their messages never reach a user.
    """
