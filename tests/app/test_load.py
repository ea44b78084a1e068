# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The page under many people at once, by gradio's own client: it stays up and mixes nothing."""

import base64
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

from ppdeepfill.app.methods import BASELINES, Methods
from ppdeepfill.inference.strategies import Strategy, fill
from ppdeepfill.weights.finding import DEMO_SMALL

gradio_client = pytest.importorskip("gradio_client", reason="needs gradio")

PEOPLE = 50
AT_ONCE = 16
SIZE = (64, 80)
MORE_MEMORY = 150 << 20  # bytes by which a second round may exceed the first


def in_base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def png_of(pixels: np.ndarray) -> bytes:
    return cv2.imencode(".png", pixels)[1].tobytes()


def person(number: int) -> tuple[np.ndarray, np.ndarray, str]:
    """Photo RGB, hole and method of a visitor; no two alike."""
    rng = np.random.default_rng(number)
    image = cv2.resize(rng.integers(0, 256, (5, 6, 3), np.uint8), SIZE[::-1])
    hole = np.zeros(SIZE, bool)
    top, left = rng.integers(4, 30, 2)
    hole[top : top + 20, left : left + 24] = True
    return image, hole, [DEMO_SMALL, *BASELINES][number % 4]


def client_of(url: str):
    """A visitor who is patient: on a busy machine, answers take their time."""
    return gradio_client.Client(f"{url}en/", verbose=False, httpx_kwargs={"timeout": 120})


def fill_as(url: str, number: int) -> bytes:
    """Open, fill and download; the content of the file that comes back."""
    client = client_of(url)
    image, hole, method = person(number)
    file = {"name": f"{number}.png", "content": in_base64(png_of(image[..., ::-1]))}
    client.predict({"file": file}, api_name="/open")
    mask = in_base64(png_of(hole.astype(np.uint8) * 255))
    client.predict({"mask": mask}, method, 0, False, api_name="/fill")
    saved, _ = client.predict(api_name="/download_same")
    assert saved["name"] == f"{number}_filled.png"
    client.close()
    return base64.b64decode(saved["content"])


BAD = [
    {"file": {"name": "a.png", "content": in_base64(b"no picture at all")}},
    {"file": {"name": "a.png", "content": "not base64!"}},
    {"file": {"name": "a.jpg", "content": in_base64(b"\xff\xd8\xff" + bytes(1000))}},
    {"file": {"name": "a.png", "content": in_base64(png_of(np.zeros(SIZE, np.uint8))[:50])}},
    {"file": {"name": "a.png", "content": in_base64(png_of(np.zeros((5000, 5000), np.uint8)))}},
    {"file": {"name": "a.png", "content": "A" * (41 << 20)}},
    {"file": {"name": 5, "content": None}},
    {"file": "/etc/passwd"},
    {"sample": 99},
    {"sample": "../../secret"},
    {},
    [{}],
    None,
]


def open_badly(url: str, number: int) -> str:
    """What the page says of a bad upload."""
    client = client_of(url)
    answer = client.predict(BAD[number % len(BAD)], api_name="/open")
    client.close()
    return str(answer)


def most_memory(process: int) -> int:
    """Bytes that a process has held at most."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) << 10


def rush(url: str) -> list[bytes]:
    """Fifty people and fifty bad uploads -> what the people got."""
    with ThreadPoolExecutor(AT_ONCE) as people:
        bad = people.map(open_badly, [url] * PEOPLE, range(PEOPLE))
        good = people.map(fill_as, [url] * PEOPLE, range(PEOPLE))
        refusals, results = list(bad), list(good)
    assert all("error" in refusal for refusal in refusals)
    return results


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="measures memory on Linux")
def test_fifty_people_and_fifty_bad_uploads(start):
    page, methods = start(), Methods()
    results = rush(page.url)
    for number, content in enumerate(results):
        image, hole, method = person(number)
        expected = fill(methods.inpainter(method), image, hole, Strategy()).image
        got = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
        np.testing.assert_array_equal(got, expected, err_msg=f"visitor {number}")
    after_one = most_memory(page.process.pid)
    assert rush(page.url) == results
    after_two = most_memory(page.process.pid)
    print(f"at most {after_one >> 20} MiB in the first round, {after_two >> 20} MiB in both")
    assert after_two - after_one < MORE_MEMORY
    assert not [path for path in page.folder.rglob("*") if path.is_file()]
