# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Fill the holes of images with an exported network.

    python infer.py --config inference_model/deploy.yaml --image_path photo.png --mask_path hole.png

This file works on its own: it needs numpy, pillow and either paddle or onnxruntime. With simplejpeg
it also refuses JPEG files that are damaged inside.
Masks: above 127 = hole. Exit status: 0 if all images were filled, 2 if not; messages say why.
"""

import argparse
import ctypes
import hashlib
import json
import os
import platform
import re
import sys
import time
import unicodedata
import warnings
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryFile
from typing import NamedTuple

import numpy as np
from numpy import ndarray
from PIL import Image, JpegImagePlugin, UnidentifiedImageError

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # from malloc.h
LARGE_BLOCK = 1 << 27  # bytes; keeping larger ones leaves gaps that add up to gigabytes
LARGEST = 4096  # value of a numeric flag, so that a typo does not start a million threads
SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".bmp", ".dib", ".webp"}
    | {".tif", ".tiff", ".gif", ".avif"}
)
MASK_ENDING = "_mask"  # the mask of photo.jpg: photo.png, or photo_mask.png
WHITE_ABOVE = 127  # mask levels above it are hole
LUMA = np.array([299, 587, 114])  # thousandths
FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "DIB", "GIF", "AVIF")
# Pillow's modes -> the modes that hold the same values in 8-bit channels.
MODES = {"1": "L", "L": "L", "LA": "LA", "La": "LA", "P": "RGB", "PA": "RGBA", "RGB": "RGB"}
MODES |= {"RGBA": "RGBA", "YCbCr": "RGB"}
WITH_ALPHA = {"L": "LA", "RGB": "RGBA"}
ORIENTATION = 274
BITS, PHOTOMETRIC, SAMPLES, PLANAR, EXTRA, SAMPLE_FORMAT = 258, 262, 277, 284, 338, 339  # of TIFF
FLIPS = {1: (), 2: (1,), 3: (0, 1), 4: (0,), 5: (), 6: (1,), 7: (0, 1), 8: (0,)}
JPEG, PNG = b"\xff\xd8", b"\x89PNG\r\n\x1a\n"
MARKER_IN_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
HARMLESS = re.compile(
    r"Invalid SOS parameters|Unknown Adobe color|: [1-8] extraneous bytes before marker 0xd9"
)
PNG_PIXELS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
PNG_METADATA = frozenset(
    {b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"cICP", b"pHYs", b"eXIf", b"tEXt", b"zTXt", b"iTXt"}
)
GIB = 1 << 30
EMPTY_EXIF = 20  # bytes: a record without entries
LARGEST_PROFILE = 1 << 20  # bytes
DAMAGED = "the file is damaged: its pixels cannot be decoded"

# image [B, 3, H, W] in 0..255, mask [B, 1, H, W], both float32 -> completed [B, 3, H, W] in 0..255
Run = Callable[[ndarray, ndarray], ndarray]


class UserError(Exception):
    """Something outside this file is wrong; the message says what."""


class Job(NamedTuple):
    """One image to fill, its mask, and the file for the result."""

    image: Path
    mask: Path | None
    result: Path


class Picture(NamedTuple):
    """A decoded file: pixels uint8 [H, W, C] as displayed, colour profile, and what gets lost."""

    pixels: ndarray
    profile: bytes | None = None
    notes: tuple[str, ...] = ()


class Sample(NamedTuple):
    """A job with its picture, also as uint8 [H, W, 3] RGB, and its hole, bool [H, W]."""

    job: Job
    picture: Picture
    image: ndarray
    hole: ndarray


class Limits(NamedTuple):
    """The sizes that the graph accepts, and the memory that it needs.

    Attributes:
        input_shape: [B, 3, H, W], -1 = any.
        bytes_per_pixel_pair: memory for a whole batch, divided by the square of an image's pixels.
    """

    input_shape: list[int]
    bytes_per_pixel_pair: float


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return the exit status."""
    arguments = parse(argv)
    warnings.filterwarnings("ignore", message="No ccache found")  # Paddle's, for C++ builds
    warnings.filterwarnings("ignore", module="PIL")  # about metadata, without naming the file
    try:
        failed = infer(arguments)
    except ModuleNotFoundError as error:
        return complain(f"{error.name} is not installed; install paddlepaddle or onnxruntime")
    except UserError as error:
        return complain(error)
    except OSError as error:
        return complain(f"{error.filename or 'disk'}: {error.strerror}")
    except KeyboardInterrupt:
        return 130
    return 2 if failed else 0


def infer(arguments: argparse.Namespace) -> int:
    """Fill all images; return how many could not be filled."""
    folder, description = read_description(arguments.config)
    jobs = find_jobs(arguments.image_path, arguments.mask_path, arguments.save_dir)
    open_graph = {"paddle": open_paddle, "onnx": open_onnx}[arguments.backend]
    run = open_graph(folder, description, arguments)

    fixed = description["input_shape"][0]
    batch_size = arguments.batch_size if fixed == -1 else fixed
    done, spent = 0, dict.fromkeys(("preprocess", "inference", "postprocess"), 0.0)
    need = description.get("onnx_bytes_per_pixel_pair", 0.0) if arguments.backend == "onnx" else 0.0
    limits = Limits(description["input_shape"], need * batch_size)
    for samples in batches(jobs, batch_size, limits, spent):
        with timed(spent, "preprocess"):
            inputs = to_inputs(samples, fixed)
        if arguments.benchmark and not done:
            run(*inputs)  # the first run is slow, because it plans memory and kernels
        with timed(spent, "inference"):
            completed = run(*inputs)[: len(samples)]
        with timed(spent, "postprocess"):
            save(samples, completed)
        done += len(samples)
    if arguments.benchmark and done:
        print(benchmark_report(arguments, spent, done))
    print(f"{done} of {len(jobs)} images written to {arguments.save_dir}")
    return len(jobs) - done


@contextmanager
def timed(spent: dict[str, float], stage: str) -> Iterator[None]:
    """Add the seconds in this block to a stage."""
    start = time.perf_counter()
    yield
    spent[stage] += time.perf_counter() - start


def read_description(path: Path) -> tuple[Path, dict]:
    """Read deploy.yaml, `key: JSON` on each line; return its folder and content."""
    path = path / "deploy.yaml" if path.is_dir() else path
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        pairs = (line.strip().split(": ", 1) for line in lines if line.startswith(" "))
        description = {key: json.loads(value) for key, value in pairs}
        return path.parent, {**description, "input_shape": list(description["input_shape"])}
    except FileNotFoundError:
        raise UserError(f"{path} is missing; use a folder that `ppdeepfill export` wrote") from None
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{path} is not a deploy.yaml written by `ppdeepfill export`") from None


def find_jobs(image_path: Path, mask_path: Path, save_dir: Path) -> list[Job]:
    """Pair images and masks: file and file, folder and file, or two folders by stem."""
    images, masks = list_images(image_path), list_images(mask_path)
    if not mask_path.is_dir():
        masks = dict.fromkeys(images, mask_path)
    if save_dir.exists() and not save_dir.is_dir():
        raise UserError(f"cannot write to {save_dir}: it is not a folder; change --save_dir")
    jobs = []
    for stem, image in images.items():
        mask = masks.get(stem) or masks.get(stem + MASK_ENDING)
        jobs.append(Job(image, mask, save_dir / f"{image.stem}.png"))
    inputs = {identity(path) for job in jobs for path in (job.image, job.mask) if path}
    for job in jobs:
        if job.result.exists() and identity(job.result) in inputs:
            raise UserError(f"{job.result} is an input and would be overwritten; change --save_dir")
    return jobs


def identity(path: Path) -> tuple[int, int]:
    """Equal for two names of the same file."""
    status = path.stat()
    return status.st_dev, status.st_ino


def list_images(path: Path) -> dict[str, Path]:
    """Comparable form of the stem -> image file, for one file or all files in a folder."""
    if not path.exists():
        raise UserError(f"{path} does not exist")
    if not path.is_dir():
        return {comparable(path.stem): path}
    files: dict[str, Path] = {}
    others = []
    for file in sorted(path.iterdir()):
        if file.name.startswith(".") or file.is_dir():
            continue
        if file.suffix.lower() not in SUFFIXES or not file.is_file():
            others.append(file.suffix.lower() or "without ending")
            continue
        stem = comparable(file.stem)
        if stem in files:
            raise UserError(
                f"{path}: {files[stem].name} and {file.name} would have the same result name"
            )
        files[stem] = file
    if others:
        kinds = ", ".join(f"{count} {kind}" for kind, count in Counter(others).most_common(5))
        print_note(path, f"skipped {len(others)} other files ({kinds})")
    if not files:
        raise UserError(f"{path} contains no images ({', '.join(sorted(SUFFIXES))})")
    return files


def comparable(name: str) -> str:
    """The form in which to compare names: macOS stores accents as separate characters."""
    return unicodedata.normalize("NFC", name)


def batches(
    jobs: list[Job], batch_size: int, limits: Limits, spent: dict[str, float]
) -> Iterator[list[Sample]]:
    """Read images in order, grouping neighbours of the same size; report unusable ones."""
    waiting: list[Sample] = []
    for job in jobs:
        try:
            with timed(spent, "preprocess"):
                sample = read_sample(job, limits)
        except UserError as error:
            complain(error)
            continue
        if waiting and (len(waiting) == batch_size or sample.hole.shape != waiting[0].hole.shape):
            yield waiting
            waiting = []
        waiting.append(sample)
    if waiting:
        yield waiting


def read_sample(job: Job, limits: Limits) -> Sample:
    """Decode image and mask; raise UserError if they are unusable."""
    if job.mask is None:
        raise UserError(f"no mask named like {job.image.name} for {job.image}")
    picture, mask = read_picture(job.image), read_picture(job.mask).pixels
    colors = picture.pixels[..., : 1 if picture.pixels.shape[2] < 3 else 3]
    image = np.broadcast_to(colors, [*colors.shape[:2], 3])
    size, mask_size = (f"{x.shape[1]} x {x.shape[0]}" for x in (image, mask))
    if size != mask_size:
        raise UserError(f"{job.image} is {size} pixels, but its mask {job.mask} is {mask_size}")
    hole = mask_levels(mask) > WHITE_ABOVE
    if hole.all():
        raise UserError(
            f"{job.mask}: the hole covers the whole image, so there is nothing left to fill it from"
        )
    if not hole.any():
        raise UserError(f"{job.mask}: {why_no_hole(mask)}")
    height, width = limits.input_shape[2:]
    if height not in (-1, image.shape[0]) or width not in (-1, image.shape[1]):
        raise UserError(f"the network was exported for {width} x {height}; {job.image} is {size}")
    check_memory(job.image, *image.shape[:2], limits.bytes_per_pixel_pair)
    return Sample(job, picture, image, hole)


def check_memory(path: Path, height: int, width: int, bytes_per_pixel_pair: float) -> None:
    """Raise UserError if the graph needs more memory for an image than there is."""
    needed, available = bytes_per_pixel_pair * (height * width) ** 2, available_memory()
    if available is not None and needed > available:
        raise UserError(
            f"{path} is {width} x {height}: model.onnx was exported for any size, and needs up to "
            f"{needed / GIB:.1f} GiB for a batch of such images, but {available / GIB:.1f} GiB are "
            f"free; export with --input_shape 1 3 {height} {width}, or use --backend paddle"
        )


def available_memory() -> int | None:
    """Bytes that programs can still take without swapping; known on Linux only."""
    system = Path("/proc/meminfo")
    lines = system.read_text().splitlines() if system.exists() else []
    found = (line.split()[1] for line in lines if line.startswith("MemAvailable:"))
    return next((1024 * int(number) for number in found), None)


def mask_levels(pixels: ndarray) -> ndarray:
    """Grey levels uint8 [H, W] of a mask [H, W, C], laid over black."""
    colors = pixels[..., :-1] if pixels.shape[2] in (2, 4) else pixels
    levels = colors[..., 0] if colors.shape[2] == 1 else (colors @ LUMA + 500) // 1000
    if pixels.shape[2] in (2, 4):
        levels = np.rint(levels * (pixels[..., -1] / 255))
    return levels.astype(np.uint8)


def why_no_hole(mask: ndarray) -> str:
    """Explain why a mask [H, W, C] has no hole, and what to change."""
    drawn = mask[..., -1] > WHITE_ABOVE if mask.shape[2] in (2, 4) else None
    if drawn is not None and drawn.any() and not drawn.all():
        return (
            "no hole: the mask's shape is in its transparency but drawn in a dark colour, and only "
            "white marks the hole; draw it in white"
        )
    found = np.unique(mask_levels(mask))
    if len(found) == 1:
        return (
            f"no hole: the mask is {found[0]} everywhere, but only values above {WHITE_ABOVE} mark "
            "the hole"
        )
    named = " and ".join(map(str, found)) if len(found) == 2 else f"{found[0]} to {found[-1]}"
    return (
        f"no hole: the mask's grey levels are {named}, but only values above {WHITE_ABOVE} mark "
        "the hole; use 255 for it"
    )


def read_picture(path: Path) -> Picture:
    """Decode an image file; raise UserError if that fails, or white is not defined."""
    try:
        if not path.is_file():  # reading a pipe would wait for its writer
            raise UserError("it is not a file")
        return decode(path.read_bytes())
    except UserError as error:
        raise UserError(f"cannot read {path}: {error}") from None
    except UnidentifiedImageError:
        raise UserError(f"cannot read {path}: not an image, or damaged") from None
    except Image.DecompressionBombError:
        raise UserError(f"cannot read {path}: it has too many pixels; shrink it first") from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or DAMAGED}") from None
    except Exception:  # on damaged files, decoders raise nearly anything
        raise UserError(f"cannot read {path}: {DAMAGED}") from None


def decode(content: bytes) -> Picture:
    """Decode a file's content; raise UserError with the reason, or whatever a decoder raises."""
    if not content:
        raise UserError("the file is empty (0 bytes), or cut off")
    if content.startswith(JPEG):
        return decode_jpeg(cut_at_end(content))
    if content.startswith(PNG):
        return decode_png(content)
    image = Image.open(BytesIO(content))
    if image.format not in FORMATS:
        raise UserError(f"it is {image.format}; expected PNG, JPEG, WebP, TIFF, BMP, GIF or AVIF")
    refuse_several(getattr(image, "n_frames", 1))
    had_xmp = bool(image.info.pop("xmp", None))  # Pillow would read an orientation from it
    notes = check_tiff(image, len(content)) if image.format == "TIFF" else ()
    exif = image.info.get("exif", b"")
    notes += ("its EXIF and XMP are left out",) if len(exif) > EMPTY_EXIF or had_xmp else ()
    if image.format == "TIFF":  # Pillow has already rotated it
        with undamaged():
            pixels = in_8_bits(image)
        return Picture(pixels, image.info.get("icc_profile"), notes)
    return rotated(in_8_bits(image), exif, image.info.get("icc_profile"), notes)


def decode_jpeg(content: bytes) -> Picture:
    """Decode a complete JPEG file, even if its metadata is damaged."""
    notes: tuple[str, ...] = ()
    try:
        image = JpegImagePlugin.JpegImageFile(BytesIO(content))
    except Exception:
        image = JpegImagePlugin.JpegImageFile(BytesIO(without_metadata(content)))
        notes = ("its metadata is unreadable and left out",)
    if image.width * image.height > 2 * (Image.MAX_IMAGE_PIXELS or 0):
        raise Image.DecompressionBombError
    refuse_damage(content)
    exif = image.info.get("exif", b"")
    tagged = len(exif) > EMPTY_EXIF or "xmp" in image.info
    notes += ("its EXIF and XMP are left out",) if tagged else ()
    return rotated(in_8_bits(image), exif, image.info.get("icc_profile"), notes)


def jpeg_segments(content: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield marker, start and end of every segment before the compressed pixels."""
    position = 2
    while position + 4 <= len(content) and content[position] == 0xFF:
        marker = content[position + 1]
        if marker == 0xDA:
            return
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        end = position + 2 + number(content[position + 2 : position + 4])
        yield marker, position, end
        position = end


def cut_at_end(content: bytes) -> bytes:
    """Cut off everything after a JPEG's end mark: phones append videos, or a second picture."""
    position = max((end for _, _, end in jpeg_segments(content)), default=2)
    while found := MARKER_IN_SCAN.search(content, position):
        position = found.end()
        if found.group() == b"\xff\xd9":
            return content[:position]
        position += number(content[position : position + 2])
    raise UserError("the file is cut off: its end is missing")


def without_metadata(content: bytes) -> bytes:
    """Remove the segments of a JPEG that do not affect its pixels."""
    kept, position = [], 0
    for marker, start, end in jpeg_segments(content):
        if 0xE1 <= marker <= 0xEF and marker != 0xEE or marker == 0xFE:
            kept.append(content[position:start])
            position = end
    return b"".join(kept) + content[position:]


def refuse_damage(jpeg: bytes) -> None:
    """Raise UserError if libjpeg warns of damage; simplejpeg shows the warning, Pillow does not."""
    try:
        import simplejpeg
    except ModuleNotFoundError:
        return
    try:
        colors = {"GRAY": "GRAY", "Gray": "GRAY"}.get(simplejpeg.decode_jpeg_header(jpeg)[2], "RGB")
        simplejpeg.decode_jpeg(jpeg, colors)
    except ValueError as error:
        if not HARMLESS.search(str(error)):
            raise UserError(DAMAGED) from None


def decode_png(content: bytes) -> Picture:
    """Decode a PNG file, even if its metadata is damaged."""
    kept, metadata, notes, frames, position = [PNG], {}, (), 1, len(PNG)
    name, seen = b"", set()
    while name != b"IEND":
        end = position + 12 + number(content[position : position + 4])
        if end > len(content):
            raise UserError("the file is cut off: its end is missing")
        name, body = content[position + 4 : position + 8], content[position + 8 : end - 4]
        intact = zlib.crc32(name + body) == number(content[end - 4 : end])
        if (name == b"IHDR") == bool(seen) or (name == b"IHDR" and len(body) != 13):
            raise UserError("the file is damaged: it does not begin with its header")
        if name in PNG_METADATA:
            metadata[name] = body if intact else b""
        elif not intact:
            raise UserError(f"the file is damaged: wrong checksum at byte {position}")
        elif name in (b"PLTE", b"tRNS") and b"IDAT" in seen or name == b"PLTE" and b"tRNS" in seen:
            raise UserError(f"the file is damaged: {name.decode()} is in the wrong place")
        elif name == b"acTL":
            frames = number(body[:4])
        elif name in PNG_PIXELS:
            kept.append(content[position:end])
        seen.add(name)
        position = end
    refuse_several(frames)
    image = Image.open(BytesIO(b"".join(kept)), formats=["PNG"])
    bits, kind = kept[1][16:18]
    if bits == 16 and kind == 2 and "transparency" in image.info:
        raise UserError("a 16-bit colour marks transparency; save it with an alpha channel")
    if bits == 16:
        notes = ("its 16 bits per channel become 8",)
    pixels = in_8_bits(image)
    if bits < 8 and kind == 0 and "transparency" in image.info:  # Pillow does not scale the key
        key = image.info["transparency"] * (255 // (2**bits - 1))
        pixels = np.dstack([pixels[..., :1], np.where(pixels[..., :1] == key, 0, 255)])
        pixels = pixels.astype(np.uint8)
    if kind == 4 and pixels.shape[2] == 4:
        pixels = pixels[..., [0, 3]]
    notes += ("its EXIF is left out",) if b"eXIf" in metadata else ()
    notes += ("its texts are left out",) if {b"tEXt", b"zTXt", b"iTXt"} & set(metadata) else ()
    profile = unpacked_profile(metadata.get(b"iCCP"))
    if b"iCCP" in metadata and profile is None:
        notes += ("its colour profile is unreadable and left out",)
    return rotated(pixels, metadata.get(b"eXIf", b""), profile, notes)


def unpacked_profile(body: bytes | None) -> bytes | None:
    """The colour profile in an iCCP chunk; None unless other programs can read it."""
    unpacking = zlib.decompressobj()
    try:
        profile = unpacking.decompress((body or b"").partition(b"\0")[2][1:], LARGEST_PROFILE)
    except zlib.error:
        return None
    return profile if unpacking.eof else None


def check_tiff(image: Image.Image, length: int) -> tuple[str, ...]:
    """Refuse layouts that Pillow cannot read correctly; return notes on what will change."""
    tags = image.tag_v2
    numbers = {tag: np.atleast_1d(tags[tag]).tolist() for tag in tags if tag in (BITS, EXTRA)}
    bits, extra = max(numbers.get(BITS, [1])), numbers.get(EXTRA, [])
    formats = set(np.atleast_1d(tags.get(SAMPLE_FORMAT, 1)).tolist()) - {4} or {1}
    if formats != {1} or len(set(numbers.get(BITS, [1]))) > 1 or bits not in (1, 2, 4, 8, 16):
        name = {2: "int", 3: "float"}.get(max(formats), "uint")
        raise UserError(
            f"its samples are {name}{bits}, for which white is not defined; convert it to 8 or 16 "
            "bits (uint8, uint16)"
        )
    for offsets, sizes in ((273, 279), (324, 325)):
        places = (np.atleast_1d(tags.get(tag, [])).tolist() for tag in (offsets, sizes))
        if any(size == 0 or start + size > length for start, size in zip(*places)):  # noqa: B905
            raise UserError("the file is cut off or damaged: pixels are missing")
    check_tiff_segments(tags)
    if tags.get(259, 1) in (2, 3, 4, 32771):  # rows after an early end stay undefined, silently
        raise UserError(
            "its fax compression (CCITT) can hide missing rows; save it as PNG, or with LZW"
        )
    expected = {0: 1, 1: 1, 2: 3}.get(tags.get(PHOTOMETRIC))
    if tags.get(SAMPLES, 1) == 2 and tags.get(PLANAR, 1) != 1:
        raise UserError("its channel layout is not supported; save it as PNG")
    if extra == [0] or (expected and tags.get(SAMPLES, 1) - expected != len(extra[:1])):
        raise UserError(
            "it has channels of unspecified meaning; save it as grey or RGB, optionally with alpha"
        )
    if bits == 16 and (
        tags.get(PLANAR, 1) != 1 or extra == [1] or tags.get(PHOTOMETRIC) not in (1, 2)
    ):
        raise UserError("its 16-bit layout is not supported; save it as PNG, or with 8 bits")
    notes = ("its alpha is premultiplied but written as straight alpha",) if extra == [1] else ()
    return (*notes, "its 16 bits per channel become 8") if bits == 16 else notes


def check_tiff_segments(tags) -> None:
    """Raise UserError if there are fewer strips or tiles than the size needs."""
    width, height = tags[256], tags[257]
    rows = tags.get(323) or min(height, tags.get(278, height))  # of a tile, or of a strip
    across, down = -(-width // tags.get(322, width)), -(-height // rows)
    planes = tags.get(SAMPLES, 1) if tags.get(PLANAR, 1) == 2 else 1
    if sum(len(np.atleast_1d(tags.get(tag, []))) for tag in (273, 324)) < across * down * planes:
        raise UserError("the file is cut off or damaged: pixels are missing")
    stored = sum(int(np.sum(tags.get(tag, 0))) for tag in (279, 325))
    if tags.get(259, 1) == 1 and stored < width * height * int(np.sum(tags.get(BITS, 1))) // 8:
        raise UserError("the file is cut off or damaged: pixels are missing")


@contextmanager
def undamaged() -> Iterator[None]:
    """Raise UserError if libtiff reports damage, which it only prints to stderr before going on."""
    sys.stderr.flush()
    stderr = os.dup(2)
    with TemporaryFile() as messages:
        os.dup2(messages.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            messages.seek(0)
            damaged = b"Decode" in messages.read()
    if damaged:
        raise UserError(DAMAGED)


def refuse_several(frames: int) -> None:
    if frames > 1:
        raise UserError(f"it holds {frames} pictures; save the one to use as a separate file")


def in_8_bits(image: Image.Image) -> ndarray:
    """uint8 [H, W, C]: grey, grey and alpha, RGB or RGBA."""
    if image.mode.startswith("I;16"):
        deep = np.asarray(image).astype(np.uint32)
        key = image.info.get("transparency")
        grey = ((deep + 128) // 257).astype(np.uint8)
        if key is None:
            return grey[..., None]
        return np.dstack([grey, np.where(deep == key, 0, 255).astype(np.uint8)])
    if image.mode not in MODES:
        raise UserError(f"its colours are {image.mode}; convert it to RGB or grey first")
    transparent = "transparency" in image.info
    image.load()
    mode = MODES[image.mode]
    pixels = np.asarray(image.convert(WITH_ALPHA.get(mode, mode) if transparent else mode))
    return pixels.reshape([*pixels.shape[:2], -1])


def rotated(pixels: ndarray, exif: bytes, profile: bytes | None, notes: tuple[str, ...]) -> Picture:
    """Rotate a picture as its EXIF record says."""
    try:
        record = Image.Exif()
        record.load(exif)
        orientation = record.get(ORIENTATION, 1)
    except Exception:
        notes, orientation = (*notes, "its EXIF is unreadable: it is not rotated"), 1
    orientation = orientation if orientation in FLIPS else 1
    pixels = pixels.swapaxes(0, 1) if orientation >= 5 else pixels
    return Picture(np.ascontiguousarray(np.flip(pixels, FLIPS[orientation])), profile, notes)


def number(content: bytes) -> int:
    return int.from_bytes(content, "big")


def to_inputs(samples: list[Sample], fixed: int) -> tuple[ndarray, ndarray]:
    """float32 image [B, 3, H, W] in 0..255 and mask [B, 1, H, W], 1 = hole, in C order.

    If the graph has a fixed batch, the last sample is repeated to fill it up.
    """
    repeated = samples + samples[-1:] * (fixed - len(samples))
    images = np.stack([sample.image.transpose(2, 0, 1) for sample in repeated])
    masks = np.stack([sample.hole[None] for sample in repeated])
    return np.ascontiguousarray(images, np.float32), masks.astype(np.float32)


def save(samples: list[Sample], completed: ndarray) -> None:
    """Write each picture with its hole taken from float32 [B, 3, H, W], the rest unchanged."""
    filled = np.rint(completed).astype(np.uint8).transpose(0, 2, 3, 1)
    for sample, image in zip(samples, filled):  # noqa: B905
        pixels = sample.picture.pixels.copy()
        if pixels.shape[2] < 3:
            image = ((image @ LUMA + 500) // 1000).astype(np.uint8)[..., None]
        pixels[sample.hole, : image.shape[2]] = image[sample.hole]
        write(sample.job.result, pixels, sample.picture.profile)
        for note in sample.picture.notes:
            print_note(sample.job.image, note)


def write(result: Path, pixels: ndarray, profile: bytes | None) -> None:
    """Write a PNG file atomically, after checking that it decodes to the same pixels."""
    content = BytesIO()
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    image.save(content, "PNG", icc_profile=profile)
    back = np.asarray(Image.open(BytesIO(content.getvalue())))
    if not np.array_equal(back.reshape(pixels.shape), pixels):
        raise UserError(f"{result} would not decode to the same pixels; please report this")
    result.parent.mkdir(parents=True, exist_ok=True)
    partial = result.with_name(f".partial-{result.name}")
    try:
        partial.write_bytes(content.getvalue())
        partial.replace(result)
    finally:
        partial.unlink(missing_ok=True)


def open_paddle(folder: Path, description: dict, arguments: argparse.Namespace) -> Run:
    """Open the graph in Paddle Inference, on the device that the arguments name."""
    import paddle
    from paddle import inference

    files = [model_file(folder, description, key) for key in ("model", "params")]
    config = inference.Config(*files)
    if not arguments.print_detail:
        config.disable_glog_info()
    if arguments.device == "gpu":
        if not (paddle.is_compiled_with_cuda() and paddle.device.cuda.device_count()):
            raise UserError("--device gpu: this PaddlePaddle finds no GPU; use --device cpu")
        kinds = {"fp32": inference.PrecisionType.Float32, "fp16": inference.PrecisionType.Half}
        config.enable_use_gpu(100, 0, kinds[arguments.precision])  # initial MB, first card
        if arguments.use_trt:
            use_tensorrt(config, folder, kinds[arguments.precision], arguments)
    else:
        config.disable_gpu()
        config.set_cpu_math_library_num_threads(arguments.cpu_threads)
        keep_freed_memory()
        if arguments.enable_mkldnn:
            config.set_mkldnn_cache_capacity(10)  # number of shapes whose plans are kept
            config.enable_mkldnn()
        elif hasattr(config, "disable_mkldnn"):  # PaddlePaddle 3 has it on by default
            config.disable_mkldnn()
    try:
        predictor = inference.create_predictor(config)
    except (RuntimeError, ValueError, LookupError, OSError) as error:
        raise UserError(
            f"Paddle Inference cannot load {files[0]}: it is damaged, or from another version of "
            "PaddlePaddle; export again (--print_detail shows Paddle's own messages)"
        ) from error
    image_input, mask_input = map(predictor.get_input_handle, ("image", "mask"))
    output = predictor.get_output_handle(predictor.get_output_names()[0])

    def run(image: ndarray, mask: ndarray) -> ndarray:
        image_input.copy_from_cpu(image)
        mask_input.copy_from_cpu(mask)
        predictor.run()
        return output.copy_to_cpu()

    return run


def keep_freed_memory() -> None:
    """On Linux, let the C library keep freed blocks, because new pages from the system are slow."""
    if sys.platform != "linux" or any(name.startswith("MALLOC_") for name in os.environ):
        return
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):  # another C library
        return
    mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK)
    mallopt(M_TRIM_THRESHOLD, (1 << 31) - 1)


def use_tensorrt(config, folder: Path, precision, arguments: argparse.Namespace) -> None:
    """Let TensorRT run what it can; it needs to know the ranges of free sizes beforehand."""
    ranges = folder / "trt_shape_ranges.pbtxt"
    if arguments.enable_auto_tune:
        config.collect_shape_range_info(str(ranges))
        return
    if not ranges.is_file():
        raise UserError(
            f"{ranges} is missing; first run once with --enable_auto_tune on images of the "
            "smallest and the largest size, then again without it"
        )
    config.enable_tensorrt_engine(
        workspace_size=GIB,
        max_batch_size=arguments.batch_size,
        min_subgraph_size=arguments.min_subgraph_size,
        precision_mode=precision,
    )
    config.enable_tuned_tensorrt_dynamic_shape(str(ranges), True)


def open_onnx(folder: Path, description: dict, arguments: argparse.Namespace) -> Run:
    """Open the graph in ONNX Runtime, on the CPU."""
    import onnxruntime

    file = model_file(folder, description, "onnx")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = arguments.cpu_threads
    options.log_severity_level = 3  # errors only
    options.enable_cpu_mem_arena = False  # it keeps and never shares what large images needed
    try:
        session = onnxruntime.InferenceSession(
            file,
            options,
            providers=["CPUExecutionProvider"],
            disabled_optimizers=["ConstantFolding"],  # it would keep the scores of every strip
        )
    except Exception as error:  # ONNX Runtime's exceptions have no narrower base class
        raise UserError(
            f"ONNX Runtime cannot load {file}: it is damaged, or from a newer version; export again"
        ) from error
    return lambda image, mask: session.run(None, {"image": image, "mask": mask})[0]


def model_file(folder: Path, description: dict, key: str) -> str:
    """The file that a key of deploy.yaml names."""
    name = description.get(key)
    if name is None or not (folder / name).is_file():
        raise UserError(
            f"{folder} has no file {name} for {key!r}; export again, with --onnx for 'onnx'"
        )
    expected = description.get("sha256", {}).get(name)  # older exports have none
    if expected and hashlib.sha256((folder / name).read_bytes()).hexdigest() != expected:
        raise UserError(
            f"{folder / name} is not the exported file: its checksum differs from the one in "
            "deploy.yaml; copy it again, or export again"
        )
    return str(folder / name)


def benchmark_report(arguments: argparse.Namespace, spent: dict[str, float], count: int) -> str:
    """A report like that of Paddle's AutoLog: the environment, and milliseconds per image."""
    engine = "paddle" if arguments.backend == "paddle" else "onnxruntime"
    sections = {
        "Env info": {"OS_version": platform.platform()},
        "Paddle info": {f"{engine}_version": sys.modules[engine].__version__},
        "Conf info": {
            "runtime_device": arguments.device,
            "ir_optim": True,
            "enable_memory_optim": False,
            "enable_tensorrt": arguments.use_trt,
            "enable_mkldnn": arguments.enable_mkldnn,
            "cpu_math_library_num_threads": arguments.cpu_threads,
        },
        "Model info": {"model_name": arguments.model_name, "precision": arguments.precision},
        "Data info": {"batch_size": arguments.batch_size, "data_num": count},
        "Perf info": {
            "cpu_rss(MB)": peak_memory(),
            "total time spent(s)": f"{sum(spent.values()):.4f}",
            **{f"{stage}_time(ms)": f"{s * 1000 / count:.4f}" for stage, s in spent.items()},
        },
    }
    lines = []
    for title, values in sections.items():
        lines += [f" {title} ".center(56, "-"), *(f"{k}: {v}" for k, v in values.items())]
    return "\n".join(lines)


def peak_memory() -> str:
    """Peak memory of this process in MB; known on Linux only."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    peak = next((line.split()[1] for line in lines if line.startswith("VmHWM")), None)
    return f"{int(peak) / 1024:.1f}" if peak else "unknown"


def complain(error: object) -> int:
    print(f"infer.py: error: {error}", file=sys.stderr)
    return 2


def print_note(path: Path, note: str) -> None:
    print(f"infer.py: {path}: {note}", file=sys.stderr)


def default_threads() -> int:
    """OMP_NUM_THREADS if it is set, otherwise all cores."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return int(asked) if asked.isdecimal() and 1 <= int(asked) <= LARGEST else os.cpu_count() or 1


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="infer.py",
        description="Fill the holes of images with an exported network.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--config", type=Path, required=True, help="deploy.yaml, or its folder")
    add("--image_path", type=Path, required=True, help="an image, or a folder of images")
    add("--mask_path", type=Path, required=True, help="one mask for all, or a folder of masks")
    add("--save_dir", type=Path, default=Path("output/result"), help="folder for the PNG files")
    add("--batch_size", type=positive, default=1, help="images of the same size to run together")
    add("--backend", choices=["paddle", "onnx"], default="paddle", help="inference library")
    add("--device", choices=["cpu", "gpu"], default="cpu", help="device to run on")
    add("--cpu_threads", type=positive, default=default_threads(), help="threads on a CPU")
    add("--enable_mkldnn", **{**FLAG, "default": True}, help="use oneDNN, on a CPU")
    add("--precision", choices=["fp32", "fp16"], default="fp32", help="precision, on a GPU")
    add("--use_trt", **FLAG, help="use TensorRT, on a GPU")
    add("--min_subgraph_size", type=positive, default=3, help="smallest subgraph for TensorRT")
    add("--enable_auto_tune", **FLAG, help="with --use_trt: only record the sizes of these images")
    add("--benchmark", **FLAG, help="report the time of each stage")
    add("--model_name", default="deepfill_v1", help="name in that report")
    add("--print_detail", **FLAG, help="show Paddle's own messages")
    arguments = parser.parse_args(argv)
    if arguments.device == "cpu" and (arguments.use_trt or arguments.precision != "fp32"):
        parser.error("--use_trt and --precision fp16 need --device gpu")
    if arguments.device == "gpu" and arguments.backend == "onnx":
        parser.error("--backend onnx runs on the CPU only; use --device cpu")
    return arguments


def positive(text: str) -> int:
    number = int(text) if text.isdecimal() and len(text) < 20 else 0
    if not 1 <= number <= LARGEST:
        raise argparse.ArgumentTypeError(f"must be a number from 1 to {LARGEST}; got {text!r}")
    return number


def boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"must be True or False; got {text!r}")
    return text.lower() == "true"


FLAG = {"type": boolean, "nargs": "?", "const": True, "default": False, "metavar": "True|False"}

if __name__ == "__main__":
    sys.exit(main())
