# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Serve on an address until interrupted, then finish the requests in progress."""

import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ppdeepfill.errors import ConfigError
from ppdeepfill.serving.address import listening
from ppdeepfill.serving.limits import Limits

logger = logging.getLogger(__name__)

CONNECTIONS = 256  # open at the same time; more are answered with 503
NEEDED = ("fastapi", "starlette", "multipart", "python_multipart", "uvicorn", "anyio")
NOT_INSTALLED = """the service needs {}, which is not installed. From the root of this repository,
run: pip install -e ".[serve]\""""


def serve(model_path: Path, *, host: str, port: int, device: str, limits: Limits) -> None:
    """Serve until Ctrl-C or SIGTERM.

    Args:
        model_path: a folder written by `ppdeepfill export`, or a network as for
            `ppdeepfill predict`.
        host: address to listen on; 127.0.0.1 means this computer only.
        port: port to listen on; 0 picks a free one.
        device: see `use_device`.
        limits: limits for clients.

    Raises:
        UserError: network, device, address or port cannot be used, or the extra is missing.
    """
    try:
        import uvicorn

        from ppdeepfill.serving.application import application
        from ppdeepfill.serving.worker import Worker
    except ModuleNotFoundError as error:
        if error.name not in NEEDED:
            raise
        raise ConfigError(NOT_INSTALLED.format(error.name)) from None
    with listening(host, port) as listener, _ended_by_sigterm():
        app = application(Worker(model_path, device, limits.pixels), limits)
        settings = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            limit_concurrency=CONNECTIONS,
            timeout_graceful_shutdown=limits.seconds,
        )
        logger.info("serving %s on http://%s:%d", model_path, *listener.getsockname()[:2])
        uvicorn.Server(settings).run(sockets=[listener])
        logger.info("stopped")


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Ignore SIGTERM in this context: uvicorn raises it again after stopping, without a failure."""
    previous = signal.signal(signal.SIGTERM, lambda number, frame: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
