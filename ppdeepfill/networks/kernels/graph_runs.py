# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Run compiled graphs through oneDNN, and free the memory that Paddle keeps for them.

For each graph and each shape that it has seen, Paddle keeps the data that oneDNN rearranged: in
training as much again as the activations, and without gradients 0.6 KB per pixel of each new image
size. This cache belongs to the graph's interpreter and to the thread that ran it.

    destroying an interpreter  frees the cache, unless Paddle was told to skip the next freeing
    running with the flag on   tells it so; the next destroyed interpreter, any one, uses that up
    running in another thread  fails on the cache of a thread that has ended

So we set the flag only for a graph's first run, when its interpreter chooses kernels, and destroy
an empty interpreter right afterwards. We destroy all interpreters before too much is kept and when
another thread takes over; each graph then gets a new one on its next run. That costs 1 to 10
milliseconds per graph and changes no numbers.

Paddle never frees all of an old interpreter: its variables stay in the graph's scope, unless we
remove them, and some attributes of its program, about 0.7 KB, stay for good. That is little, but
lies between the tensors and keeps the heap from being used again, so a training should not give
back in every iteration: that of demo_small needs less than `KEPT_BYTES`. One that needs more has
to, and then keeps less, see `GraphRuns.cycle`.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from math import prod

import paddle
from paddle import Tensor, nn
from paddle.base import core

ONEDNN = "FLAGS_use_onednn"
KEPT_BYTES = 1 << 29  # a training of configs/deepfill_v1_photos.yaml keeps 0.39 GiB
LEAST_CHANNELS = 16  # oneDNN rounds channels up to a multiple of its vector length


class Graph:
    """A compiled graph: tensors, or lists of them -> a tensor.

    It runs without the layer that it was compiled from, which would compare its arguments with
    their specification at each call.

    Args:
        program: its operators.
        run: Paddle's partial program, which computes them for a sequence of arguments.
    """

    def __init__(self, program: paddle.static.Program, run: nn.Layer):
        self.program, self._run = program, run

    def __call__(self, *arguments: Tensor | list[Tensor]) -> Tensor:
        return self._run(arguments)

    def forget_variables(self) -> None:
        """Remove the variables of destroyed interpreters: a new one has others, with new names."""
        for scopes in self._run._scope_cache.values():
            for scope in scopes:
                scope.erase(scope.local_var_names())


class GraphRuns:
    """Runs graphs, one thread at a time.

    Args:
        limit: how many bytes Paddle may keep, estimated from the shapes of the tensors.

    Attributes:
        kept: how many bytes Paddle keeps now, by the same estimate.
        lock: held while a graph runs.
        started: the graphs that have an interpreter.
    """

    def __init__(self, limit: int):
        self.limit, self.kept = limit, 0
        self.lock = threading.RLock()
        self._thread: threading.Thread | None = None
        self.started: set[Graph] = set()
        self._in_cycle = self._outgrown = False
        self._times_full = 0
        self._known_shapes: set[tuple] = set()

    def run(self, graph: Graph, *tensors: Tensor | list[Tensor]) -> Tensor:
        """Run a compiled graph on tensors, or lists of tensors, without gradients."""
        arguments = paddle.utils.map_structure(Tensor.detach, list(tensors))
        # With gradients off, Paddle would trace the graph again and find no gradients in it.
        with self.lock, paddle.enable_grad():
            self._make_room(graph, arguments)
            if graph in self.started:
                result = graph(*arguments)
            else:
                result = self._first_run(graph, arguments)
        result.stop_gradient = True
        return result

    @contextmanager
    def cycle(self) -> Iterator[None]:
        """Within this context, graphs run that run again in the next: an iteration of a training.

        One that reaches the limit twice needs more than that, so its graphs are built anew each
        time, however much is kept. From then on, a cycle keeps a quarter of the limit. (Reaching it
        once may be due to what was kept before.)
        """
        self._in_cycle, self._times_full = True, 0
        try:
            yield
        finally:
            self._in_cycle = False

    def give_back(self) -> None:
        """Destroy all interpreters, which frees the memory they keep."""
        with self.lock:
            core.clear_executor_cache()
            for graph in self.started:
                graph.forget_variables()
            self.started.clear()
            self._known_shapes.clear()
            self.kept = 0

    def _make_room(self, graph: Graph, arguments: list) -> None:
        thread = threading.current_thread()
        if thread is not self._thread:
            self.give_back()
            self._thread = thread
        shapes = tuple(tuple(x.shape) for x in paddle.utils.flatten(arguments))
        if (graph, shapes) in self._known_shapes:
            return
        needed = sum(map(_bytes, shapes))
        limit = self.limit // 4 if self._in_cycle and self._outgrown else self.limit
        if self.kept + needed > limit and self.kept:
            self.give_back()
            self._times_full += 1
            self._outgrown |= self._in_cycle and self._times_full > 1
        self._known_shapes.add((graph, shapes))
        self.kept += needed

    def _first_run(self, graph: Graph, arguments: list) -> Tensor:
        with _onednn():
            result = graph(*arguments)
        _destroy_an_interpreter()
        self.started.add(graph)
        return result


runs = GraphRuns(KEPT_BYTES)  # one for the process, because Paddle's cache is too


@contextmanager
def one_thread_at_a_time() -> Iterator[None]:
    """Within this context, no other thread is in it, nor runs or compiles a graph.

    While Paddle compiles, the whole process is in its static mode: operators that another thread
    calls would become part of the graph, or crash.
    """
    with runs.lock:
        yield


def one_cycle() -> AbstractContextManager[None]:
    """`GraphRuns.cycle` of all graphs in this process."""
    return runs.cycle()


def _prepare_fork() -> None:
    """Let the running graph end, and leave a child no interpreters, whose threads it would lack."""
    runs.lock.acquire()
    if runs.started:
        runs.give_back()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_prepare_fork, after_in_parent=runs.lock.release, after_in_child=runs.lock.release
    )


def can_give_back() -> bool:
    """Whether this Paddle has oneDNN and the internals that `GraphRuns` needs."""
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


def _destroy_an_interpreter() -> None:
    """Create and destroy an empty interpreter, see the top of this file."""
    plan = core.Plan([core.Job("default")], {"default": paddle.static.Program()})
    place = core.Place()
    place.set_place(paddle.CPUPlace())
    scope = core.Scope()
    core.StandaloneExecutor(place, plan, scope)
    scope._remove_from_pool()  # Paddle would keep it for ever


@contextmanager
def _onednn() -> Iterator[None]:
    """Within this context, graphs use oneDNN. Other graphs in this process may not support it."""
    before = paddle.get_flags(ONEDNN)
    paddle.set_flags({ONEDNN: True})
    try:
        yield
    finally:
        paddle.set_flags(before)
