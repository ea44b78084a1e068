# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

import errno
import io
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from ppdeepfill.errors import WeightsError
from ppdeepfill.weight_files import read_arrays

WEIGHT = np.arange(6, dtype=np.float32).reshape(2, 3)


def npz(**arrays) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def written(own_arrays) -> dict[str, bytes]:
    """Small honest files of every form."""
    files = {path.name: path.read_bytes() for path in (own_arrays / "weight_files").glob("*.pt")}
    for protocol in (0, 2, 4):
        files[f"pickle {protocol}"] = pickle.dumps({"w": WEIGHT}, protocol)
    return files | {"safetensors": save({"w": WEIGHT}), "npz": npz(w=WEIGHT)}


def refusal(path: Path) -> str:
    with pytest.raises(WeightsError) as caught:
        read_arrays(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "content",
    [save({"w": WEIGHT}), npz(w=WEIGHT), *[pickle.dumps({"w": WEIGHT}, p) for p in range(6)]],
)
def test_the_content_decides_and_not_the_ending(content, tmp_path):
    path = tmp_path / "weights.jpg"
    path.write_bytes(content)
    found = read_arrays(str(path))
    assert list(found) == ["w"]
    np.testing.assert_array_equal(found["w"], WEIGHT)


@pytest.mark.parametrize("name", ["state_dict.pt", "state_dict_legacy.pt"])
def test_files_of_pytorch_are_known(own_arrays, name):
    found = read_arrays(own_arrays / "weight_files" / name)
    assert found["0.weight"].shape == (3, 2, 3, 3)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b"<!DOCTYPE html>", "not a weight file; supported: .safetensors, .npz, .pdparams"),
        (b"version https://git-lfs.github.com/spec/v1", "not a weight file"),
        (b"\x89HDF\r\n\x1a\n", "not a weight file"),
        (b"\x00" * 100, "not a weight file"),
        (b"cos\nsystem\n(S'exit'\ntR.", "it refers to 'os.system'"),
        (b"\x80\x02cos\nsystem\n.", "it refers to 'os.system'"),
        (b"PK", "damaged or truncated"),
        (b"PK\x05\x06" + bytes(18), "it contains no arrays"),
        (pickle.dumps({"epoch": 3}), "it contains no arrays"),
        (pickle.dumps({"w": WEIGHT})[:-30], "damaged"),
        (npz(w=WEIGHT)[:-30], "damaged or truncated"),
        (save({"w": WEIGHT})[:-1], "damaged, truncated"),
    ],
)
def test_a_refusal_names_the_file_and_says_why(content, reason, tmp_path):
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    assert reason in refusal(path)


def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path):
    assert "there is no such file" in refusal(tmp_path / "missing.pt")
    assert "a folder or a device" in refusal(tmp_path)
    assert "cannot be read: " + os.strerror(errno.ENAMETOOLONG) in refusal(tmp_path / ("x" * 999))
    os.mkfifo(tmp_path / "pipe")
    assert "a folder or a device" in refusal(tmp_path / "pipe")
    (tmp_path / "endless").symlink_to("/dev/zero")
    assert "a folder or a device" in refusal(tmp_path / "endless")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    refusal(tmp_path / "circle")


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="no Linux")
@pytest.mark.parametrize("path", ["/proc/self/status", "/proc/kmsg", "/proc/self/mem"])
def test_files_of_the_system_are_not_opened(path):
    if Path(path).exists():
        assert "the file is empty" in refusal(Path(path))


@pytest.mark.parametrize("beginning", [b"PK", b"\x80\x04\x8e" + b"\xff" * 7, bytes(8) + b"{"])
def test_a_file_beyond_any_network_is_not_read(beginning, tmp_path):
    path = tmp_path / "large.pt"
    with path.open("wb") as file:
        file.write(beginning)
        file.truncate(2**40)  # takes no room on the disk
    assert "it contains or declares 1,099,511,627,776 bytes" in refusal(path)


def test_too_little_memory_is_said(tmp_path, monkeypatch):
    def fail(*_):
        raise MemoryError

    path = tmp_path / "w.safetensors"
    path.write_bytes(save({"w": WEIGHT}))
    monkeypatch.setattr("ppdeepfill.weight_files.read_safetensors", fail)
    assert "needs more memory than" in refusal(path)


def test_arrays_outlive_their_file(tmp_path, written):
    for number, (name, content) in enumerate(written.items()):
        if name in ("module.pt", "script.pt"):
            continue
        path = tmp_path / str(number)
        path.write_bytes(content)
        arrays = read_arrays(path)
        before = {key: value.copy() for key, value in arrays.items()}
        path.write_bytes(b"")  # who had mapped it into memory would be killed now
        for key, value in arrays.items():
            np.testing.assert_array_equal(value, before[key])


def read_damaged(path: Path, content: bytes) -> bool:
    """Whether arrays were read; anything but arrays and WeightsError goes through."""
    path.unlink(missing_ok=True)  # some file systems wait for the disk where a file is replaced
    path.write_bytes(content)
    try:
        for array in read_arrays(path).values():
            array.sum()  # touches every byte it claims
    except WeightsError as error:
        assert str(path) in str(error)
        return False
    return True


@pytest.mark.parametrize("name", ["views_legacy.pt", "pickle 0", "pickle 2", "pickle 4"])
def test_a_file_that_is_cut_anywhere_is_refused(name, tmp_path, written):
    content = written[name]
    for length in range(len(content)):
        assert not read_damaged(tmp_path / "w", content[:length]), length


@pytest.mark.parametrize("name", ["views.pt", "npz", "safetensors"])
def test_a_container_that_is_cut_anywhere_is_refused(name, tmp_path, written):
    content = written[name]
    for length in range(0, len(content), 3):
        assert not read_damaged(tmp_path / "w", content[:length]), length


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """A few bytes changed, put in, left out or taken from another place."""
    changed = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 4, 16])):
        place = int(rng.integers(len(changed) + 1))
        kind = rng.integers(4)
        if kind == 0:
            changed[place : place + 1] = rng.bytes(1)
        elif kind == 1:
            changed[place : place + 8] = [b"\xff" * 8, bytes(8), bytes(7) + b"@"][rng.integers(3)]
        elif kind == 2:
            changed[place:place] = rng.choice(
                list(b"(.tRb0123qhscNKX]}\x85\x86\x93Q"), 1
            ).tobytes()[:1]
        else:
            other = int(rng.integers(len(content)))
            changed[place : place + int(rng.integers(9))] = content[other : other + 5]
    return bytes(changed)


@pytest.mark.filterwarnings("ignore:invalid escape sequence")
def test_damage_gives_arrays_or_a_refusal(tmp_path, written):
    rng = np.random.default_rng(0)
    files = list(written.values())
    read = [read_damaged(tmp_path / "w", damaged(files[n % len(files)], rng)) for n in range(2500)]
    assert 100 < sum(read) < 1500  # both ends were reached
