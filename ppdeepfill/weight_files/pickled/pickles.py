# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Read the contents of a pickle without running it.

Python's unpickler calls any function that a file names, with any arguments. This reader executes
only instructions that build containers, text and numbers. A name must be in a table given by the
caller; any other name is an error.
"""

import io
from collections.abc import Callable, Iterable, Mapping
from typing import Any, BinaryIO

from ppdeepfill.errors import WeightsError
from ppdeepfill.weight_files.limits import MAX_NAME
from ppdeepfill.weight_files.pickled.instructions import instructions

MAX_INSTRUCTIONS = 2_000_000  # takes a few seconds; the weights of a network need thousands

# Stand-ins by name: a function to call with arguments from the file, or a constant.
Names = Mapping[str, Any]


def read_pickle(
    stream: BinaryIO, names: Names, *, persistent: Callable[[Any], Any] | None = None
) -> Any:
    """Return the object of one pickle, and leave the stream right after it.

    Args:
        stream: positioned at the start of a pickle.
        names: maps `module.name` to our function or constant that stands in for it. Functions
            must check their arguments. What they return may have a method `set_state`, which
            receives the state that the pickle would have passed to `__setstate__`.
        persistent: returns the object of a persistent id; without it, such ids are an error.

    Raises:
        WeightsError: damaged, or contains more than containers, text, numbers and these names.
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
        raise WeightsError(f"damaged, or not a pickle of weights ({str(error)[:200]})") from None
    raise WeightsError("damaged: the pickle has no end")


class _Mark:
    """Marks where the items of a container start on the stack."""


class _Machine:
    """The unpickler's stack and memo.

    Args:
        names: see `read_pickle`.
        persistent: see `read_pickle`.
        text: total number of characters that calls and states may receive. They copy the text, so
            without a limit a file could fill the memory by passing the same text repeatedly.
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
        elif instruction in _ACTIONS:
            _ACTIONS[instruction](self, argument)
        else:
            raise WeightsError(f"plain arrays do not need the pickle instruction {instruction}")

    def pop(self) -> Any:
        value = self.stack.pop()
        if value is _Mark:
            raise ValueError("a mark where a value should be")
        return value

    def pop_items(self) -> list[Any]:
        """Pop everything above the last mark, and the mark itself."""
        items = []
        while (item := self.stack.pop()) is not _Mark:
            items.append(item)
        return items[::-1]

    def remember(self, number: int | None) -> None:
        if number is None:
            number = len(self.memo)
        if not 0 <= number < MAX_INSTRUCTIONS:  # larger ones could be chosen to collide as hashes
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
            raise ValueError("items for something that is not a list")
        container.extend(items)

    def set_items(self, items: list[Any]) -> None:
        """Add [key, value, key, value, ...] to the dict on top of the stack."""
        container = self.stack[-1]
        if type(container) is not dict or len(items) % 2:
            raise ValueError("pairs for something that is not a dict")
        add_pairs(container, zip(items[::2], items[1::2], strict=True))

    def push_name(self, module: str, name: str) -> None:
        full = f"{module}.{name}"
        if full not in self.names:
            raise WeightsError(
                f"it refers to {full[:MAX_NAME]!r}, which no file of plain arrays needs; loaded "
                "the usual way, it could run code. None of it was run. If you trust the file, "
                "save its arrays as .npz or .safetensors where it was created"
            )
        self.stack.append(self.names[full])

    def call(self) -> None:
        arguments, function = self.pop(), self.pop()
        if not callable(function) or type(arguments) is not tuple:
            raise ValueError("a call of something that is not a function")
        self.charge(arguments)
        self.stack.append(function(*arguments))

    def build(self) -> None:
        state, target = self.pop(), self.stack[-1]
        if hasattr(target, "set_state") and type(state) is tuple:
            self.charge(state)
            target.set_state(state)
        elif type(target) is not dict:  # a state dict's state holds version numbers
            raise ValueError("a state for something that has none")

    def charge(self, values: tuple) -> None:
        """Count what our functions receive, since they look at each item and copy text."""
        self.items_left -= len(values)
        self.items_left -= sum(len(value) for value in values if isinstance(value, list | tuple))
        self.text_left -= sum(len(value) for value in values if isinstance(value, str))
        if self.items_left < 0 or self.text_left < 0:
            raise WeightsError("it uses the same content too many times")

    def push_persistent(self) -> None:
        if self.persistent is None:
            raise WeightsError("it refers to data outside the file")
        self.stack.append(self.persistent(self.pop()))


def add_pairs(target: dict, pairs: Iterable) -> None:
    """Fill a dict, with numeric keys as text: a file could choose numbers with the same hash.

    Raises:
        ValueError: a key is of another type, very long, or repeated.
    """
    for key, value in pairs:
        if type(key) not in (str, int):
            raise ValueError(f"a {type(key).__name__} as the key of a dict")
        key = str(key)
        if len(key) > MAX_NAME or key in target:
            raise ValueError(f"the key {key[:40]!r} is too long or used twice")
        target[key] = value


def _size(stream: BinaryIO) -> int:
    position = stream.tell()
    stream.seek(0, io.SEEK_END)
    size = stream.tell()
    stream.seek(position)
    return size


def _unchanged(argument: Any) -> Any:
    return argument


_PUSHING: dict[str, Callable[[Any], Any]] = {
    "MARK": lambda _: _Mark,
    "NONE": lambda _: None,
    "NEWTRUE": lambda _: True,
    "NEWFALSE": lambda _: False,
    "EMPTY_LIST": lambda _: [],
    "EMPTY_TUPLE": lambda _: (),
    "EMPTY_DICT": lambda _: {},
    **dict.fromkeys(["INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1"], _unchanged),
    **dict.fromkeys(["FLOAT", "BINFLOAT"], _unchanged),
    **dict.fromkeys(["STRING", "BINSTRING", "SHORT_BINSTRING"], _unchanged),
    **dict.fromkeys(["UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"], _unchanged),
    **dict.fromkeys(["SHORT_BINBYTES", "BINBYTES", "BINBYTES8"], _unchanged),
    "BYTEARRAY8": bytes,
}

_ACTIONS: dict[str, Callable[[_Machine, Any], Any]] = {
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
        raise ValueError("a name that is not text")
    machine.push_name(module, name)
