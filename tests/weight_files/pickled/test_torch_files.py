# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

import io
import pickle
import struct
import zipfile

import numpy as np
import pytest
from pickle_parts import (
    START,
    STOP,
    call,
    deep,
    doubled,
    name,
    number,
    numbers,
    pair,
    several,
    storage,
    tensor,
    text,
)

from ppdeepfill.errors import WeightsError
from ppdeepfill.weight_files.pickled.torch_files import (
    LEGACY_MAGIC,
    read_torch_legacy,
    read_torch_zip,
)
from ppdeepfill.weight_files.zip_files import opened_zip

CONTENTS = ("state_dict", "types", "views", "nested", "parameters", "optimizer")
FIVE = np.arange(5, dtype=np.float32)
FIVE_LONG, ONE_STEP, SIZE = numbers(5), numbers(1), number(5)


@pytest.fixture(scope="module")
def folder(own_arrays):
    """What PyTorch wrote, and the arrays in it as `file/name` in expected.npz."""
    return own_arrays / "weight_files"


def read_zip(content: bytes):
    with opened_zip(content) as archive:
        return read_torch_zip(archive)


def zip_of(pickled: bytes, storages: dict | None = None, **parts: bytes) -> bytes:
    """The zip form, as `torch.save` lays it out."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
        for key, held in (storages or {}).items():
            archive.writestr(f"archive/data/{key}", held)
        for part, held in parts.items():
            archive.writestr(f"archive/{part}", held)
    return buffer.getvalue()


def legacy_of(pickled: bytes, keys=("0",), storages: bytes = b"", *, little_endian=True) -> bytes:
    """The older form."""
    machine = {"little_endian": little_endian, "protocol_version": 1001, "type_sizes": {}}
    head = b"".join(pickle.dumps(value, 2) for value in (LEGACY_MAGIC, 1001, machine))
    return (
        head + pickled + (keys if type(keys) is bytes else pickle.dumps(list(keys), 2)) + storages
    )


def one_tensor(offset=0, shape=FIVE_LONG, strides=ONE_STEP, size=SIZE, kind="FloatStorage"):
    return START + pair("w", tensor(storage(size, kind=kind), offset, shape, strides)) + STOP


def refusal(read, content: bytes) -> str:
    with pytest.raises(WeightsError) as caught:
        read(content)
    return str(caught.value)


@pytest.mark.parametrize("name", CONTENTS)
@pytest.mark.parametrize("form", ["zip", "legacy"])
def test_what_pytorch_wrote_is_read_to_the_digit(folder, name, form):
    path = folder / (f"{name}.pt" if form == "zip" else f"{name}_legacy.pt")
    found = (read_zip if form == "zip" else read_torch_legacy)(path.read_bytes())
    with np.load(folder / "expected.npz", allow_pickle=False) as file:
        expected = {key.split("/")[1]: file[key] for key in file if key.startswith(f"{name}/")}
    assert sorted(found) == sorted(expected)
    for key, value in expected.items():
        assert (found[key].dtype, found[key].shape) == (value.dtype, value.shape), key
        np.testing.assert_array_equal(found[key], value, err_msg=key)


def test_a_whole_network_is_refused(folder):
    reason = refusal(read_zip, (folder / "module.pt").read_bytes())
    assert "it refers to 'torch.nn.modules.container.Sequential'" in reason


def test_a_program_is_refused(folder):
    reason = refusal(read_zip, (folder / "script.pt").read_bytes())
    assert "a TorchScript program" in reason
    assert "state_dict()" in reason


def test_files_made_here_are_read_like_those_of_pytorch():
    whole = legacy_of(one_tensor(), storages=struct.pack("<q", 5) + FIVE.tobytes())
    np.testing.assert_array_equal(read_torch_legacy(whole)["w"], FIVE)
    np.testing.assert_array_equal(read_zip(zip_of(one_tensor(), {"0": FIVE.tobytes()}))["w"], FIVE)


BEYOND = {
    "too long": {"shape": numbers(6)},
    "too far": {"offset": 1},
    "steps too large": {"strides": numbers(2)},
    "offset beyond any file": {"offset": 2**61},
    "expanded": {"shape": numbers(2, 5), "strides": numbers(0, 1)},
    # Four steps of 2**62 bytes are 2**64, which is 0 where NumPy adds them up.
    "steps that overflow": {"strides": numbers(2**60)},
    "steps of two bytes that overflow": {
        "strides": numbers(2**61),
        "kind": "BFloat16Storage",
    },
    "steps that overflow by a little": {"strides": numbers(2**60 + 1)},
}


@pytest.mark.parametrize("kind", BEYOND)
def test_no_tensor_reaches_beyond_its_storage(kind):
    size = 2 if BEYOND[kind].get("kind") else 4
    content = zip_of(one_tensor(**BEYOND[kind]), {"0": bytes(5 * size)})
    assert "extends beyond the numbers in the file" in refusal(read_zip, content)


REFUSED = {
    "fewer numbers": (one_tensor(size=number(6)), "24 bytes, but the file has 20"),
    "a size below 0": (one_tensor(size=number(-5)), "stride or offset: -5"),
    "a huge size": (one_tensor(size=number(2**70)), "stride or offset: 1180591620717411303424"),
    "a size of text": (one_tensor(size=text("5")), "stride or offset: '5'"),
    "a negative stride": (one_tensor(strides=numbers(-1)), "stride or offset: -1"),
    "a negative offset": (one_tensor(offset=-1), "stride or offset: -1"),
    "too few strides": (one_tensor(strides=numbers()), "shape and strides differ"),
    "33 sizes": (one_tensor(shape=numbers(*[1] * 33)), "up to 32 numbers"),
    "a doubled shape": (one_tensor(shape=several(doubled())), "stride or offset: [["),
    "empty beyond all": (one_tensor(shape=numbers(0, 2**61), strides=numbers(1, 1)), "w: "),
    "an unknown storage": (one_tensor(kind="ComplexFloatStorage"), "'torch.ComplexFloatStorage'"),
    "a module": (START + several(text("module"), b"NN") + b"Q.", "not a storage of numbers"),
    "an id of text": (START + text("0") + b"Q.", "not a storage of numbers"),
    "an id in itself": (START + b"(]q\x00h\x00a" + b"NNNNtQ.", "not a storage of numbers"),
    "a kind of text": (
        START + several(text("storage"), text("f4"), text("0"), text("cpu"), number(5)) + b"Q.",
        "a storage of an unknown kind",
    ),
    "a key of no text": (
        START + several(text("storage"), name("torch.IntStorage"), b"NN", number(5)) + b"Q.",
        "a storage of an unknown kind",
    ),
    "a view of a storage": (
        START
        + several(text("storage"), name("torch.IntStorage"), text("0"), b"N", number(5), text("v"))
        + b"Q.",
        "save it again with PyTorch",
    ),
    "the same storage in two ways": (
        START + storage(number(5)) + storage(number(4)) + STOP,
        "describes the same storage in two ways",
    ),
    "a tensor of nothing": (
        START + tensor(b"N", 0, numbers(), numbers()) + STOP,
        "without storage",
    ),
    "a parameter of nothing": (
        START + call("torch._utils._rebuild_parameter", b"N") + STOP,
        "a parameter that is not a tensor",
    ),
    "a storage that is missing": (START + storage(number(5), key="../0") + STOP, "no item named"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_refusal_says_why(kind):
    pickled, reason = REFUSED[kind]
    message = refusal(read_zip, zip_of(pickled, {"0": FIVE.tobytes()}))
    assert reason in message
    assert len(message) < 1000


def test_another_zip_is_refused():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("word/document.xml", "")
    assert "contains no data.pkl" in refusal(read_zip, buffer.getvalue())


def test_a_big_endian_machine_is_named():
    assert "big-endian" in refusal(read_zip, zip_of(one_tensor(), byteorder=b"big"))
    legacy = legacy_of(one_tensor(), little_endian=False)
    assert "big-endian" in refusal(read_torch_legacy, legacy)


LEGACY = {
    "no storages": (legacy_of(one_tensor(), keys=()), "do not match"),
    "a storage twice": (legacy_of(one_tensor(), keys=("0", "0")), "do not match"),
    "keys of numbers": (legacy_of(one_tensor(), keys=(0,)), "have no names"),
    "keys of doubled lists": (legacy_of(one_tensor(), START + doubled() + STOP), "have no names"),
    "keys of deep lists": (legacy_of(one_tensor(), START + deep() + STOP), "have no names"),
    "no size": (legacy_of(one_tensor(), storages=b"\x05"), "truncated"),
    "no numbers": (legacy_of(one_tensor(), storages=struct.pack("<q", 5)), "truncated"),
    "another size": (
        legacy_of(one_tensor(), storages=struct.pack("<q", 4) + bytes(20)),
        "does not have its declared size",
    ),
    "a size beyond any file": (
        legacy_of(one_tensor(size=number(2**61)), storages=struct.pack("<q", 2**61)),
        "truncated",
    ),
    "no machine": (pickle.dumps(LEGACY_MAGIC, 2) + pickle.dumps(1, 2) * 2, "not a PyTorch file"),
    "only its beginning": (pickle.dumps(LEGACY_MAGIC, 2), "the pickle has no end"),
}


@pytest.mark.parametrize("kind", LEGACY)
def test_a_damaged_older_file_is_refused(kind):
    content, reason = LEGACY[kind]
    assert reason in refusal(read_torch_legacy, content)
