# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Errors that the person at the keyboard can mend.

The command line prints their message without a traceback and exits with status 2.
"""

from collections.abc import Iterator
from contextlib import contextmanager


class UserError(Exception):
    """Something outside the code is wrong; the message says what, and what to change."""


class ConfigError(UserError, ValueError):
    """A configuration key or value is not usable."""


class DataError(UserError, ValueError):
    """Images or masks are missing or not usable."""


class CheckpointError(UserError, ValueError):
    """A checkpoint is missing, incomplete or belongs to another network."""


class WeightsError(UserError, ValueError):
    """A file of weights is damaged, holds more than arrays, or does not fit the network."""


class ExportError(UserError, ValueError):
    """A network cannot be exported, or an exported folder is not usable."""


@contextmanager
def refusals_of(key: str) -> Iterator[None]:
    """While entered, the ValueError of a builder that refuses an option is a ConfigError on `key`.

    Raises:
        ConfigError: in place of the ValueError, which remains its cause.
    """
    try:
        yield
    except ValueError as error:
        raise ConfigError(f"{key}: {error}") from error
