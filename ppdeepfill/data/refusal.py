# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Why an image file is not read."""


class Refusal(ValueError):
    """An image file cannot be used; the message is the reason, in our words.

    Errors of decoders are of other classes, so that their words never reach a user.
    """
