# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The service gives what `predict` gives, says what is wrong, and mixes nothing up."""

import asyncio
import struct
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import httpx
import image_files
import numpy as np
import pytest
from image_files import HOLE, RGB, pillow
from numpy import ndarray
from PIL import Image
from small_run import save_small_network

from ppdeepfill.deployment.exported import ExportedInpainter
from ppdeepfill.deployment.exporting import export_model
from ppdeepfill.errors import ConfigError
from ppdeepfill.inference.predict import predict
from ppdeepfill.serving.application import application
from ppdeepfill.serving.filling import Filled, Order
from ppdeepfill.serving.limits import Limits
from ppdeepfill.serving.worker import Worker


def mask_of(hole: ndarray) -> bytes:
    return pillow(hole[..., None] * np.uint8(255), "PNG")


MASK = mask_of(HOLE)
PHOTO = pillow(RGB, "PNG")
LIMITS = Limits(megabytes=1, megapixels=1)


@pytest.fixture(scope="module")
def network(tmp_path_factory) -> Path:
    return save_small_network(tmp_path_factory.mktemp("network"))


@pytest.fixture(scope="module")
def worker(network) -> Iterator[Worker]:
    worker = Worker(network, "cpu", LIMITS.pixels)
    yield worker
    worker.close()


def ask(
    worker,
    *requests: tuple[str, str, dict],
    limits: Limits = LIMITS,
    at_once: bool = True,
) -> list[httpx.Response]:
    """Answers of one service to (method, path, arguments of httpx)."""

    async def answers() -> list[httpx.Response]:
        transport = httpx.ASGITransport(application(worker, limits))
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            asked = [client.request(method, path, **more) for method, path, more in requests]
            return await asyncio.gather(*asked) if at_once else [await one for one in asked]

    return asyncio.run(answers())


def upload(photo: bytes = PHOTO, mask: bytes = MASK, **fields: str) -> tuple[str, str, dict]:
    return "POST", "/fill", {"files": {"photo": photo, "mask": mask}, "data": fields}


@pytest.mark.parametrize(
    ("name", "photo"),
    [
        ("photo.png", PHOTO),
        ("photo.jpg", pillow(RGB, "JPEG", quality=80, exif=image_files.EXIF_TURNED)),
        ("photo.webp", pillow(RGB, "WEBP", lossless=True)),
        ("photo.tif", image_files.tiff(image_files.RGBA16[..., :3])),
        ("photo.png", pillow(image_files.GREY, "PNG")),
        ("photo.gif", pillow(RGB, "GIF")),
    ],
)
@pytest.mark.parametrize("file_format", ["same", "png"])
def test_an_answer_is_the_file_that_predict_writes(
    name, photo, file_format, worker, network, tmp_path
):
    (tmp_path / name).write_bytes(photo)
    (tmp_path / "mask.png").write_bytes(MASK)
    (expected,) = predict(
        tmp_path / name,
        tmp_path / "mask.png",
        model_path=network,
        save_dir=tmp_path / "filled",
        file_format=file_format,
    )
    (answer,) = ask(worker, upload(photo, format=file_format))
    assert answer.status_code == 200, answer.text
    assert answer.content == expected.read_bytes()
    assert Image.MIME[Image.open(BytesIO(answer.content)).format] == answer.headers["content-type"]


def test_known_pixels_do_not_change(worker):
    (answer,) = ask(worker, upload())
    pixels = np.asarray(Image.open(BytesIO(answer.content)))
    np.testing.assert_array_equal(pixels[~HOLE], RGB[~HOLE])
    assert (pixels[HOLE] != RGB[HOLE]).any()


def test_an_exported_folder_fills_as_from_python(network, tmp_path):
    export_model(network, tmp_path, input_shape=(1, 3, *HOLE.shape))
    worker = Worker(tmp_path, "cpu", LIMITS.pixels)
    (answer,) = ask(worker, upload())
    worker.close()
    expected = ExportedInpainter(tmp_path)(RGB, HOLE)
    np.testing.assert_array_equal(np.asarray(Image.open(BytesIO(answer.content))), expected)
    assert worker.model.description["exported"]


def test_fields_act_as_the_flags_of_predict(worker):
    black = mask_of(~HOLE)
    plain, inverted, wider = ask(
        worker, upload(), upload(mask=black, mask_polarity="black"), upload(dilate="3")
    )
    assert plain.content == inverted.content
    changed = np.asarray(Image.open(BytesIO(wider.content))) != RGB
    assert changed.any(axis=2)[~HOLE].any()


def test_several_clients_at_once_get_their_own_results(worker):
    photos = [pillow(np.roll(RGB, shift, axis=0), "PNG") for shift in range(8)]
    alone = [ask(worker, upload(photo))[0].content for photo in photos]
    together = [answer.content for answer in ask(worker, *map(upload, photos))]
    assert together == alone
    assert len(set(alone)) == len(alone)


def huge_png(width: int, height: int) -> bytes:
    """A small file that claims to have many pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", b"x\x9c\x03\x00\x00\x00\x00\x01"), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(image_files.chunk(*chunk) for chunk in chunks)


BAD = {
    "no photo": ({"files": {"mask": MASK}}, "photo: Field required"),
    "a text as photo": (upload(b"hello")[2], "cannot read the image photo: not an image"),
    "an empty photo": (upload(b"")[2], "cannot read the image photo: the file is empty"),
    "a photo cut off": (upload(PHOTO[:300])[2], "cannot read the image photo"),
    "many pixels": (upload(huge_png(30_000, 30_000))[2], "more than 1 million pixels"),
    "a mask of many pixels": (upload(mask=huge_png(2000, 2000))[2], "more than 1 million pixels"),
    "a text as mask": (upload(mask=b"hello")[2], "cannot read the image mask"),
    "no hole": (upload(mask=mask_of(HOLE & False))[2], "mask: no hole: the mask is 0 everywhere"),
    "all hole": (upload(mask=mask_of(HOLE | True))[2], "mask: the hole covers the whole photo"),
    "another size": (
        upload(mask=mask_of(HOLE[:12]), strict="true")[2],
        "the mask is 30 x 12 pixels, the photo 30 x 24",
    ),
    "an unknown format": (upload(format="gif")[2], "format: Input should be 'same' or 'png'"),
    "a negative width": (upload(dilate="-1")[2], "dilate: Input should be greater than"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_upload_is_answered_with_what_is_wrong(name, worker):
    arguments, words = BAD[name]
    (answer,) = ask(worker, ("POST", "/fill", arguments))
    assert answer.status_code == 422
    assert words in answer.json()["error"]
    assert "--" not in answer.json()["error"]  # fields, not the flags of the command line


def test_what_is_no_form_is_refused(worker):
    broken = {"content": b"x" * 100, "headers": {"content-type": "multipart/form-data; boundary=b"}}
    answers = ask(
        worker,
        ("POST", "/fill", {"json": {"photo": 1}}),
        ("POST", "/fill", broken),
        ("GET", "/fill", {}),
        ("GET", "/nothing", {}),
    )
    assert [answer.status_code for answer in answers] == [422, 400, 405, 404]
    assert all(answer.json()["error"] for answer in answers)


async def in_parts(content: bytes):
    """A body whose length is not announced."""
    for start in range(0, len(content), 1 << 16):
        yield content[start : start + (1 << 16)]


def test_too_many_bytes_are_refused_whether_announced_or_not(worker):
    large = bytes(2 << 20)
    form = httpx.Request("POST", "http://service/fill", files={"photo": large, "mask": MASK})
    parts = {"content": in_parts(form.read()), "headers": {**form.headers}}
    del parts["headers"]["content-length"]
    for answer in ask(worker, upload(large)) + ask(worker, ("POST", "/fill", parts)):
        assert answer.status_code == 413
        assert answer.json()["error"].startswith("a request may have at most 1 MB")


class Slow:
    """A worker that never finishes."""

    def __init__(self):
        self.orders: list[tuple[Order, Future[Filled]]] = []

    def submit(self, order: Order) -> Future[Filled]:
        self.orders.append((order, Future()))
        return self.orders[-1][1]


def test_more_requests_than_may_wait_are_asked_to_come_back():
    limits = Limits(queue=2, seconds=1)
    answers = ask(Slow(), *[upload()] * 5, ("GET", "/health", {}), limits=limits)
    assert sorted(answer.status_code for answer in answers[:-1]) == [503, 503, 504, 504, 504]
    for answer in answers[:-1]:
        assert answer.json()["error"]
        assert ("retry-after" in answer.headers) == (answer.status_code == 503)
    assert answers[-1].json() == {"status": "ok", "at_work": 3}  # in the meantime


def test_a_place_is_free_again_after_every_kind_of_answer(worker):
    limits = Limits(megabytes=1, queue=1)
    in_turn = [upload(), upload(b""), upload(bytes(2 << 20)), upload(format="gif")] * 2
    answers = ask(worker, *in_turn, limits=limits, at_once=False)
    assert [answer.status_code for answer in answers] == [200, 422, 413, 422] * 2


def test_an_order_that_nobody_waits_for_is_given_up(worker):
    slow = Slow()
    ask(slow, upload(), limits=Limits(seconds=1))
    order, result = slow.orders[0]
    assert result.cancelled()
    order = replace(order, photo=BytesIO(PHOTO), mask=BytesIO(MASK))
    with pytest.raises(CancelledError):  # at work already: at the next crop
        worker.submit(order).result()


def test_an_upload_that_does_not_arrive_is_given_up():
    async def stalling():
        yield b"--b\r\n"
        await asyncio.sleep(30)

    headers = {"content-type": "multipart/form-data; boundary=b"}
    request = ("POST", "/fill", {"content": stalling(), "headers": headers})
    (answer,) = ask(Slow(), request, limits=Limits(upload_seconds=1))
    assert answer.status_code == 408
    assert answer.json()["error"] == "the request did not arrive within 1 seconds"


def test_the_service_describes_itself_without_help_from_elsewhere(worker):
    page, docs, description, info = ask(
        worker, *[("GET", path, {}) for path in ("/", "/docs", "/openapi.json", "/info")]
    )
    assert page.text == docs.text
    assert "://" not in page.text
    answers = description.json()["paths"]["/fill"]["post"]["responses"]
    assert {"200", "413", "422", "503", "504"} <= answers.keys()
    assert "image/*" in answers["200"]["content"]
    assert info.json()["limits"]["megapixels"] == 1
    assert info.json()["model"]["network"] == "deepfill_v1"


def test_a_network_that_is_not_there_ends_the_start(tmp_path):
    with pytest.raises(ConfigError, match="device 'gpu:9' cannot be used"):
        Worker(tmp_path, "gpu:9", 1)


def test_limits_are_at_least_one():
    with pytest.raises(ConfigError, match="queue must be at least 1; got 0"):
        Limits(queue=0)
