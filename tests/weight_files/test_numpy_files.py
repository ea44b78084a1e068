# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

import io
import zipfile

import numpy as np
import pytest

from ppdeepfill.errors import WeightsError
from ppdeepfill.weight_files.numpy_files import read_npz
from ppdeepfill.weight_files.zip_files import opened_zip

ARRAYS = {
    "conv1/weight": np.arange(6, dtype=np.float32).reshape(2, 3) - 2.5,
    "column_major": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "big_endian": np.arange(3, dtype=">i2"),
    "mask": np.array([True, False]),
    "scalar": np.array(3, np.float16),
    "empty": np.zeros((0, 3), np.uint8),
}
PLAIN = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }"


def read(content: bytes):
    with opened_zip(content) as archive:
        return read_npz(archive)


def refusal(content: bytes) -> str:
    with pytest.raises(WeightsError) as caught:
        read(content)
    return str(caught.value)


def npy(header: str = PLAIN, numbers: bytes = bytes(8), *, version: int = 1) -> bytes:
    length = len(header).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + length + header.encode() + numbers


def npz(content: bytes, **options) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", **options) as archive:
        archive.writestr("a.npy", content)
    return buffer.getvalue()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_are_read_as_numpy_saved_them(save):
    buffer = io.BytesIO()
    save(buffer, **ARRAYS)
    found = read(buffer.getvalue())
    assert list(found) == list(ARRAYS)
    for name, value in ARRAYS.items():
        assert (found[name].dtype, found[name].shape) == (value.dtype, value.shape)
        np.testing.assert_array_equal(found[name], value)


@pytest.mark.parametrize("version", [1, 2, 3])
def test_every_version_of_the_form_is_read(version):
    np.testing.assert_array_equal(read(npz(npy(version=version)))["a"], [0, 0])


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2L,), }   \n",
        "{'descr': '<f4', 'fortran_order': True, 'shape': (1, 2), }\n",
        "{'descr': '<f4','fortran_order': False,'shape': (2,)}",
    ],
)
def test_headers_of_other_programs_are_read(header):
    assert read(npz(npy(header)))["a"].size == 2


def header_of(descr: str, shape: str = "(2,)") -> str:
    return f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}"


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (header_of("'|O'"), "arrays of type '|O'"),
        (header_of("'<U2'"), "arrays of type '<U2'"),
        (header_of("'<c8'"), "arrays of type '<c8'"),
        (header_of("[('x', '<f4')]"), "only arrays of plain numbers are read; this is"),
        (header_of("'<f4'", "(3,)"), "12 bytes, but the file has 8"),
        (header_of("'<f4'", "(1,)"), "4 bytes, but the file has 8"),
        (header_of("'<f4'", f"({2**70},)"), "stride or offset: 1180591620717411303424"),
        (header_of("'<f4'", f"(0, {2**61}, {2**61})"), "but the file has 8"),
        (header_of("'<f4'", f"({'9' * 5000},)"), "limit"),
        (header_of("'<f4'", f"({'1, ' * 40})"), "up to 32 numbers"),
        (header_of("'<f4'", "(-2,)"), "this is"),
        (header_of("'<f4'", "(True,)"), "this is"),
        ("{'descr': (", "this is"),  # the parsers of Python fail on these in ways of their own
        ("(" * 9000, "this is"),
        ("-" * 9000 + "1", "this is"),
        ("{1: 2, 'a': 3}", "this is"),
    ],
)
def test_a_strange_header_is_refused(header, reason):
    message = refusal(npz(npy(header)))
    assert reason in message
    assert len(message) < 500


def test_objects_are_not_unpickled(tmp_path):
    class Runs:
        def __reduce__(self):
            return exec, (f"open({str(tmp_path / 'made')!r}, 'w').close()",)

    buffer = io.BytesIO()
    np.savez(buffer, a=np.array([Runs()], dtype=object))
    assert "a.npy: arrays of type '|O'" in refusal(buffer.getvalue())
    assert not (tmp_path / "made").exists()
    np.load(io.BytesIO(buffer.getvalue()), allow_pickle=True)["a"]
    assert (tmp_path / "made").exists()


@pytest.mark.parametrize("content", [b"", b"text", npy(version=4), npy()[:9]])
def test_what_is_no_array_is_refused(content):
    assert "a.npy: " in refusal(npz(content))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_compression_without_limits_is_refused(method):
    reason = refusal(npz(npy(), compression=method))
    assert "compressed in a way that neither NumPy nor PyTorch uses" in reason


def changed(content: bytes, offset: int, value: bytes) -> bytes:
    """An archive whose table of contents says something else at an offset in its first entry."""
    start = content.rindex(b"PK\x01\x02") + offset
    return content[:start] + value + content[start + len(value) :]


@pytest.mark.parametrize(
    ("offset", "value", "reason"),
    [
        (6, b"\xff\x00", "zip file version 25.5"),
        (8, b"\x01\x00", "is encrypted"),
        (8, b"\x00\x08", "invalid start byte"),
        (16, bytes(4), "Bad CRC-32"),
        (20, b"\xff\xff\xff\x7f", "its parts overlap"),
        (24, b"\xff\xff\xff\xff", "it contains or declares 4,294,967,295 bytes"),
        (42, b"\xff\xff\xff\x00", "Truncated|Bad|Overlap"),
        (42, b"\x80\x00\x00\x00", "Truncated|Bad magic|Overlap"),
    ],
)
def test_a_damaged_archive_is_refused(offset, value, reason):
    content = npz(npy(), compression=zipfile.ZIP_DEFLATED)
    damaged = changed(content, offset, value)
    if value == b"\x00\x08":  # the name is said to be UTF-8, and is not
        damaged = damaged.replace(b"a.npy", b"\xff.npy")
    with pytest.raises(WeightsError, match=reason):
        read(damaged)


def test_damaged_compression_is_refused():
    content = npz(npy(), compression=zipfile.ZIP_DEFLATED)
    assert "Error -3 while decompressing" in refusal(content[:35] + b"\xff" * 9 + content[44:])


def test_an_offset_beyond_any_file_is_refused():
    content = npz(npy())
    end = content.rindex(b"PK\x05\x06")
    far = b"\1\0\x08\0" + b"\xff" * 8  # where 64 bits tell what 32 cannot
    size = int.from_bytes(content[end + 12 : end + 16], "little") + len(far)
    tail = content[end : end + 12] + size.to_bytes(4, "little") + content[end + 16 :]
    damaged = changed(content[:end] + far + tail, 30, b"\x0c\0")
    assert "too large to convert" in refusal(changed(damaged, 42, b"\xff" * 4))


def with_second_entry(content: bytes, name: bytes) -> bytes:
    """An archive of one part, listed under another name too."""
    table, end = content.rindex(b"PK\x01\x02"), content.rindex(b"PK\x05\x06")
    entries = content[table:end] + content[table:end].replace(b"a.npy", name)
    tail = content[end : end + 8] + b"\2\0\2\0" + len(entries).to_bytes(4, "little")
    return content[:table] + entries + tail + content[end + 16 :]


def test_parts_that_share_their_bytes_are_refused():
    numbers = npz(npy(header_of("'|u1'", "(1000,)"), bytes(1000)))
    assert "its parts overlap" in refusal(with_second_entry(numbers, b"b.npy"))


def test_two_parts_of_one_name_are_refused():
    assert "two of its parts have the same name" in refusal(with_second_entry(npz(npy()), b"a.npy"))


def test_parts_are_counted_before_they_are_listed(monkeypatch):
    monkeypatch.setattr("ppdeepfill.weight_files.zip_files.MAX_VALUES", 3)
    buffer = io.BytesIO()
    np.savez(buffer, *[np.zeros(1)] * 4)
    assert "more than 3 parts" in refusal(buffer.getvalue())
