# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""EXIF records: a small TIFF structure that begins with its byte order."""

import struct

PREFIX = b"Exif\0\0"  # in JPEG and WebP, not in PNG
THUMBNAIL_OFFSET, THUMBNAIL_LENGTH = 0x0201, 0x0202  # tags of the second directory


def without_thumbnail(exif: bytes) -> bytes:
    """Remove the thumbnail, which would still show what was removed from the photo.

    Only the link to the thumbnail is cut and its bytes are set to 0. Nothing moves, so the maker's
    notes, which point into the record, stay readable. For a damaged record, returns b"".
    """
    try:
        return _with_thumbnail_erased(exif)
    except struct.error:
        return b""


def _with_thumbnail_erased(exif: bytes) -> bytes:
    start = len(PREFIX) if exif.startswith(PREFIX) else 0
    record = bytearray(exif[start:])
    order = "<" if record[:2] == b"II" else ">"
    (directory,) = struct.unpack_from(f"{order}I", record, 4)
    link = _end_of_entries(record, order, directory)
    (second,) = struct.unpack_from(f"{order}I", record, link)
    if second:
        entries = _entries(record, order, second)
        offset, length = entries.get(THUMBNAIL_OFFSET, 0), entries.get(THUMBNAIL_LENGTH, 0)
        cleared = len(record[offset : offset + length])
        record[offset : offset + length] = bytes(cleared)
        struct.pack_into(f"{order}I", record, link, 0)
    return exif[:start] + bytes(record)


def _end_of_entries(record: bytearray, order: str, directory: int) -> int:
    (count,) = struct.unpack_from(f"{order}H", record, directory)
    return directory + 2 + 12 * count


def _entries(record: bytearray, order: str, directory: int) -> dict[int, int]:
    """Tag -> value, for entries that hold one 32-bit number."""
    places = range(directory + 2, _end_of_entries(record, order, directory), 12)
    entries = (struct.unpack_from(f"{order}HHII", record, place) for place in places)
    return {tag: value for tag, kind, _, value in entries if kind == 4}
