# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Limits for the clients of the service."""

from dataclasses import dataclass, fields

from ppdeepfill.errors import ConfigError


@dataclass(frozen=True)
class Limits:
    """Limits on memory and time; all are at least 1.

    Attributes:
        megabytes: size of a request, photo and mask together (2**20 bytes).
        megapixels: size of the photo, and of the mask.
        queue: number of requests that may wait or arrive while one is computed.
        upload_seconds: time for a request to arrive.
        seconds: time for an answer, once the request has arrived.

    Raises:
        ConfigError: a limit is below 1.
    """

    megabytes: int = 32
    megapixels: int = 24
    queue: int = 16
    upload_seconds: int = 30
    seconds: int = 120

    def __post_init__(self) -> None:
        for limit in fields(self):
            if getattr(self, limit.name) < 1:
                raise ConfigError(
                    f"{limit.name} must be at least 1; got {getattr(self, limit.name)}"
                )

    @property
    def bytes(self) -> int:
        """`megabytes` in bytes."""
        return self.megabytes << 20

    @property
    def pixels(self) -> int:
        """`megapixels` in pixels."""
        return self.megapixels * 10**6
