# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The thumbnail in EXIF, which would still show what was removed."""

import pytest
from PIL import Image

from ppdeepfill.photos import read_photo, write_photo
from ppdeepfill.photos.exif import without_thumbnail


def exif_with_thumbnail(order: str = "little") -> bytes:
    """One tag, a thumbnail `small`, and what a maker may have put behind it."""

    def number(value, length):
        return value.to_bytes(length, order)

    def entry(tag, kind, value):
        return number(tag, 2) + number(kind, 2) + number(1, 4) + number(value, 4)

    start = b"II*\0" if order == "little" else b"MM\0*"
    first = number(1, 2) + entry(0x0100, 4, 77) + number(26, 4)
    second = number(2, 2) + entry(0x0201, 4, 56) + entry(0x0202, 4, 5) + number(0, 4)
    return start + number(8, 4) + first + second + b"smallKEPT"


@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize("prefix", [b"Exif\0\0", b""])
def test_the_thumbnail_goes_and_all_else_of_exif_stays(order, prefix):
    record = exif_with_thumbnail(order)
    cleared = without_thumbnail(prefix + record)
    no_link = bytes(4)
    assert cleared[: len(prefix) + 26] == prefix + record[:22] + no_link
    assert cleared[len(prefix) + 26 :] == record[26:].replace(b"small", bytes(5))
    assert without_thumbnail(cleared) == cleared


def test_exif_without_thumbnail_stays_and_a_damaged_one_goes():
    record = Image.Exif()
    record[0x010F] = "Maker"
    assert without_thumbnail(record.tobytes()) == record.tobytes()
    assert without_thumbnail(b"Exif\0\0MM") == b""


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".png"])
def test_no_result_shows_what_was_removed_in_its_thumbnail(tmp_path, colors, suffix):
    path = tmp_path / f"a{suffix}"
    Image.fromarray(colors[..., :3]).save(path, exif=b"Exif\0\0" + exif_with_thumbnail())
    assert b"smallKEPT" in path.read_bytes()
    write_photo(path, read_photo(path))
    content = path.read_bytes()
    assert b"small" not in content and b"KEPT" in content
