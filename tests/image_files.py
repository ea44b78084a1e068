# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Image files of every kind that people have, made on the spot: contents, and what is right.

`FILES` holds by name the content and either the pixels, as displayed, or words of the refusal. The
package and deploy/python/infer.py are both tested with them.
"""

import struct
import zlib
from collections.abc import Callable
from io import BytesIO

import cv2
import numpy as np
import tifffile
from numpy import ndarray
from PIL import Image, ImageCms

SIZE = (24, 30)
HOLE = np.zeros(SIZE, bool)
HOLE[6:18, 8:20] = True
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP_TURNED = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-'
    b'syntax-ns#"><rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="3"'
    b"/></rdf:RDF></x:xmpmeta>"
)
EXIF_TURNED = bytes.fromhex("4d4d002a00000008000101120003000000010003000000000000")  # by 180

# Left, top, and steps to the right and down of the passes of an interlaced PNG.
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2)]
ADAM7 += [(0, 1, 1, 2)]

_smooth = np.random.default_rng(0).integers(0, 256, (4, 5, 4), dtype=np.uint8)
RGBA = cv2.resize(_smooth, SIZE[::-1], interpolation=cv2.INTER_LINEAR)
RGB, GREY = np.ascontiguousarray(RGBA[..., :3]), np.ascontiguousarray(RGBA[..., :1])
LA = np.ascontiguousarray(RGBA[..., [0, 3]])
RGBA16 = RGBA.astype(np.uint16) * 257 - (RGBA > 0) * np.uint16(99)


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(
    samples: ndarray,
    bits: int,
    kind: int,
    *chunks: bytes,
    after: bytes = b"",
    interlaced: bool = False,
) -> bytes:
    """A PNG of samples [H, W, C] of any depth and kind of colour, written without a library."""
    height, width = samples.shape[:2]
    passes = ADAM7 if interlaced else [(0, 0, 1, 1)]
    scanlines = b"".join(
        _scanlines(samples[top::down, left::right], bits) for left, top, right, down in passes
    )
    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, interlaced)
    parts = [chunk(b"IHDR", header), *chunks, chunk(b"IDAT", zlib.compress(scanlines))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + chunk(b"IEND", b"") + after


def _scanlines(samples: ndarray, bits: int) -> bytes:
    rows = samples.reshape(len(samples), -1)
    if bits == 16:
        packed = rows.astype(">u2").view(np.uint8).reshape(len(rows), -1)
    else:
        shifts = np.arange(bits - 1, -1, -1)
        each = rows[..., None].astype(np.uint8) >> shifts & 1
        packed = np.packbits(each.reshape(len(rows), -1), axis=1)
    return np.insert(packed, 0, 0, axis=1).tobytes()


def levels(bits: int, channels: int = 1) -> ndarray:
    """Samples [H, W, C] of a depth."""
    return (RGBA[..., :channels].astype(np.uint32) * (2**bits - 1) // 255).astype(np.uint16)


def scaled(samples: ndarray, bits: int) -> ndarray:
    """Samples of fewer than 8 bits as uint8."""
    return (samples * (255 // (2**bits - 1))).astype(np.uint8)


def with_key(pixels: ndarray, samples: ndarray, key: tuple[int, ...]) -> ndarray:
    full = np.iinfo(pixels.dtype).max
    alpha = np.where((samples == key).all(axis=-1), 0, full)
    return np.dstack([pixels, alpha.astype(pixels.dtype)])


def pillow(pixels: ndarray, file_format: str, mode: str | None = None, **options) -> bytes:
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    content = BytesIO()
    (image.convert(mode) if mode else image).save(content, file_format, **options)
    return content.getvalue()


def two_frames() -> dict:
    return {"save_all": True, "append_images": [Image.fromarray(RGB[::-1])]}


def by_pillow(content: bytes) -> ndarray:
    """What Pillow reads, which is right for the formats it is asked about here."""
    pixels = np.asarray(Image.open(BytesIO(content)))
    return pixels.reshape([*pixels.shape[:2], -1])


def tiff(pixels: ndarray, kind: str = "rgb", **options) -> bytes:
    content = BytesIO()
    if options.get("planarconfig") == "separate":
        pixels = np.ascontiguousarray(np.moveaxis(pixels, -1, 0))
    elif pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    else:
        options["planarconfig"] = "contig"
    tifffile.imwrite(content, pixels, photometric=kind, metadata=None, **options)
    return content.getvalue()


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def with_segment(jpeg: bytes, marker: int, body: bytes) -> bytes:
    return jpeg[:2] + segment(marker, body) + jpeg[2:]


COLORED = (("la", 4, (0, 3)), ("rgb", 2, (0, 1, 2)), ("rgba", 6, (0, 1, 2, 3)))


def _png_files() -> dict[str, tuple[bytes, ndarray | str]]:
    files: dict[str, tuple[bytes, ndarray | str]] = {}
    for bits in (1, 2, 4, 8, 16):
        samples = levels(bits)
        pixels = samples if bits == 16 else scaled(samples, bits)
        key = tuple(samples[3, 4].tolist())
        files[f"grey{bits}.png"] = png(samples, bits, 0), pixels
        transparent = chunk(b"tRNS", struct.pack(">H", *key))
        files[f"grey{bits}_key.png"] = (
            png(samples, bits, 0, transparent),
            with_key(pixels, samples, key),
        )
        if bits <= 8:
            colors = np.random.default_rng(bits).integers(0, 256, (2**bits, 4), dtype=np.uint8)
            palette = chunk(b"PLTE", colors[:, :3].tobytes())
            alpha = chunk(b"tRNS", colors[:, 3].tobytes())
            by_index = colors[samples[..., 0]]
            files[f"palette{bits}.png"] = png(samples, bits, 3, palette), by_index[..., :3]
            files[f"palette{bits}_alpha.png"] = png(samples, bits, 3, palette, alpha), by_index
        if bits >= 8:
            for name, kind, channels in (
                ("la", 4, [0, 3]),
                ("rgb", 2, [0, 1, 2]),
                ("rgba", 6, [0, 1, 2, 3]),
            ):
                values = (RGBA16 if bits == 16 else RGBA)[..., list(channels)]
                files[f"{name}{bits}.png"] = png(values, bits, kind), values
            values = (RGBA16 if bits == 16 else RGBA)[..., :3]
            key = tuple(values[3, 4].tolist())
            transparent = chunk(b"tRNS", struct.pack(">HHH", *key))
            files[f"rgb{bits}_key.png"] = (
                png(values, bits, 2, transparent),
                with_key(values, values, key),
            )
    plain = png(RGB, 8, 2)
    big = b"icc\0\0" + zlib.compress(bytes(3 << 20))
    control = struct.pack(">IIIIIHHBB", 0, SIZE[1], SIZE[0], 0, 0, 1, 10, 0, 0)
    frames = [chunk(b"acTL", struct.pack(">II", 2, 0)), chunk(b"fcTL", control)]
    damaged_text = chunk(b"tEXt", b"Comment\0text")[:-4] + b"\0\0\0\0"
    files |= {
        "after_end.png": (plain + b"\n", RGB),
        "zeros_after_end.png": (plain + bytes(4096), RGB),
        "chunk_after_end.png": (plain + chunk(b"tEXt", b"a\0b")[:-6], RGB),
        "big_profile.png": (png(RGB, 8, 2, chunk(b"iCCP", big)), RGB),
        "damaged_profile.png": (png(RGB, 8, 2, chunk(b"iCCP", b"icc\0\0broken")), RGB),
        "damaged_text.png": (png(RGB, 8, 2, damaged_text), RGB),
        "big_text.png": (
            png(RGB, 8, 2, chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(3 << 20)))),
            RGB,
        ),
        "damaged_exif.png": (png(RGB, 8, 2, chunk(b"eXIf", b"MM\0*\0\0")), RGB),
        "xmp_turned.png": (
            png(RGB, 8, 2, chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP_TURNED)),
            RGB,
        ),
        "exif_turned.png": (png(RGB, 8, 2, chunk(b"eXIf", EXIF_TURNED)), RGB[::-1, ::-1]),
        "profile.png": (pillow(RGBA, "PNG", icc_profile=PROFILE), RGBA),
        "interlaced.png": (png(RGB, 8, 2, interlaced=True), RGB),
        "interlaced_la16.png": (
            png(RGBA16[..., [0, 3]], 16, 4, interlaced=True),
            RGBA16[..., [0, 3]],
        ),
        "apng.png": (png(RGB, 8, 2, *frames), "holds 2 pictures"),
        "cut.png": (plain[: len(plain) // 2], "cut off"),
        "flipped.png": (plain[:60] + bytes([plain[60] ^ 1]) + plain[61:], "damaged"),
        "renamed_alpha.png": (
            files["palette8_alpha.png"][0].replace(b"tRNS", b"tRNs"),
            "wrong checksum",
        ),
    }
    return files


def _tiff_files() -> dict[str, tuple[bytes, ndarray | str]]:
    files: dict[str, tuple[bytes, ndarray | str]] = {}
    kinds = {"grey": (GREY, "minisblack", {}), "rgb": (RGB, "rgb", {})}
    kinds["la"] = LA, "minisblack", {"extrasamples": ["unassalpha"]}
    kinds["rgba"] = RGBA, "rgb", {"extrasamples": ["unassalpha"]}
    for name, (small, kind, extra) in kinds.items():
        deep = small.astype(np.uint16) * 257 - (small > 0) * np.uint16(99)
        for bits, pixels in ((8, small), (16, deep)):
            for layout, options in {
                "": {},
                "_deflate": {"compression": "zlib", "predictor": True},
                "_tiles": {"tile": (16, 16)},
                "_big_endian": {"byteorder": ">"},
                "_bigtiff": {"bigtiff": True},
                "_planar": {"planarconfig": "separate"},
                "_planar_tiles": {"planarconfig": "separate", "tile": (16, 16)},
            }.items():
                if "planar" in layout and pixels.shape[2] == 1:
                    continue
                content = tiff(pixels, kind, **extra, **options)
                unknown = name == "la" and (bits == 16 or "planar" in layout)
                right = "layout|not an image" if unknown else pixels
                files[f"{name}{bits}{layout}.tif"] = content, right
    turned = {"extratags": [(274, 3, 1, 3, True)]}
    xmp = {"extratags": [(700, 1, len(XMP_TURNED), XMP_TURNED, True)]}
    premultiplied = {"extrasamples": ["assocalpha"]}
    opaque = np.dstack([RGB, np.full(SIZE, 255, np.uint8)])
    for bits in (2, 4):
        samples = levels(bits)[..., 0].astype(np.uint8)
        files[f"grey{bits}.tif"] = _small_tiff(samples, bits), scaled(samples[..., None], bits)
    files |= {
        "one_bit.tif": (tiff(GREY > 127, "minisblack"), (GREY > 127) * np.uint8(255)),
        "fax.tif": (pillow(GREY, "TIFF", "1", compression="group4"), "fax compression"),
        "white_is_zero.tif": (tiff(255 - GREY, "miniswhite"), GREY),
        "white_is_zero16.tif": (tiff(65535 - levels(16), "miniswhite"), levels(16)),
        "palette.tif": (PALETTE_TIFF, np.asarray(Image.open(BytesIO(PALETTE_TIFF)).convert("RGB"))),
        "lzw.tif": (pillow(RGB, "TIFF", compression="tiff_lzw"), RGB),
        "packbits.tif": (pillow(RGBA, "TIFF", compression="packbits"), RGBA),
        "lzw16.tif": (_by_opencv(RGBA16[..., :3]), RGBA16[..., :3]),
        "lzw16_grey.tif": (_by_opencv(RGBA16[..., :1]), RGBA16[..., :1]),
        "turned.tif": (tiff(RGB, **turned), RGB[::-1, ::-1]),
        "turned16.tif": (tiff(RGBA16[..., :3], **turned), RGBA16[::-1, ::-1, :3]),
        "xmp_turned.tif": (tiff(RGB, **xmp), RGB),
        "premultiplied_opaque.tif": (tiff(opaque, **premultiplied), opaque),
        "premultiplied16.tif": (tiff(RGBA16, **premultiplied), "premultiplied|layout"),
        "unspecified.tif": (tiff(RGBA, extrasamples=["unspecified"]), "meaning"),
        "five_channels.tif": (tiff(np.dstack([RGBA, GREY])), "channels"),
        "pages.tif": (pillow(RGB, "TIFF", **two_frames()), "2 pictures"),
        "float32.tif": (tiff(RGB.astype(np.float32)), "float32"),
        "float32_grey.tif": (tiff(GREY.astype(np.float32), "minisblack"), "float32"),
        "float64.tif": (tiff(GREY.astype(np.float64), "minisblack"), "float64"),
        "int16.tif": (tiff(GREY.astype(np.int16), "minisblack"), "int16"),
        "int8.tif": (tiff((GREY // 2).astype(np.int8), "minisblack"), "int8"),
        "uint32.tif": (tiff(GREY.astype(np.uint32), "minisblack"), "uint32"),
        "cmyk.tif": (tiff(RGBA, "separated"), "CMYK"),
        "lab.tif": (pillow(RGB, "TIFF", "LAB"), "LAB"),
        "cut.tif": (tiff(RGB)[:-50], "cut off|damaged"),
    }
    return files


def _small_tiff(samples: ndarray, bits: int) -> bytes:
    """A grey TIFF of 2 or 4 bits, written without a library."""
    shifts = np.arange(bits - 1, -1, -1)
    rows = np.packbits((samples[..., None] >> shifts & 1).reshape(SIZE[0], -1), axis=1).tobytes()
    entries = [(256, SIZE[1]), (257, SIZE[0]), (258, bits), (259, 1), (262, 1), (273, 8)]
    entries += [(277, 1), (278, SIZE[0]), (279, len(rows))]
    table = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    directory = struct.pack("<H", len(entries)) + table + bytes(4)
    return b"II*\0" + struct.pack("<I", 8 + len(rows)) + rows + directory


def _one_bit() -> ndarray:
    return np.asarray(Image.fromarray(GREY[..., 0]).convert("1"))[..., None] * np.uint8(255)


def _by_opencv(pixels: ndarray) -> bytes:
    """LZW, which tifffile does not write by itself."""
    order = pixels[..., ::-1] if pixels.shape[2] == 3 else pixels
    return cv2.imencode(".tif", np.ascontiguousarray(order))[1].tobytes()


def _jpeg_files() -> dict[str, tuple[bytes, ndarray | str]]:
    plain = pillow(RGB, "JPEG", quality=95)
    grey = pillow(GREY, "JPEG")
    progressive = pillow(RGB, "JPEG", progressive=True, quality=90)
    thumbnail = b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0" + pillow(RGB[:8, :8], "JPEG")
    phone = BytesIO()
    second = Image.fromarray(RGB[::-1])
    Image.fromarray(RGB).save(phone, "MPO", save_all=True, append_images=[second], quality=95)
    restarts = cv2.imencode(".jpg", RGB[..., ::-1], [cv2.IMWRITE_JPEG_RST_INTERVAL, 1])[1].tobytes()
    read = {name: by_pillow(content) for name, content in (("a", plain), ("g", grey))}
    return {
        "plain.jpg": (plain, read["a"]),
        "grey.jpg": (grey, read["g"]),
        "progressive.jpg": (progressive, by_pillow(progressive)),
        "restarts.jpg": (restarts, by_pillow(restarts)),
        "trailer.jpg": (
            plain + b"\0\0\0\x18ftypmp42\xff\xda\xff\xd8\xff\xda" + bytes(99),
            read["a"],
        ),
        "text_trailer.jpg": (plain + b"\r\n<html>", read["a"]),
        "mpo.jpg": (phone.getvalue(), by_pillow(phone.getvalue())),
        "thumbnail.jpg": (with_segment(plain, 0xE1, thumbnail), read["a"]),
        "exif_turned.jpg": (
            with_segment(plain, 0xE1, b"Exif\0\0" + EXIF_TURNED),
            read["a"][::-1, ::-1],
        ),
        "xmp_turned.jpg": (
            with_segment(plain, 0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP_TURNED),
            read["a"],
        ),
        "damaged_exif.jpg": (with_segment(plain, 0xE1, b"Exif\0\0MM\0*\xff\xff"), read["a"]),
        "damaged_profile.jpg": (with_segment(plain, 0xE2, b"ICC_PROFILE\0\1"), read["a"]),
        "damaged_photoshop.jpg": (
            with_segment(plain, 0xED, b"Photoshop 3.0\08BIM\x03\xed\0\0\0\0\0\xff12"),
            read["a"],
        ),
        "stray_bytes.jpg": (plain[:-2] + b"\0\0" + plain[-2:], read["a"]),
        "named_wrongly.png": (plain, read["a"]),
        "cmyk.jpg": (pillow(RGB, "JPEG", "CMYK"), "CMYK"),
        "no_end.jpg": (plain[:-2], "cut off"),
        "cut.jpg": (plain[: len(plain) * 2 // 3], "cut off"),
        "cut_with_trailer.jpg": (plain[:-99] + b"\xff\xd9", "damaged"),
        "cut_progressive.jpg": (progressive[:-30], "cut off"),
    }


def _other_files() -> dict[str, tuple[bytes, ndarray | str]]:
    webp = pillow(RGB, "WEBP", quality=90)
    lossless = {"lossless": True, "exact": True}
    profiled = pillow(RGBA, "WEBP", icc_profile=PROFILE + bytes(9000), **lossless)
    palette = pillow(RGB, "GIF", "P")
    transparent = BytesIO()
    image = Image.fromarray(RGB).quantize(20)
    image.save(transparent, "GIF", transparency=3)
    avif = pillow(RGB, "AVIF", quality=90)
    return {
        "lossy.webp": (webp, by_pillow(webp)),
        "lossy_alpha.webp": (LOSSY_ALPHA, by_pillow(LOSSY_ALPHA)),
        "lossless.webp": (pillow(RGBA, "WEBP", **lossless), RGBA),
        "profile.webp": (profiled, RGBA),
        "exif_turned.webp": (
            pillow(RGB, "WEBP", exif=EXIF_TURNED, lossless=True),
            RGB[::-1, ::-1],
        ),
        "xmp_turned.webp": (pillow(RGB, "WEBP", xmp=XMP_TURNED, lossless=True), RGB),
        "animated.webp": (pillow(RGB, "WEBP", **two_frames()), "2 pictures"),
        "cut.webp": (webp[: len(webp) // 2], "damaged"),
        "rgb.bmp": (pillow(RGB, "BMP"), RGB),
        "grey.bmp": (pillow(GREY, "BMP"), GREY),
        "one_bit.bmp": (pillow(GREY, "BMP", "1"), _one_bit()),
        "palette.dib": (
            pillow(RGB, "DIB", "P"),
            np.asarray(Image.fromarray(RGB).convert("P").convert("RGB")),
        ),
        "alpha.bmp": (_bmp_with_alpha(), RGBA),
        "cut.bmp": (pillow(RGB, "BMP")[:-99], "damaged"),
        "still.gif": (palette, np.asarray(Image.fromarray(RGB).convert("P").convert("RGB"))),
        "transparent.gif": (
            transparent.getvalue(),
            np.asarray(Image.open(BytesIO(transparent.getvalue())).convert("RGBA")),
        ),
        "animated.gif": (pillow(RGB, "GIF", **two_frames()), "2 pictures"),
        "photo.avif": (avif, by_pillow(avif)),
        "photo.ppm.png": (pillow(RGB, "PPM"), "it is PPM"),
        "photo.heic.jpg": (b"\0\0\0\x18ftypheic" + bytes(99), "HEIC|not an image"),
        "text.png": (b"no image", "not an image"),
        "empty.png": (b"", "empty"),
    }


def _bmp_with_alpha() -> bytes:
    """A header of version 4 with a mask for alpha."""
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    rows = np.ascontiguousarray(RGBA[::-1, :, [2, 1, 0, 3]]).tobytes()
    header = struct.pack("<IiiHHIIiiII", 108, SIZE[1], SIZE[0], 1, 32, 3, len(rows), 0, 0, 0, 0)
    header += masks + b"BGRs" + bytes(48)
    start = 14 + len(header)
    return b"BM" + struct.pack("<IHHI", start + len(rows), 0, 0, start) + header + rows


VIDEO = b"\0\0\0\x18ftypmp42\xff\xda\xff\xd8\xff\xda" + bytes(99)
PALETTE_TIFF = pillow(RGB, "TIFF", "P")
LOSSY_ALPHA = pillow(RGBA, "WEBP", quality=90)

_MAKERS: tuple[Callable[[], dict[str, tuple[bytes, ndarray | str]]], ...] = (
    _png_files,
    _tiff_files,
    _jpeg_files,
    _other_files,
)
FILES = {name: file for make in _MAKERS for name, file in make().items()}
