# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0

import io
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
from pickle_parts import (
    BUILD,
    EMPTY_ARRAY,
    FLOAT32,
    MARK,
    REDUCE,
    START,
    STOP,
    array,
    call,
    content,
    deep,
    doubled,
    name,
    number,
    numbers,
    pair,
    several,
    text,
)

from ppdeepfill.errors import WeightsError
from ppdeepfill.weight_files.pickled.arrays import arrays_within, names
from ppdeepfill.weight_files.pickled.pickles import read_pickle


def read(pickled: bytes):
    return arrays_within(read_pickle(io.BytesIO(pickled), names()))


def refusal(pickled: bytes) -> str:
    with pytest.raises(WeightsError) as caught:
        read(pickled)
    return str(caught.value)


class _Runs:
    """Makes a file when it is unpickled."""

    def __init__(self, function, *arguments):
        self.reduction = function, arguments

    def __reduce__(self):
        return self.reduction


def _programs(path: Path) -> dict[str, bytes]:
    """Pickles that make a file when they are loaded the usual way."""
    command = f"open({str(path)!r}, 'w').close()"
    quoted = f"S{command!r}\n".encode()
    programs = {
        f"protocol {protocol}": pickle.dumps({"w": _Runs(exec, command)}, protocol)
        for protocol in range(6)
    }
    return programs | {
        "eval": START + call("builtins.eval", text(command)) + STOP,
        "inst": MARK + quoted + b"ibuiltins\nexec\n" + STOP,
        "obj": MARK + name("builtins.exec") + quoted + b"o" + STOP,
        "newobj": START + name("builtins.exec") + several(text(command)) + b"\x81" + STOP,
        "touch": START + call("pathlib.Path.touch", call("pathlib.Path", text(str(path)))) + STOP,
        "inside a state": START + array(numbers(1), call("builtins.exec", text(command))) + STOP,
        "stack_global": START + text("builtins") + text("exec") + b"\x93" + quoted + b"\x85R.",
        "getattr": START
        + call("builtins.getattr", name("numpy.ndarray"), text("__class__"))
        + STOP,
    }


@pytest.mark.parametrize("kind", _programs(Path()))
def test_no_program_runs(kind, tmp_path):
    program = _programs(tmp_path / "made")[kind]
    reason = refusal(program)
    assert not (tmp_path / "made").exists()
    assert "None of it was run" in reason or "pickle instruction INST" in reason


def test_the_programs_of_these_tests_would_run(tmp_path):
    program = _programs(tmp_path / "made")["protocol 2"]
    pickle.loads(program)
    assert (tmp_path / "made").exists()


REFUSED = {
    "objects": (pickle.dumps({"w": np.array([{}, None])}), "arrays of type 'O8'"),
    "text": (pickle.dumps({"w": np.array(["a"])}), "arrays of type 'U1'"),
    "complex": (pickle.dumps({"w": np.ones(1, np.complex64)}), "arrays of type 'c8'"),
    "structures": (pickle.dumps({"w": np.zeros(1, "f4,i4")}), "arrays of type 'V8'"),
    "a set": (pickle.dumps({1}, 4), "pickle instruction EMPTY_SET"),
    "a new object": (START + name("numpy.dtype") + b")\x81.", "pickle instruction NEWOBJ"),
    "an old object": (MARK + name("numpy.dtype") + b"o.", "pickle instruction OBJ"),
    "an extension": (START + b"\x82\x01.", "pickle instruction EXT1"),
    "a buffer outside": (b"\x80\x05\x97.", "pickle instruction NEXT_BUFFER"),
    "a persistent id": (START + b"NQ.", "refers to data outside the file"),
    "a persistent name": (b"Pa\n.", "pickle instruction PERSID"),
    "more names of NumPy": (START + name("numpy.core.multiarray.fromfile") + STOP, "fromfile'"),
    "an attribute": (START + name("numpy.ndarray.tofile") + STOP, "'numpy.ndarray.tofile'"),
    "a name of numbers": (START + b"NN\x93.", "a name that is not text"),
    "a constant called": (
        START + name("numpy.ndarray") + b")R.",
        "a call of something that is not a function",
    ),
    "a call without tuple": (
        START + name("numpy.dtype") + b"NR.",
        "a call of something that is not a function",
    ),
    "too many arguments": (START + call("numpy.dtype", *[text("f4")] * 9) + STOP, "arguments"),
    "a state for a number": (START + b"NNb.", "a state for something that has none"),
    "a state of None": (START + FLOAT32 + b"Nb.", "a state for something that has none"),
    "encoded bytes": (
        START + call("_codecs.encode", content(b"a"), text("latin1")) + STOP,
        "text that does not encode bytes",
    ),
    "a state for a class": (
        START + name("numpy.core.multiarray._reconstruct") + b")b.",
        "missing 1 required positional argument",
    ),
    "a short state": (START + EMPTY_ARRAY + numbers(1) + BUILD + STOP, "form of numpy.ndarray"),
    "a strange type": (
        START + FLOAT32 + several(*[b"N"] * 8) + BUILD + STOP,
        "form of numpy.dtype",
    ),
    "a structured type": (
        START + FLOAT32 + several(b"K\x03", text("<"), *[b")"] * 6) + BUILD + STOP,
        "structured arrays",
    ),
    "an array without type": (
        START + array(numbers(1), content(b"1234"), dtype=b"N") + STOP,
        "objects",
    ),
    "a list as content": (START + array(numbers(0), b"]") + STOP, "arrays of objects"),
    "more than is there": (
        START + array(numbers(9), content(b"1234")) + STOP,
        "36 bytes, but the file has 4",
    ),
    "less than is there": (
        START + array(numbers(0), content(b"1234")) + STOP,
        "0 bytes, but the file has 4",
    ),
    "a size below 0": (START + array(numbers(-1), content(b"1234")) + STOP, "stride or offset: -1"),
    "sizes of no integer": (
        START + array(numbers(1, 2**62), content(b"")) + STOP,
        "stride or offset: 46116",
    ),
    "a shape of text": (
        START + array(text("1"), content(b"1234")) + STOP,
        "a shape that is not a tuple",
    ),
    "text beyond bytes": (
        START + array(numbers(1), text("ab\u1234d")) + STOP,
        "codec can't encode",
    ),
    "another encoding": (
        START + call("_codecs.encode", text("a"), text("hex")) + STOP,
        "does not encode bytes",
    ),
    "an odd dict": (START + b"}(Nu.", "pairs for something that is not a dict"),
    "a key of None": (START + b"}NNs.", "a NoneType as the key"),
    "a key twice": (START + b"}K\x01NsX\x01\x00\x00\x001Ns.", "'1' is too long or used twice"),
    "a long key": (START + pair("k" * 300, b"N") + STOP, "too long or used twice"),
    "a long path": (START + pair("a" * 150, pair("b" * 150, b"N")) + STOP, "longer than 250"),
    "two arrays of one name": (
        pickle.dumps({"a.b": np.ones(1), "a": {"b": np.ones(1)}}),
        "two arrays have the name a.b",
    ),
    "pairs that are none": (
        START + call("collections.OrderedDict", b"K\x05") + STOP,
        "items of a dict that are not pairs",
    ),
    "a tuple of numbers": (START + call("builtins.tuple", numbers(1, 2)) + STOP, "name and array"),
    "an append to None": (START + b"NNa.", "items for something that is not a list"),
    "a mark as value": (START + b"(q\x00h\x00\x86.", "a mark where a value should be"),
    "no mark": (START + b"t.", "pop from empty list"),
    "nothing to keep": (START + b"q\x00.", "list index out of range"),
    "a memo that is none": (START + b"h\x05.", "a memo that was never made"),
    "nothing": (b"", "the pickle has no end"),
    "no instruction": (b"\xff", "is unknown"),
    "a line without end": (b"I12", "no newline"),
    "text without quotes": (b"Sabc\n.", "text without quotes"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_refusal_says_why(kind):
    pickled, reason = REFUSED[kind]
    assert reason in refusal(pickled)


BOMBS = {
    "a dict in itself": (START + b"}q\x00" + text("a") + b"h\x00s.", "nested deeper"),
    "a list in itself": (START + b"]q\x00h\x00a.", "nested deeper"),
    "a deep list": (START + deep() + STOP, "nested deeper"),
    "a doubled list": (START + doubled() + STOP, "nested deeper"),
    "a wide list": (START + b"](" + b"N" * 100_001 + b"e.", "more than 100,000 values"),
    "a deep type": (START + call("numpy.dtype", deep()) + STOP, "only plain numbers"),
    "a doubled type": (START + call("numpy.dtype", doubled()) + STOP, "only plain numbers"),
    "a doubled size": (
        START + array(several(doubled()), content(b"1234")) + STOP,
        "stride or offset: [[",
    ),
    "a million sizes": (
        START + array(numbers(*[2**61] * 50_000), content(b"1234")) + STOP,
        "up to 32 numbers",
    ),
    "memos that hash alike": (
        b"".join(b"Np%d\n0" % (number * (2**61 - 1)) for number in range(1000)) + b"N.",
        "a memo that no pickle needs",
    ),
    "memos below 0": (b"Np-%d\n." % (2**61 - 1), "a memo that no pickle needs"),
    "a long integer": (
        START + b"\x8b" + struct.pack("<i", 9999) + b"1" * 9999 + b".",
        "instruction LONG4",
    ),
    "a long decimal": (b"I" + b"9" * 100_000 + b"\n.", "limit"),
    "a declared length": (START + b"\x8e" + struct.pack("<Q", 2**62) + b"x", "bytes8"),
    "a declared length of text": (START + b"X\xff\xff\xff\xffx", "unicodestring4"),
    "text made to bytes again and again": (
        START
        + text("abcd" * 1000)
        + b"q\x01"
        + FLOAT32
        + b"q\x02]("
        + (EMPTY_ARRAY + several(b"K\x01", numbers(1000), b"h\x02", b"\x89", b"h\x01") + BUILD) * 99
        + b"e.",
        "uses the same content too many times",
    ),
    "bytes encoded again and again": (
        START
        + text("a" * 1000)
        + b"q\x01]("
        + call("_codecs.encode", b"h\x01", text("latin1")) * 99
        + b"e.",
        "uses the same content too many times",
    ),
    "many arguments again and again": (
        START
        + name("numpy.core.multiarray._reconstruct")
        + b"q\x01"
        + several(*[b"N"] * 3_000)
        + b"q\x02"
        + (b"h\x01h\x02" + REDUCE) * 100
        + STOP,
        "uses the same content too many times",
    ),
    "pairs again and again": (
        START
        + name("collections.OrderedDict")
        + b"q\x01(("
        + b"".join(number(n) + b"N\x86" for n in range(3_000))
        + b"l\x85q\x02"
        + (b"h\x01h\x02" + REDUCE) * 100
        + STOP,
        "uses the same content too many times",
    ),
    "a long float": (b"F" + b"x" * 100_000 + b"\n.", "could not convert"),
    "a long message": (START + name("a" * 1_000_000 + ".b") + STOP, "it refers to 'aaa"),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_a_small_file_takes_little_time_and_memory(kind, monkeypatch):
    monkeypatch.setattr("ppdeepfill.weight_files.pickled.pickles.MAX_INSTRUCTIONS", 200_000)
    pickled, reason = BOMBS[kind]
    message = refusal(pickled)
    assert reason in message
    assert len(message) < 1000


def test_one_array_used_often_counts_often(monkeypatch):
    monkeypatch.setattr("ppdeepfill.weight_files.limits.MAX_BYTES", 1000)
    pickled = pickle.dumps([np.zeros(25)] * 6, 2)  # kept once, 200 bytes each time
    assert "contains or declares 1,200 bytes" in refusal(pickled)


def test_instructions_are_counted(monkeypatch):
    monkeypatch.setattr("ppdeepfill.weight_files.pickled.pickles.MAX_INSTRUCTIONS", 1000)
    assert "more than 1,000 instructions" in refusal(b"N0" * 501)


def test_a_pickle_ends_where_it_ends():
    stream = io.BytesIO(pickle.dumps([1], 2) + pickle.dumps("next", 4))
    assert read_pickle(stream, {}) == [1]
    assert read_pickle(stream, {}) == "next"


def test_a_name_of_the_caller_stands_for_what_it_says():
    pickled = START + call("module.double", number(21)) + STOP
    assert read_pickle(io.BytesIO(pickled), {"module.double": lambda value: 2 * value}) == 42
