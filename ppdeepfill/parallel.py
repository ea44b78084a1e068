# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Choose the device, bound the memory it keeps, and train one network in several processes.

    python -m paddle.distributed.launch --gpus 0,1 train.py ...
    python -m paddle.distributed.launch --nproc_per_node 2 --backend gloo train.py --device cpu ...

docs/distributed.md says how to use several machines.

Each process works on its share of every batch, and `average_` averages their gradients. With a
single process, the functions that communicate do nothing. With several, they raise a UserError if
another process is gone.
"""

import ctypes
import functools
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import paddle
from paddle import Tensor, distributed
from paddle.base import core

from ppdeepfill.errors import ConfigError, LostProcess

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # from malloc.h
# Gaps for small blocks, 16 MB, and what lies between; an update of DeepFill v1 needs 6 MB of them.
GAPS, GAP_BYTES, BETWEEN_BYTES = 4000, 4000, 1048
GROWTH = 1.25  # of the resident memory, before freed memory goes back to the system


def use_device(
    device: str, *, training: bool = False, deterministic: bool = False, connect: bool = True
) -> None:
    """Set the device and threads, and connect to the other processes if there are several.

    On a CPU the processes share all cores, unless OMP_NUM_THREADS is set, and keep the memory of
    freed tensors, unless any environment variable MALLOC_... is set.

    Args:
        device: auto (a GPU if Paddle supports it and there is one, else the CPU), cpu, gpu, gpu:N,
            or another name that `paddle.set_device` knows.
        training: whether to train, which on a CPU takes less memory if small blocks get a place of
            their own, 20 MB. False: filling photos would not gain by it.
        deterministic: on a GPU, allow only kernels of cuDNN that always sum in the same order. On a
            CPU all do.
        connect: whether several processes compute together, and process 0 speaks for all. False:
            each works on its own, such as on some of many photos.

    Raises:
        ConfigError: no such device.
    """
    if device == "auto":
        device = "gpu" if _has_gpu() else "cpu"
    if device == "gpu" and world_size() > 1:
        device = f"gpu:{distributed.ParallelEnv().device_id}"
    try:
        _check_gpu(device)
        paddle.set_device(device)
    except (ValueError, OSError) as error:
        raise ConfigError(
            f"device {device!r} cannot be used here: {error}; use cpu or auto"
        ) from error
    if deterministic and device.startswith("gpu"):
        paddle.set_flags({"FLAGS_cudnn_deterministic": True})
    if connect and world_size() > 1:
        distributed.init_parallel_env()
    _use_processor(training=training)
    if connect and rank() > 0:
        logging.getLogger("ppdeepfill").setLevel(logging.ERROR)


def _use_processor(*, training: bool) -> None:
    """Compute on all cores and keep the memory of freed tensors; see `use_device`."""
    if "OMP_NUM_THREADS" not in os.environ:  # without it, Paddle computes on one core
        core.set_num_threads(threads())
    if _keep_freed_memory() and training:
        _make_gaps_for_small_blocks()


def threads() -> int:
    """Return the number of compute threads: OMP_NUM_THREADS, or this process's share of cores."""
    named = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    return int(named) if named.isdecimal() else max(1, _cores() // world_size())


def rank() -> int:
    """Return the number of this process; process 0 writes the files."""
    return distributed.get_rank()


def world_size() -> int:
    """Return how many processes train together."""
    return distributed.get_world_size()


def average_(tensors: Sequence[Tensor]) -> None:
    """Replace tensors of one type by their means over the processes, in one transfer."""
    if world_size() == 1:
        return
    flat = paddle.concat([tensor.reshape([-1]) for tensor in tensors])
    with _talking():
        distributed.all_reduce(flat)
    parts = (flat / world_size()).split([tensor.size for tensor in tensors])
    for tensor, part in zip(tensors, parts, strict=True):
        paddle.assign(part.reshape(tensor.shape), output=tensor)


def largest(value: int) -> int:
    """Return the largest value over the processes; also waits for all of them."""
    if world_size() == 1:
        return value
    number = paddle.to_tensor([value])
    with _talking():
        distributed.all_reduce(number, op=distributed.ReduceOp.MAX)
    return number.item()


def gathered(items: list) -> list:
    """Return the items of all processes, in process order; items must be picklable."""
    if world_size() == 1:
        return items
    lists: list[list] = []
    with _talking():
        distributed.all_gather_object(lists, items)
    return [item for part in lists for item in part]


@contextmanager
def _talking() -> Iterator[None]:
    """Turn Paddle's error about another process into one with advice."""
    try:
        yield
    except RuntimeError as error:
        raise LostProcess(
            f"process {rank()} of {world_size()} got no answer from another: that one ended (its "
            "own log says why), is very late, or its machine cannot be reached. The same command, "
            f"started again on every machine, continues a training. Paddle's message: {error}"
        ) from error


class FreedMemory:
    """Gives freed memory back to the system once too much of it has piled up.

    Kept memory makes new tensors fast (`use_device`), but where small blocks stay between large
    ones, more and more freed memory fits no new tensor: a training that used 0.5 GiB held 2.7 GiB
    after 700 iterations. `networks/kernels/graph_runs.py` removes most of these blocks; this is a
    guard against the rest. Giving memory back takes 0.1 to 0.2 s.
    """

    def __init__(self):
        self._usual: int | None = None  # resident bytes, first seen after memory was given back

    def bound(self) -> None:
        """Give freed memory back if the process has grown by a quarter since that last happened.

        Call it after each iteration or picture. It does nothing without Linux and its C library.
        """
        resident, usual = _resident_bytes(), self._usual  # another thread may change it
        if usual is None:
            self._usual = resident
        elif resident > GROWTH * usual and (trim := _from_c_library("malloc_trim")):
            trim(0)
            self._usual = None  # what the next iteration needs counts as usual


def _resident_bytes() -> int:
    """Memory of this process in RAM; 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _from_c_library(name: str) -> Callable[..., int] | None:
    """A function of the C library of Linux; None elsewhere."""
    if sys.platform != "linux":
        return None
    try:
        return getattr(ctypes.CDLL("libc.so.6"), name)
    except (OSError, AttributeError):  # another C library
        return None


def _cores() -> int:
    """Return the number of CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on every system
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _keep_freed_memory() -> bool:
    """Let the process keep the memory of freed tensors for new ones; return whether it will.

    The C library of Linux returns blocks of megabytes to the system at once, so each new tensor
    has to wait for its pages: a sum or an activation takes up to four times as long. Environment
    variables MALLOC_... take precedence.
    """
    mallopt = _from_c_library("mallopt")
    if mallopt is None or any(name.startswith("MALLOC_") for name in os.environ):
        return False
    mallopt(M_MMAP_THRESHOLD, 1 << 30)
    mallopt(M_TRIM_THRESHOLD, (1 << 31) - 1)
    return True


@functools.cache  # once for the process
def _make_gaps_for_small_blocks() -> None:
    """Leave gaps in the heap where small blocks do not keep tensors apart.

    Tensors begin at multiples of 4096 bytes, so that smaller gaps lie between them. A small block
    that stays in one takes it from both tensors: when they are freed, their memory is too small for
    another tensor of that size. Gaps of `GAP_BYTES` are even smaller, and the C library puts a
    block into the smallest gap that holds it.
    """
    malloc, free = _from_c_library("malloc"), _from_c_library("free")
    malloc.restype, malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    free.argtypes = [ctypes.c_void_p]
    gaps = []
    for _ in range(GAPS):
        gaps.append(malloc(GAP_BYTES))
        malloc(BETWEEN_BYTES)  # stays, so that gaps do not become one
    for gap in gaps:
        free(gap)


def _has_gpu() -> bool:
    return paddle.is_compiled_with_cuda() and paddle.device.cuda.device_count() > 0


def _check_gpu(device: str) -> None:
    """Raise ValueError for a missing GPU; Paddle's own message shows internals instead."""
    kind, _, number = device.partition(":")
    if kind != "gpu":
        return
    if not paddle.is_compiled_with_cuda():
        raise ValueError(
            "this PaddlePaddle is built without GPU support, see the extra gpu in README.md"
        )
    count = paddle.device.cuda.device_count()
    if number.isdecimal() and int(number) >= count or not count:
        raise ValueError(f"there are {count} GPUs, counted from 0")
