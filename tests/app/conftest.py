# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The page, served on a free port by this process."""

import importlib.util
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import colour_classes
import pytest

from ppdeepfill.app import server

MISSING = "needs gradio: pip install -e '.[app]'"


class Served(NamedTuple):
    """The address of the page in all languages, and what it keeps."""

    url: str
    workshop: object
    folder: str


class Started(NamedTuple):
    """A page in a process of its own, and the folder in which it may leave files meanwhile."""

    url: str
    process: subprocess.Popen
    folder: Path


@pytest.fixture
def start(tmp_path) -> Iterator[Callable[[], Started]]:
    """Starts `ppdeepfill app` and waits until it answers; ended at the latest with the test."""
    if importlib.util.find_spec("gradio") is None:
        pytest.skip(MISSING)
    processes = []

    def run() -> Started:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [sys.executable, "-m", "ppdeepfill.cli", "app", "--port", str(port)]
        environment = {**os.environ, "TMPDIR": str(tmp_path)}
        process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        processes.append(process)
        url = f"http://127.0.0.1:{port}/"
        for _ in range(3000):
            try:
                urllib.request.urlopen(url, timeout=5)
                return Started(url, process, tmp_path)
            except OSError:
                time.sleep(0.1)
        raise AssertionError("the page does not answer")

    yield run
    for process in processes:
        process.kill()
        process.wait()


@contextmanager
def serving(**options) -> Iterator[Served]:
    if importlib.util.find_spec("gradio") is None:
        pytest.skip(MISSING)
    with server.listening("127.0.0.1", 0) as listener, server.scratch_folder() as folder:
        import uvicorn

        from ppdeepfill.app.application import application

        with application("cpu", **options) as (app, workshop):
            running = uvicorn.Server(
                uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)
            )
            thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
            thread.start()
            while not running.started:
                time.sleep(0.05)
            port = listener.getsockname()[1]
            yield Served(f"http://127.0.0.1:{port}/", workshop, folder)
            running.should_exit = True
            thread.join()


@pytest.fixture(scope="session")
def served() -> Iterator[Served]:
    with serving() as page:
        yield page


@pytest.fixture(scope="session")
def served_with_classes(tmp_path_factory) -> Iterator[Served]:
    """The page, with a PaddleSeg model whose classes are colours."""
    recognition = colour_classes.recognition(tmp_path_factory.mktemp("seg"))
    with serving(recognition=recognition) as page:
        yield page
