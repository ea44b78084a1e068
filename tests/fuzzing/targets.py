# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Everything that reads files or requests of strangers, each as a function of bytes.

A target returns, or raises an error that its callers turn into a message. It raises AssertionError
where something wrong was read without notice.
"""

import asyncio
import contextlib
import io
import json
import os
import pickle
import random
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import numpy as np
from damaged_files import archives_and_lists
from image_files import FILES, GREY, HOLE, RGB, pillow
from safetensors.numpy import save
from small_run import save_small_network
from weight_files.bundles import write_bundle

from ppdeepfill.app.filling import hole_in, open_photo
from ppdeepfill.config import Config, load_config
from ppdeepfill.config.text import leaves
from ppdeepfill.config.yaml_files import override
from ppdeepfill.data import open_source
from ppdeepfill.data.archives import INDEX_SUFFIX
from ppdeepfill.data.decoding import decode_image, decode_mask
from ppdeepfill.data.labels import UNKNOWN, LabelMaps
from ppdeepfill.errors import ConfigError, DataError, UserError, WeightsError
from ppdeepfill.networks import NETWORKS
from ppdeepfill.photos import HoleRule, encoded, hole_of_mask, photo_from
from ppdeepfill.segmentation.model_config import read_model_config
from ppdeepfill.serving.admission import Admission
from ppdeepfill.serving.application import application
from ppdeepfill.serving.limits import Limits
from ppdeepfill.serving.worker import Worker
from ppdeepfill.weight_files import read_arrays
from ppdeepfill.weight_files.tensorflow.bundle import read_bundle
from ppdeepfill.weight_files.tensorflow.records import count_shards, parse_entry
from ppdeepfill.weight_files.tensorflow.snappy import unpack
from ppdeepfill.weights.finding import load_generator
from ppdeepfill.weights.recorded_arrays import write_recorded

ROOT = Path(__file__).resolve().parents[2]
OWN_ARRAYS = ROOT / "tests" / "reference_arrays" / "weight_files"
OVERHEAD = 4 << 20  # bytes that reading may take beside twice the size of a file
WEIGHT = np.arange(6, dtype=np.float32).reshape(2, 3)
NASTY = (
    "", "~", "0", "-1", "1e400", "-0.0", ".nan", ".inf", "99999999999999999999", "true", "yes",
    "[]", "{}", "[1, 2]", "[[[[]]]]", "2001-13-40", "!!binary x", "!!float x",
    "!!python/name:os.system",
    "&a [*a]", "*a", "'", "%", "0x10", "1_000", "256", "0.5", "null", "/etc/passwd", "..", "a: b",
    "\N{ZERO WIDTH SPACE}", "\N{COLLISION SYMBOL}" * 300, "auto", "cpu", "cosine", "mixed",
)  # fmt: skip


@dataclass(frozen=True)
class Target:
    """One reader.

    Attributes:
        seeds: honest inputs.
        read: takes content and a folder of its own.
        refusals: errors by which it may refuse.
    """

    seeds: Callable[[], list[bytes]]
    read: Callable[[bytes, Path], Any]
    refusals: tuple[type[Exception], ...] = (UserError,)


def images() -> list[bytes]:
    return [content for content, _ in FILES.values() if content]


def read_image(content: bytes, _: Path) -> None:
    """As training reads it."""
    assert decode_image(content).shape[2] == 3


def read_mask(content: bytes, _: Path) -> None:
    """As evaluation reads it; then as `predict` finds a hole."""
    assert decode_mask(content).dtype == np.uint8
    photo = photo_from(content, "photo")
    hole = hole_of_mask(photo, photo, Path("mask"), HoleRule())
    assert hole.shape == photo.pixels.shape[:2]
    assert 0 < hole.sum() < hole.size


def read_photo(content: bytes, _: Path) -> None:
    """As `predict` reads it and writes it again; known pixels of a lossless file stay."""
    photo = photo_from(content, "photo", most_pixels=1 << 22)
    size = photo.pixels.shape[:2]
    hole = HOLE if size == HOLE.shape else np.zeros(size, bool)
    written, kept = encoded(photo.completed(255 - photo.rgb(), hole), "photo.png")
    if not kept.lossy:
        assert np.array_equal(photo_from(written, "result").pixels[~hole], photo.pixels[~hole])


def read_source(content: bytes, folder: Path) -> None:
    """Archives and lists: pictures are read, or refused."""
    kind = ".zip" if content[:2] == b"PK" else ".txt" if content[:2] == b"# " else ".tar"
    path = folder / f"source{kind}"
    path.write_bytes(content)
    try:
        _check_pictures(path)
    finally:
        path.with_name(path.name + INDEX_SUFFIX).unlink(missing_ok=True)


def indices() -> list[bytes]:
    seeds = []
    with TemporaryDirectory() as folder:
        for path, index in _archives(Path(folder)):
            open_source(str(path))
            seeds.append(index.read_bytes())
    return seeds


def read_index(content: bytes, folder: Path) -> None:
    """A damaged index beside a good archive."""
    for path, index in _archives(folder):
        index.write_bytes(content)
        _check_pictures(path)


def _archives(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Good archives, and where their indices are; an index knows the time of its archive."""
    for kind in ("zip0.zip", "tar1.tar"):
        path = folder / kind
        if not path.exists():
            path.write_bytes(archives_and_lists()[kind])
            os.utime(path, (1, 1))
        yield path, path.with_name(path.name + INDEX_SUFFIX)


def _check_pictures(path: Path) -> None:
    source = open_source(str(path))
    for number in range(min(len(source), 4)):
        with contextlib.suppress(DataError):
            picture = source.read(number)
            assert picture.shape[2] == 3


def read_labels(content: bytes, folder: Path) -> None:
    (folder / "photo.png").write_bytes(content)
    labels = LabelMaps(folder, classes=5).read("photo.jpg", HOLE.shape)
    assert labels.shape == HOLE.shape
    assert ((labels < 5) | (labels == UNKNOWN)).all()


def configurations() -> list[bytes]:
    return [path.read_bytes() for path in sorted((ROOT / "configs").rglob("*.yaml"))]


def read_configuration(content: bytes, folder: Path) -> None:
    """What is accepted is written as a text that reads the same."""
    path = folder / "config.yaml"
    path.write_bytes(content)
    _check_round_trip(load_config(path), path)


def read_overrides(content: bytes, folder: Path) -> None:
    """Keys and values chosen by the content, and the content itself, as in `-o KEY=VALUE`."""
    chance = random.Random(content)
    keys = [key for key, _ in leaves(Config)]
    texts = [f"{chance.choice(keys)}={chance.choice(NASTY)}" for _ in range(chance.randint(1, 3))]
    texts += [content.decode(errors="replace")] * (len(content) % 2)
    path = folder / "config.yaml"
    if chance.random() < 0.5:
        with contextlib.suppress(ConfigError):
            override({}, texts[-1])
    _check_round_trip(load_config(_preset(), texts), path)


def _check_round_trip(config: Config, path: Path) -> None:
    path.write_text(config.to_yaml(), encoding="utf-8")
    assert repr(load_config(path)) == repr(config)


def _preset() -> Path:
    return ROOT / "configs" / "quickstart.yaml"


def weight_files() -> list[bytes]:
    files = [path.read_bytes() for path in sorted(OWN_ARRAYS.glob("*.p*"))]
    files += [pickle.dumps({"w": WEIGHT, "n": [1, {"b": WEIGHT}]}, p) for p in range(6)]
    archive = io.BytesIO()
    np.savez(archive, w=WEIGHT, b=WEIGHT[0])
    return [*files, archive.getvalue(), save({"w": WEIGHT, "b": WEIGHT[0]}, metadata={"a": "b"})]


def read_weights(content: bytes, folder: Path) -> None:
    path = folder / "weights"
    path.write_bytes(content)
    with bounded_memory(2 * len(content) + OVERHEAD):
        read_arrays(path)


@contextlib.contextmanager
def bounded_memory(limit: int) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < limit, f"it took {peak:,} bytes of at most {limit:,}"


def checkpoints() -> list[bytes]:
    """Index and data of TensorFlow checkpoints, after the length of the index."""
    seeds = []
    with TemporaryDirectory() as folder:
        for snappy in (False, True):
            prefix = write_bundle(Path(folder) / "m", {"w": WEIGHT, "net/b": WEIGHT}, snappy=snappy)
            index = prefix.with_name("m.index").read_bytes()
            data = prefix.with_name("m.data-00000-of-00001").read_bytes()
            seeds.append(len(index).to_bytes(4, "little") + index + data)
    return seeds


def read_tensorflow(content: bytes, folder: Path) -> None:
    length = int.from_bytes(content[:4], "little")
    (folder / "m.index").write_bytes(content[4:][:length])
    (folder / "m.data-00000-of-00001").write_bytes(content[4:][length:])
    with bounded_memory(2 * len(content) + OVERHEAD):
        read_bundle(folder / "m")


def read_records(content: bytes, _: Path) -> None:
    """The parsers behind the checksums of a TensorFlow checkpoint."""
    for parse in (parse_entry, count_shards):
        with contextlib.suppress(WeightsError):
            parse(content)


def read_snappy(content: bytes, _: Path) -> None:
    assert len(unpack(content, limit=1 << 16)) <= 1 << 16


def descriptions() -> list[bytes]:
    small: dict[str, Any] = {"base_channels": 4}
    return [
        json.dumps({"network": name, "options": small, "iteration": 1}).encode()
        for name in NETWORKS
    ]


def read_description(content: bytes, folder: Path) -> None:
    """A generator file with a right checksum and a hostile description of its network."""
    try:
        metadata = json.loads(content)
    except (ValueError, RecursionError):
        return
    if not isinstance(metadata, dict):
        return
    path = folder / "generator.safetensors"
    try:
        write_recorded(path, {"w": WEIGHT}, metadata)
    except Exception:  # what cannot be written cannot be sent either
        return
    load_generator(path)


def model_configs() -> list[bytes]:
    return [
        b"model:\n  type: UNet\n  num_classes: 3\nval_dataset:\n  type: Dataset\n  transforms: []\n"
    ]


def read_seg_config(content: bytes, folder: Path) -> None:
    path = folder / "seg.yml"
    path.write_bytes(content)
    read_model_config(path)


BOUNDARY = b"XxX"


def requests() -> list[bytes]:
    mask = pillow(HOLE[..., None] * np.uint8(255), "PNG")
    return [_form(pillow(RGB, "PNG"), mask), _form(pillow(GREY, "JPEG"), mask, dilate=b"3")]


def _form(photo: bytes, mask: bytes, **fields: bytes) -> bytes:
    head = b'\r\nContent-Disposition: form-data; name="%b"'
    parts = [
        head % name + b'; filename="%b.png"\r\n\r\n' % name + content + b"\r\n"
        for name, content in ((b"photo", photo), (b"mask", mask))
    ]
    parts += [head % key.encode() + b"\r\n\r\n" + value + b"\r\n" for key, value in fields.items()]
    return b"".join(b"--" + BOUNDARY + part for part in parts) + b"--" + BOUNDARY + b"--\r\n"


@cache
def _service() -> Admission:
    with TemporaryDirectory() as folder:
        worker = Worker(save_small_network(Path(folder)), "cpu", 10**6)
    return application(worker, Limits(megabytes=1, megapixels=1))


def ask_service(content: bytes, _: Path) -> None:
    """No request ends in an internal error."""

    async def status() -> int:
        transport = httpx.ASGITransport(_service())
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            kind = f"multipart/form-data; boundary={BOUNDARY.decode()}"
            answer = await client.post("/fill", content=content, headers={"Content-Type": kind})
            return answer.status_code

    assert asyncio.run(status()) in (200, 400, 413, 422)


def ask_page(content: bytes, _: Path) -> None:
    """What a browser sends to the page: a photo, its name, and the painted mask."""
    chance = random.Random(content)
    photo = content if chance.random() < 0.5 else pillow(RGB, "PNG")
    visit, _ = open_photo(photo, content[:40].decode(errors="replace"))
    mask = content if chance.random() < 0.5 else pillow(HOLE[..., None] * np.uint8(255), "PNG")
    hole = hole_in(mask, visit.size, visit.size, chance.randint(0, 40))
    assert hole.shape == visit.size


TARGETS: dict[str, Target] = {
    "images": Target(images, read_image, (ValueError,)),
    "masks": Target(images, read_mask, (UserError, ValueError)),
    "photos": Target(images, read_photo),
    "sources": Target(lambda: list(archives_and_lists().values()), read_source),
    "indices": Target(indices, read_index),
    "labels": Target(images, read_labels),
    "configurations": Target(configurations, read_configuration),
    "overrides": Target(lambda: [text.encode() for text in NASTY], read_overrides),
    "weights": Target(weight_files, read_weights),
    "tensorflow": Target(checkpoints, read_tensorflow),
    "records": Target(lambda: [bytes(range(40))], read_records),
    "snappy": Target(
        lambda: [b"\x05\x10hello", b"\x0a\x04ab\x1a\x02"], read_snappy, (WeightsError,)
    ),
    "descriptions": Target(descriptions, read_description),
    "seg_configs": Target(model_configs, read_seg_config),
    "service": Target(requests, ask_service),
    "page": Target(images, ask_page),
}
