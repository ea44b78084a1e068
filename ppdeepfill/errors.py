# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Errors that the person at the keyboard can mend.

The command line prints their message without a traceback and exits with their status, 2 for most.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager


class UserError(Exception):
    """Something outside the code is wrong; the message says what, and what to change.

    Attributes:
        status: exit status of the command.
    """

    status = 2


class ConfigError(UserError, ValueError):
    """A configuration key or value is not usable."""


class DataError(UserError, ValueError):
    """Images or masks are missing or not usable."""


class OutputError(UserError):
    """A result cannot be written."""


class CheckpointError(UserError, ValueError):
    """A checkpoint is missing, incomplete or belongs to another network."""


class WeightsError(UserError, ValueError):
    """A file of weights is damaged, holds more than arrays, or does not fit the network."""


class AlignmentError(UserError, ValueError):
    """Arrays that are to be compared are missing, damaged or do not fit each other."""


class ChecksFailed(UserError):
    """A command did its work, and what it checked is not as it should be."""

    status = 1


class ExportError(UserError, ValueError):
    """A network cannot be exported, or an exported folder is not usable."""


def listed(names: Sequence[object], *, most: int = 5, separator: str = ", ") -> str:
    """The first names for a message, and how many more there are."""
    rest = [f"and {len(names) - most} more"] if len(names) > most else []
    return separator.join([*map(str, names[:most]), *rest])


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
