# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The page, served on a free port by this process."""

import importlib.util
import threading
import time
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from ppdeepfill.app import server

MISSING = "needs gradio: pip install -e '.[app]'"


class Served(NamedTuple):
    """The address of a page, and what it keeps."""

    url: str
    events: object
    folder: str


@pytest.fixture(scope="session")
def served() -> Iterator[Served]:
    if importlib.util.find_spec("gradio") is None:
        pytest.skip(MISSING)
    with server.listening("127.0.0.1", 0) as listener, server.scratch_folder() as folder:
        import uvicorn

        from ppdeepfill.app.application import application

        with application("cpu") as (app, events):
            running = uvicorn.Server(
                uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)
            )
            thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
            thread.start()
            while not running.started:
                time.sleep(0.05)
            port = listener.getsockname()[1]
            yield Served(f"http://127.0.0.1:{port}/", events, folder)
            running.should_exit = True
            thread.join()
