# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Errors the user can fix.

The command line prints their message without a traceback and exits with their status, usually 2.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager


class UserError(Exception):
    """Something outside the code is wrong; the message says what it is and what to change.

    Attributes:
        status: exit status of the command.
    """

    status = 2


class ConfigError(UserError, ValueError):
    """A configuration key or value is not valid."""


class DataError(UserError, ValueError):
    """Images or masks are missing or cannot be used."""


class OutputError(UserError):
    """A result cannot be written."""


class CheckpointError(UserError, ValueError):
    """A checkpoint is missing, incomplete or belongs to another network."""


class WeightsError(UserError, ValueError):
    """A weight file is damaged, contains more than arrays, or does not fit the network."""


class AlignmentError(UserError, ValueError):
    """Arrays to compare are missing, damaged or do not match in shape."""


class LostProcess(UserError):
    """Another process of the same run ended or does not answer."""


class ChecksFailed(UserError):
    """A command ran to the end, but some of its checks failed."""

    status = 1


class ExportError(UserError, ValueError):
    """A network cannot be exported, or an exported folder cannot be used."""


def listed(names: Sequence[object], *, most: int = 5, separator: str = ", ") -> str:
    """The first names for a message, and how many more there are."""
    rest = [f"and {len(names) - most} more"] if len(names) > most else []
    return separator.join([*map(str, names[:most]), *rest])


@contextmanager
def refusals_of(key: str) -> Iterator[None]:
    """Turn a ValueError, raised by a builder that refuses an option, into a ConfigError on `key`.

    Raises:
        ConfigError: instead of the ValueError, which is kept as its cause.
    """
    try:
        yield
    except ValueError as error:
        raise ConfigError(f"{key}: {error}") from error
