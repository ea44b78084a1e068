# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""`ppdeepfill serve` as a process: it starts, answers under load in bounded memory, and stops."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from threading import Event

import httpx
import image_files
import numpy as np
import pytest
from numpy import ndarray
from PIL import Image
from small_run import save_small_network

from ppdeepfill.cli import main
from ppdeepfill.inference.inpainter import Inpainter

COMMAND = [sys.executable, "-m", "ppdeepfill.cli", "serve"]
SIDE = 64
HOLE = np.zeros([SIDE, SIDE], bool)
HOLE[16:48, 16:48] = True
MASK = image_files.pillow(HOLE[..., None] * np.uint8(255), "PNG")


class Service:
    """The process, and its address once it has said so."""

    def __init__(self, *arguments: str | Path):
        self.process = subprocess.Popen(
            [*COMMAND, *map(str, arguments), "--port=0", "--device=cpu"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.said = ""
        while " on http://" not in self.said:
            line = self.process.stdout.readline()
            assert line, f"the service has ended: {self.said}"
            self.said += line
        self.address = self.said.split(" on ")[1].strip()
        self._wait_until_ready()

    def _wait_until_ready(self) -> None:
        for _ in range(200):
            try:
                httpx.get(f"{self.address}/health").raise_for_status()
                return
            except httpx.TransportError:
                time.sleep(0.05)
        raise AssertionError(f"no answer from {self.address}")

    def fill(self, photo: bytes, mask: bytes = MASK, **fields: str) -> httpx.Response:
        files = {"photo": photo, "mask": mask}
        return httpx.post(f"{self.address}/fill", files=files, data=fields, timeout=120)

    def megabytes(self) -> float:
        """Of memory, at this moment."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def stop(self) -> int:
        """The exit status after SIGTERM."""
        self.process.send_signal(signal.SIGTERM)
        self.said += self.process.communicate(timeout=60)[0]
        return self.process.returncode


@pytest.fixture(scope="module")
def network(tmp_path_factory) -> Path:
    return save_small_network(tmp_path_factory.mktemp("network"))


@pytest.fixture
def service(network) -> Iterator[Service]:
    service = Service(network)
    try:
        yield service
    finally:
        service.process.kill()


def photo(number: int, side: int = SIDE) -> ndarray:
    return np.random.default_rng(number).integers(0, 256, [side, side, 3], dtype=np.uint8)


def test_a_request_at_work_is_finished_before_the_service_stops(service, network):
    pixels, stopping = photo(0), Event()
    form = httpx.Request(
        "POST",
        f"{service.address}/fill",
        files={"photo": image_files.pillow(pixels, "PNG"), "mask": MASK},
    )
    body = form.read()

    def in_halves() -> Iterator[bytes]:
        yield body[:1000]
        stopping.wait(60)
        yield body[1000:]

    with ThreadPoolExecutor(1) as client:
        answer = client.submit(
            httpx.post, form.url, content=in_halves(), headers=form.headers, timeout=120
        )
        while httpx.get(f"{service.address}/health").json()["at_work"] == 0:
            assert not answer.done()
        service.process.send_signal(signal.SIGTERM)
        stopping.set()
        content = answer.result().content
    assert service.stop() == 0
    expected = Inpainter.from_checkpoint(network)(pixels, HOLE)
    np.testing.assert_array_equal(np.asarray(Image.open(BytesIO(content))), expected)
    assert "stopped" in service.said


def test_a_port_in_use_is_an_error(network, capsys):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert main(["serve", str(network), f"--port={port}", "--device=cpu"]) == 2
    assert f"cannot listen on 127.0.0.1:{port}" in capsys.readouterr().err


def test_a_missing_extra_is_named(network, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert main(["serve", str(network)]) == 2
    assert 'pip install -e ".[serve]"' in capsys.readouterr().err


def test_a_missing_network_is_an_error(tmp_path, capsys):
    assert main(["serve", str(tmp_path), "--port=0", "--device=cpu"]) == 2
    assert "no generator.safetensors at" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads memory from /proc")
def test_quick_requests_and_bad_uploads_in_bounded_memory(service, network):
    inpainter = Inpainter.from_checkpoint(network)
    refused = [content for content, right in image_files.FILES.values() if isinstance(right, str)]
    cut = [content[: len(content) // 2] for content, _ in image_files.FILES.values()]
    bad = (refused + cut)[:50]
    assert len(bad) == 50

    def good_one(number: int) -> None:
        pixels = photo(number)
        answer = patiently(lambda: service.fill(image_files.pillow(pixels, "PNG")))
        expected = inpainter_results[number]
        np.testing.assert_array_equal(np.asarray(Image.open(BytesIO(answer.content))), expected)

    def bad_one(content: bytes) -> None:
        answer = patiently(lambda: service.fill(content))
        assert answer.status_code == 422
        assert answer.json()["error"]

    inpainter_results = [inpainter(photo(number), HOLE) for number in range(50)]
    memory = []
    for _ in range(3):
        with ThreadPoolExecutor(25) as clients:
            tasks = [clients.submit(good_one, number) for number in range(50)]
            tasks += [clients.submit(bad_one, content) for content in bad]
            for task in tasks:
                task.result()
        memory.append(service.megabytes())
    assert httpx.get(f"{service.address}/health").status_code == 200
    assert memory[-1] < memory[0] + 50, memory
    assert service.stop() == 0


def patiently(request) -> httpx.Response:
    """The answer, after as many tries as the service asks for."""
    while (answer := request()).status_code == 503:
        time.sleep(int(answer.headers["retry-after"]) / 4)
    return answer
