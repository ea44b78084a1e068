# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Reads what a pickle holds without running it.

Python's unpickler calls whatever a file names, with arguments that the file chooses. This reader
walks over the instructions and carries out only those that build containers, text and numbers. A
name has to be in a table of the caller; any other is an error.
"""

import io
from collections.abc import Callable, Iterable, Mapping
from typing import Any, BinaryIO

from ppdeepfill.errors import WeightsError
from ppdeepfill.weight_files.limits import MAX_NAME
from ppdeepfill.weight_files.pickled.instructions import instructions

MAX_INSTRUCTIONS = 2_000_000  # some seconds; the weights of a network take thousands

# What a name may stand for: a function to call with arguments from the file, or a constant.
Names = Mapping[str, Any]


def read_pickle(
    stream: BinaryIO, names: Names, *, persistent: Callable[[Any], Any] | None = None
) -> Any:
    """The object of one pickle; the stream stands behind it afterwards.

    Args:
        stream: bytes from the beginning of a pickle on.
        names: `module.name` to a function or constant of ours that stands in for it. Functions
            have to check their arguments. What they return may have a method `set_state`, which
            receives what the pickle would have given to `__setstate__`.
        persistent: makes an object of a persistent id; without it such ids are an error.

    Raises:
        WeightsError: damaged, or more than containers, text, numbers and these names.
    """
    machine = _Machine(names, persistent, text=2 * _size(stream))
    try:
        for number, (instruction, argument) in enumerate(instructions(stream)):
            if number == MAX_INSTRUCTIONS:
                raise WeightsError(f"more than {MAX_INSTRUCTIONS:,} instructions in a pickle")
            if instruction == "STOP":
                return machine.pop()
            machine.execute(instruction, argument)
    except WeightsError:
        raise
    except (ValueError, TypeError, LookupError, OverflowError) as error:
        raise WeightsError(f"damaged, or no pickle of weights ({str(error)[:200]})") from None
    raise WeightsError("damaged: the pickle has no end")


class _Mark:
    """Where the items of a container begin on the stack."""


class _Machine:
    """The unpickler's stack and memo.

    Args:
        names: see `read_pickle`.
        persistent: see `read_pickle`.
        text: characters that calls and states may receive in all; as each makes bytes of them, a
            file that hands over the same text again and again would fill the memory.
    """

    def __init__(self, names: Names, persistent: Callable[[Any], Any] | None, *, text: int):
        self.names = names
        self.persistent = persistent
        self.text_left = text
        self.items_left = MAX_INSTRUCTIONS
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def execute(self, instruction: str, argument: Any) -> None:
        if instruction in _PUSHING:
            self.stack.append(_PUSHING[instruction](argument))
        elif instruction in _CARRIED_OUT:
            _CARRIED_OUT[instruction](self, argument)
        else:
            raise WeightsError(f"the pickle's instruction {instruction} is not one of plain arrays")

    def pop(self) -> Any:
        value = self.stack.pop()
        if value is _Mark:
            raise ValueError("a mark where a value should be")
        return value

    def pop_items(self) -> list[Any]:
        """What lies above the last mark, which goes too."""
        items = []
        while (item := self.stack.pop()) is not _Mark:
            items.append(item)
        return items[::-1]

    def remember(self, number: int | None) -> None:
        if number is None:
            number = len(self.memo)
        if not 0 <= number < MAX_INSTRUCTIONS:  # others can be chosen to hash alike
            raise ValueError("a memo that no pickle needs")
        self.memo[number] = self.stack[-1]

    def recall(self, number: int) -> None:
        if number not in self.memo:
            raise ValueError("a memo that was never made")
        self.stack.append(self.memo[number])

    def push_tuple(self, length: int) -> None:
        self.stack.append(tuple([self.pop() for _ in range(length)][::-1]))

    def append(self, items: list[Any]) -> None:
        container = self.stack[-1]
        if type(container) is not list:
            raise ValueError("items for what is no list")
        container.extend(items)

    def set_items(self, items: list[Any]) -> None:
        """Put [key, value, key, value, ...] into the dict on top."""
        container = self.stack[-1]
        if type(container) is not dict or len(items) % 2:
            raise ValueError("pairs for what is no dict")
        add_pairs(container, zip(items[::2], items[1::2], strict=True))

    def push_name(self, module: str, name: str) -> None:
        full = f"{module}.{name}"
        if full not in self.names:
            raise WeightsError(
                f"it names {full[:MAX_NAME]!r}, which no file of plain arrays needs; read the "
                "usual way, it could run code. Nothing of it was run. If you trust the file, "
                "export its arrays as .npz or .safetensors where it was made"
            )
        self.stack.append(self.names[full])

    def call(self) -> None:
        arguments, function = self.pop(), self.pop()
        if not callable(function) or type(arguments) is not tuple:
            raise ValueError("a call of what is no function")
        self.charge(arguments)
        self.stack.append(function(*arguments))

    def build(self) -> None:
        state, target = self.pop(), self.stack[-1]
        if hasattr(target, "set_state") and type(state) is tuple:
            self.charge(state)
            target.set_state(state)
        elif type(target) is not dict:  # a state dict carries version numbers beside its arrays
            raise ValueError("a state for what has none")

    def charge(self, values: tuple) -> None:
        """Count what a function of ours receives: it looks at each item, and it copies text."""
        self.items_left -= len(values)
        self.items_left -= sum(len(value) for value in values if isinstance(value, list | tuple))
        self.text_left -= sum(len(value) for value in values if isinstance(value, str))
        if self.items_left < 0 or self.text_left < 0:
            raise WeightsError("its content is used more often than it is there")

    def push_persistent(self) -> None:
        if self.persistent is None:
            raise WeightsError("it refers to data outside of itself")
        self.stack.append(self.persistent(self.pop()))


def add_pairs(target: dict, pairs: Iterable) -> None:
    """Fill a dict; its keys are text, numbers too: a file can choose numbers that hash alike.

    Raises:
        ValueError: a key of another kind, a very long one, or one for the second time.
    """
    for key, value in pairs:
        if type(key) not in (str, int):
            raise ValueError(f"a {type(key).__name__} as the key of a dict")
        key = str(key)
        if len(key) > MAX_NAME or key in target:
            raise ValueError(f"the key {key[:40]!r} is too long or there twice")
        target[key] = value


def _size(stream: BinaryIO) -> int:
    position = stream.tell()
    stream.seek(0, io.SEEK_END)
    size = stream.tell()
    stream.seek(position)
    return size


def _itself(argument: Any) -> Any:
    return argument


_PUSHING: dict[str, Callable[[Any], Any]] = {
    "MARK": lambda _: _Mark,
    "NONE": lambda _: None,
    "NEWTRUE": lambda _: True,
    "NEWFALSE": lambda _: False,
    "EMPTY_LIST": lambda _: [],
    "EMPTY_TUPLE": lambda _: (),
    "EMPTY_DICT": lambda _: {},
    **dict.fromkeys(["INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1"], _itself),
    **dict.fromkeys(["FLOAT", "BINFLOAT"], _itself),
    **dict.fromkeys(["STRING", "BINSTRING", "SHORT_BINSTRING"], _itself),
    **dict.fromkeys(["UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"], _itself),
    **dict.fromkeys(["SHORT_BINBYTES", "BINBYTES", "BINBYTES8"], _itself),
    "BYTEARRAY8": bytes,
}

_CARRIED_OUT: dict[str, Callable[[_Machine, Any], Any]] = {
    "PROTO": lambda machine, version: None,
    "FRAME": lambda machine, size: None,
    "POP": lambda machine, _: machine.stack.pop(),
    "POP_MARK": lambda machine, _: machine.pop_items(),
    "DUP": lambda machine, _: machine.stack.append(machine.stack[-1]),
    "LIST": lambda machine, _: machine.stack.append(machine.pop_items()),
    "TUPLE": lambda machine, _: machine.stack.append(tuple(machine.pop_items())),
    "TUPLE1": lambda machine, _: machine.push_tuple(1),
    "TUPLE2": lambda machine, _: machine.push_tuple(2),
    "TUPLE3": lambda machine, _: machine.push_tuple(3),
    "APPEND": lambda machine, _: machine.append([machine.pop()]),
    "APPENDS": lambda machine, _: machine.append(machine.pop_items()),
    "DICT": lambda machine, _: _dict(machine),
    "SETITEM": lambda machine, _: _set_item(machine),
    "SETITEMS": lambda machine, _: machine.set_items(machine.pop_items()),
    **dict.fromkeys(["PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"], _Machine.remember),
    **dict.fromkeys(["GET", "BINGET", "LONG_BINGET"], _Machine.recall),
    "GLOBAL": lambda machine, name: machine.push_name(*name.split(" ", 1)),
    "STACK_GLOBAL": lambda machine, _: _stack_global(machine),
    "REDUCE": lambda machine, _: machine.call(),
    "BUILD": lambda machine, _: machine.build(),
    "BINPERSID": lambda machine, _: machine.push_persistent(),
}


def _dict(machine: _Machine) -> None:
    items = machine.pop_items()
    machine.stack.append({})
    machine.set_items(items)


def _set_item(machine: _Machine) -> None:
    value, key = machine.pop(), machine.pop()
    machine.set_items([key, value])


def _stack_global(machine: _Machine) -> None:
    name, module = machine.pop(), machine.pop()
    if type(name) is not str or type(module) is not str:
        raise ValueError("a name that is no text")
    machine.push_name(module, name)
