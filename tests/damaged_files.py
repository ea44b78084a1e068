# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Damaged variants of every kind of file, through the package and deploy/python/infer.py.

    python tests/damaged_files.py --count 10000

Each variant is made from its number alone. It is read as a photograph, filled by a stand-in for the
network, written and read again by another program; it is read as a mask and by infer.py. Archives
and lists are opened and all their images read. What must never happen is counted by name; the
command ends with status 1 if anything was.
"""

import argparse
import importlib.util
import logging
import os
import signal
import sys
import tarfile
import tempfile
import traceback
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from image_files import FILES, HOLE, RGB, pillow
from numpy import ndarray
from numpy.random import Generator
from PIL import Image

from ppdeepfill.data import UnreadableImage, open_source
from ppdeepfill.data.decoding import decode_mask
from ppdeepfill.errors import UserError
from ppdeepfill.photos import read_photo, suffix_of, write_photo

SCRIPT = Path(__file__).resolve().parents[1] / "deploy" / "python" / "infer.py"
SECONDS = 20  # for one variant; more is a hang
# Words of libraries and of Python, which no message may hold.
INSIDE = (
    "unpack",
    "buffer",
    "BytesIO",
    "Traceback",
    "cv2",
    "OpenCV(",
    "codec can't",
    "0x",
    "errno",
)

# What Pillow, the other reader, gets wrong even undamaged: keys of few or many bits, 16 bits in
# planes, 16 bits of which 0 is white.
OTHERS_MISREAD = {f"grey{bits}_key.png" for bits in (2, 4, 16)} | {"rgb16_key.png"}
OTHERS_MISREAD |= {
    f"{kind}16_planar{tiles}.tif" for kind in ("rgb", "rgba") for tiles in ("", "_tiles")
}
OTHERS_MISREAD |= {"white_is_zero16.tif"}


def truncated(content: bytes, rng: Generator) -> bytes:
    return content[: int(rng.integers(len(content)))]


def bits_flipped(content: bytes, rng: Generator) -> bytes:
    changed = bytearray(content)
    for place in rng.integers(len(changed), size=int(rng.integers(1, 9))):
        changed[place] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def header_bits_flipped(content: bytes, rng: Generator) -> bytes:
    start = min(len(content), 200)
    return bits_flipped(content[:start], rng) + content[start:]


def bytes_replaced(content: bytes, rng: Generator) -> bytes:
    place, length = _part(content, rng)
    return content[:place] + rng.bytes(length) + content[place + length :]


def bytes_cleared(content: bytes, rng: Generator) -> bytes:
    place, length = _part(content, rng)
    return content[:place] + bytes(length) + content[place + length :]


def bytes_removed(content: bytes, rng: Generator) -> bytes:
    place, length = _part(content, rng)
    return content[:place] + content[place + length :]


def bytes_repeated(content: bytes, rng: Generator) -> bytes:
    place, length = _part(content, rng)
    return content[: place + length] + content[place:]


def bytes_added(content: bytes, rng: Generator) -> bytes:
    return content + rng.bytes(int(rng.integers(1, 300)))


def parts_exchanged(content: bytes, rng: Generator) -> bytes:
    """Two chunks of a PNG, segments of a JPEG, or any two parts."""
    cuts = [place for place in _boundaries(content) if place < len(content)]
    if len(cuts) < 4:
        cuts = sorted(rng.integers(len(content), size=4).tolist())
    start = int(rng.integers(len(cuts) - 2))
    first, second, end = cuts[start], cuts[start + 1], cuts[start + 2]
    return content[:first] + content[second:end] + content[first:second] + content[end:]


DAMAGES: tuple[Callable[[bytes, Generator], bytes], ...] = (
    truncated,
    bits_flipped,
    header_bits_flipped,
    bytes_replaced,
    bytes_cleared,
    bytes_removed,
    bytes_repeated,
    bytes_added,
    parts_exchanged,
)


def _part(content: bytes, rng: Generator) -> tuple[int, int]:
    place = int(rng.integers(len(content)))
    return place, min(int(rng.integers(1, 65)), len(content) - place)


def _boundaries(content: bytes) -> list[int]:
    if content.startswith(b"\x89PNG"):
        places, position = [], 8
        while position < len(content):
            places.append(position)
            position += 12 + int.from_bytes(content[position : position + 4], "big")
        return places
    return [place for place in range(len(content) - 1) if content[place : place + 2] > b"\xff\xbf"]


def archives_and_lists() -> dict[str, bytes]:
    """Sources of images, each of three copies of a picture."""
    picture = pillow(RGB, "PNG")
    names = [f"ordner/{number} größe.png" for number in range(3)]
    files = {}
    for kind in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        content = BytesIO()
        with zipfile.ZipFile(content, "w", kind) as archive:
            for name in names:
                archive.writestr(name, picture)
        files[f"zip{kind}.zip"] = content.getvalue()
    for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        content = BytesIO()
        with tarfile.open(fileobj=content, mode="w", format=form) as tar:
            for name in names:
                info = tarfile.TarInfo(name)
                info.size = len(picture)
                tar.addfile(info, BytesIO(picture))
        files[f"tar{form}.tar"] = content.getvalue()
    files["joined.tar"] = files[f"tar{tarfile.GNU_FORMAT}.tar"] * 2
    lines = "\r\n".join(["# my list", *names, '"ordner\\2 größe.png"'])
    for encoding in ("utf-8", "utf-16", "cp1252"):
        files[f"{encoding}.txt"] = lines.encode(encoding)
    return files


class Checker:
    """Runs variants and counts what became of them.

    Args:
        place: an empty folder.
    """

    def __init__(self, place: Path):
        self.place = place
        self.number = 0
        self.counts: Counter[str] = Counter()
        self.faults: list[str] = []
        self.contents = {name: content for name, (content, _) in FILES.items() if content}
        self.contents |= archives_and_lists()
        self.infer = _load(SCRIPT)
        (place / "ordner").mkdir()
        for number in range(3):
            (place / "ordner" / f"{number} größe.png").write_bytes(pillow(RGB, "PNG"))

    def run(self, number: int, seed: int = 0) -> None:
        """Make variant `number` and check it."""
        self.number = number
        rng = np.random.default_rng([seed, number])
        name = sorted(self.contents)[int(rng.integers(len(self.contents)))]
        damage = DAMAGES[int(rng.integers(len(DAMAGES)))]
        content = damage(self.contents[name], rng)
        try:
            with _limited(SECONDS):
                if name.endswith((".zip", ".tar", ".txt")):
                    self._check_source(name, content)
                else:
                    self._check_image(name, content)
        except Exception:
            self.counts["tracebacks"] += 1
            self.faults.append(f"{number} {name} {damage.__name__}: {traceback.format_exc()}")
        self.counts["variants"] += 1

    def _check_image(self, name: str, content: bytes) -> None:
        path = self.place / name
        path.write_bytes(content)
        pixels = None
        try:
            photo = read_photo(path)
            pixels = photo.pixels
            self._check_result(path, content, photo)
            self.counts["filled"] += 1
        except UserError as error:
            self.counts["refused"] += 1
            self._check_words(name, error)
        try:
            decode_mask(content)
        except ValueError as error:
            self._check_words(name, error)
        try:
            theirs = self.infer.read_picture(path).pixels
        except self.infer.UserError as error:
            self._check_words(name, error)
            return
        finally:
            path.unlink()
        if pixels is not None and pixels.dtype == np.uint8 and not np.array_equal(pixels, theirs):
            self._fault("differences between predict and infer.py", name)

    def _check_result(self, path: Path, content: bytes, photo) -> None:
        """Write it filled; outside the hole, another reader must see what it sees in the file."""
        size = photo.pixels.shape[:2]
        hole = HOLE if size == HOLE.shape else np.zeros(size, bool)
        target = self.place / f"out{suffix_of(photo, path.suffix)}"
        written = write_photo(target, photo.completed(255 - photo.rgb(), hole))
        if written.lossy:
            return
        right = FILES[path.name][1]
        if np.array_equal(photo.pixels, right):  # the damage is not in the pixels
            known, result = right, read_photo(target).pixels
        else:
            known, result = _as_others_see(content), _as_others_see(target.read_bytes())
        if known is None or result is None or known.shape != result.shape:
            self.counts["filled, and not readable by the other reader"] += 1
        elif path.name in OTHERS_MISREAD and not np.array_equal(photo.pixels, right):
            self.counts["filled, and not readable by the other reader"] += 1
        elif not np.array_equal(known[~hole], result[~hole]):
            self._fault("wrong pixels outside the hole", path.name)

    def _check_source(self, name: str, content: bytes) -> None:
        path = self.place / name
        path.write_bytes(content)
        try:
            source = open_source(str(path))
            self.counts["opened"] += 1
            for number in range(len(source)):
                try:
                    if not np.array_equal(source.read(number), RGB):
                        self._fault("wrong images from an archive or list", name)
                except UnreadableImage as error:
                    self._check_words(name, error)
        except UserError as error:
            self.counts["refused"] += 1
            self._check_words(name, error)
        finally:
            path.unlink()
            path.with_name(f"{name}.index.npz").unlink(missing_ok=True)

    def _check_words(self, name: str, error: Exception) -> None:
        reason = str(error).replace(str(self.place), "")
        if any(word in reason for word in INSIDE):
            self._fault("words from inside a library", f"{name}: {reason}")

    def _fault(self, kind: str, text: str) -> None:
        self.counts[kind] += 1
        self.faults.append(f"{kind}: variant {self.number}, {text}")


def _as_others_see(content: bytes) -> ndarray | None:
    """uint8 [H, W, 4], read by Pillow or, for 16 bits, by OpenCV; None where these cannot."""
    try:
        image = Image.open(BytesIO(content))
        if image.mode.startswith("I"):
            deep = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
            image = Image.fromarray((deep >> 8).astype(np.uint8))
        exif, turned = Image.Exif(), image.format != "TIFF"
        exif.load(image.info.get("exif", b"") if turned else b"")
        for name in ("xmp", "XML:com.adobe.xmp"):
            image.info.pop(name, None)
        pixels = np.asarray(image.convert("RGBA"))
        if turned and exif.get(274, 1) == 3:
            return pixels[::-1, ::-1]
        return pixels if exif.get(274, 1) == 1 else None
    except Exception:
        return None


@contextmanager
def _limited(seconds: int) -> Iterator[None]:
    """TimeoutError after so many seconds, on systems that have the signal."""

    def stop(*_):
        raise TimeoutError(f"took more than {seconds} s")

    if not hasattr(signal, "SIGALRM"):
        yield
        return
    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _load(script: Path):
    spec = importlib.util.spec_from_file_location("infer", script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first variant")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        checker = Checker(Path(place))
        for number in range(arguments.first, arguments.first + arguments.count):
            checker.run(number, arguments.seed)
    for kind, count in sorted(checker.counts.items()):
        print(f"{count:7} {kind}")
    print(*checker.faults[:20], sep="\n", file=sys.stderr)
    return 1 if checker.faults else 0


if __name__ == "__main__":
    sys.exit(main())
