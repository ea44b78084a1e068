# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Runs compiled graphs through oneDNN, and gives back the memory that it keeps of them.

For each graph and each shape that it has met, Paddle keeps what oneDNN rearranged: as much again as
the activations of a training, and 0.6 KB for each pixel of each new size of image without
gradients. It belongs to the graph's interpreter and to the thread that ran it.

    ends of interpreters  give it back, unless Paddle has noted that the next such end must not
    runs with the flag    leave such a note, which the next end of any interpreter uses up
    another thread        fails with what a thread that has ended left behind

So the flag is set for the first run of a graph alone, when its interpreter chooses kernels, and an
empty interpreter ends right after it. All interpreters end before too much is kept and where
another thread comes; the next run of each graph makes a new one. That costs time, a few
milliseconds for each graph, and changes no number.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod

import paddle
from paddle import Tensor, nn
from paddle.base import core

ONEDNN = "FLAGS_use_onednn"
KEPT_BYTES = 1 << 30
LEAST_CHANNELS = 16  # oneDNN rounds channels up to a multiple of its vectors


class GraphRuns:
    """Runs graphs, in one thread at a time.

    Args:
        limit: bytes that may be kept, estimated from the shapes of the tensors.

    Attributes:
        kept: bytes that are kept now, by the same estimate.
    """

    def __init__(self, limit: int):
        self.limit, self.kept = limit, 0
        self._lock = threading.RLock()
        self._thread: threading.Thread | None = None
        self._begun: set[nn.Layer] = set()
        self._seen: set[tuple] = set()

    def run(self, graph: nn.Layer, *tensors: Tensor | list[Tensor]) -> Tensor:
        """What a compiled graph makes of tensors, and lists of them; without gradients."""
        arguments = paddle.utils.map_structure(Tensor.detach, list(tensors))
        # Where gradients are off, the graph would be traced anew, and find none.
        with self._lock, paddle.enable_grad():
            self._make_room(graph, arguments)
            if graph in self._begun:
                result = graph(*arguments)
            else:
                result = self._begin(graph, arguments)
        result.stop_gradient = True
        return result

    def give_back(self) -> None:
        """End all interpreters, and with them what they keep."""
        with self._lock:
            core.clear_executor_cache()
            self._begun.clear()
            self._seen.clear()
            self.kept = 0

    def _make_room(self, graph: nn.Layer, arguments: list) -> None:
        thread = threading.current_thread()
        if thread is not self._thread:
            self.give_back()
            self._thread = thread
        shapes = tuple(tuple(x.shape) for x in paddle.utils.flatten(arguments))
        if (graph, shapes) in self._seen:
            return
        needed = sum(map(_bytes, shapes))
        if self.kept + needed > self.limit and self.kept:
            self.give_back()
        self._seen.add((graph, shapes))
        self.kept += needed

    def _begin(self, graph: nn.Layer, arguments: list) -> Tensor:
        with _onednn():
            result = graph(*arguments)
        _end_an_interpreter()
        self._begun.add(graph)
        return result


runs = GraphRuns(KEPT_BYTES)  # of this process, as what Paddle keeps


def can_give_back() -> bool:
    """Whether this Paddle has oneDNN, and what `GraphRuns` needs of it."""
    try:
        paddle.get_flags(ONEDNN)
    except ValueError:  # built without oneDNN
        return False
    names = ("clear_executor_cache", "Job", "Plan", "StandaloneExecutor")
    return all(hasattr(core, name) for name in names)


def _bytes(shape: tuple[int, ...]) -> int:
    if len(shape) < 2:
        return 4 * prod(shape)
    batch, channels, *size = shape
    return 4 * batch * max(channels, LEAST_CHANNELS) * prod(size)


def _end_an_interpreter() -> None:
    """Begin and end an interpreter of nothing, see the top of this file."""
    plan = core.Plan([core.Job("default")], {"default": paddle.static.Program()})
    place = core.Place()
    place.set_place(paddle.CPUPlace())
    core.StandaloneExecutor(place, plan, core.Scope())


@contextmanager
def _onednn() -> Iterator[None]:
    """While entered, compiled graphs use oneDNN. Others of this process may not be made for it."""
    before = paddle.get_flags(ONEDNN)
    paddle.set_flags({ONEDNN: True})
    try:
        yield
    finally:
        paddle.set_flags(before)
