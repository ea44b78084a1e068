# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The address on which a program listens."""

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from ppdeepfill.errors import ConfigError


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """Open a socket at this address; do so before the slow steps of starting.

    Args:
        host: name or number.
        port: 0 picks a free one.

    Raises:
        ConfigError: the address is unknown or in use.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise ConfigError(f"--host {host}: {error.strerror or error}") from error
    with listener:
        if sys.platform != "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
        except OSError as error:
            raise ConfigError(
                f"cannot listen on {host}:{port}: {error.strerror or error}; use another --port, "
                "or stop the program that uses this one"
            ) from error
        yield listener
