# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Serve the page, by default on this computer only, and leave nothing on disk."""

import logging
import os
import signal
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from ppdeepfill.errors import ConfigError
from ppdeepfill.serving.address import listening

if TYPE_CHECKING:
    from ppdeepfill.segmentation.recognition import Recognition

logger = logging.getLogger(__name__)

GOODBYE = 2  # seconds that open connections get to finish
NOT_INSTALLED = (
    "the page needs gradio, which is not installed; from the root of this repository, run\n"
    '  pip install -e ".[app]"'
)


def serve(
    host: str,
    port: int,
    device: str,
    *,
    recognition: "Recognition | None" = None,
    language: str | None = None,
) -> None:
    """Serve the page until interrupted.

    Args:
        host: address to listen on; 127.0.0.1 means this computer only.
        port: port to listen on.
        device: see `use_device`.
        recognition: a PaddleSeg model, to mark things by class.
        language: "en" or "zh"; None: as each browser asks.

    Raises:
        UserError: gradio is missing; or the address, the device or the model cannot be used.
    """
    with listening(host, port) as listener, scratch_folder():
        try:
            import uvicorn

            from ppdeepfill.app.application import application
        except ModuleNotFoundError as error:
            if error.name not in ("gradio", "fastapi", "uvicorn"):
                raise
            raise ConfigError(NOT_INSTALLED) from None
        with application(device, recognition=recognition, language=language) as (app, _):
            settings = uvicorn.Config(
                app, log_level="warning", timeout_graceful_shutdown=GOODBYE, access_log=False
            )
            shown_host = host if host not in ("0.0.0.0", "::") else socket.gethostname()
            logger.info("open http://%s:%d in a browser; stop with Ctrl-C", shown_host, port)
            uvicorn.Server(settings).run(sockets=[listener])


@contextmanager
def scratch_folder() -> Iterator[str]:
    """A folder for gradio's files, removed at the end, also after SIGTERM."""
    previous = signal.signal(signal.SIGTERM, _leave)
    with tempfile.TemporaryDirectory(prefix="ppdeepfill-app-") as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder  # read when gradio is imported
        os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
        try:
            yield folder
        finally:
            signal.signal(signal.SIGTERM, previous)


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
