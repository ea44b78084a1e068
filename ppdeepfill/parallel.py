# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The device, and several processes that train one network.

    python -m paddle.distributed.launch --gpus 0,1 train.py ...
    python -m paddle.distributed.launch --nproc_per_node 2 --backend gloo train.py --device cpu ...

Each process works on its share of every batch; `average_` makes their gradients one. With a single
process every function here is a no-op.
"""

import ctypes
import logging
import os
import sys
from collections.abc import Sequence

import paddle
from paddle import Tensor, distributed
from paddle.base import core

from ppdeepfill.errors import ConfigError

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of malloc.h


def use_device(device: str) -> None:
    """Choose device and threads and, when launched as one of several processes, meet the others.

    On a CPU the processes share all cores, unless the variable OMP_NUM_THREADS names a number, and
    keep the memory of freed tensors, unless there are variables MALLOC_....

    Args:
        device: auto (a GPU when this Paddle is built for one and there is one, else the CPU), cpu,
            gpu, gpu:N, or another name that `paddle.set_device` knows.

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
            f"device {device!r} is not usable here: {error}; use cpu or auto"
        ) from error
    if world_size() > 1:
        distributed.init_parallel_env()
    _use_processor()
    if rank() > 0:
        logging.getLogger("ppdeepfill").setLevel(logging.ERROR)  # process 0 speaks for all


def _use_processor() -> None:
    """Compute on all cores, and keep the memory of freed tensors, as `use_device` says."""
    if "OMP_NUM_THREADS" not in os.environ:  # without it, Paddle computes on one core
        core.set_num_threads(threads())
    _keep_freed_memory()


def threads() -> int:
    """Threads to compute with: OMP_NUM_THREADS, or a share of the cores for each process."""
    named = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    return int(named) if named.isdecimal() else max(1, _cores() // world_size())


def rank() -> int:
    """Number of this process; process 0 writes the files."""
    return distributed.get_rank()


def world_size() -> int:
    """How many processes train together."""
    return distributed.get_world_size()


def average_(tensors: Sequence[Tensor]) -> None:
    """Replace tensors of one type by their means over the processes, in one transfer."""
    if world_size() == 1:
        return
    flat = paddle.concat([tensor.reshape([-1]) for tensor in tensors])
    distributed.all_reduce(flat)
    parts = (flat / world_size()).split([tensor.size for tensor in tensors])
    for tensor, part in zip(tensors, parts, strict=True):
        paddle.assign(part.reshape(tensor.shape), output=tensor)


def largest(value: int) -> int:
    """The largest of the processes' numbers; also a meeting point."""
    if world_size() == 1:
        return value
    number = paddle.to_tensor([value])
    distributed.all_reduce(number, op=distributed.ReduceOp.MAX)
    return number.item()


def gathered(items: list) -> list:
    """The items of all processes, in the order of the processes; anything that pickles."""
    if world_size() == 1:
        return items
    lists: list[list] = []
    distributed.all_gather_object(lists, items)
    return [item for part in lists for item in part]


def _cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on every system
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _keep_freed_memory() -> None:
    """Let the process keep the memory of freed tensors for the next ones.

    The C library of Linux returns blocks of megabytes to the system at once, and each new tensor
    then waits for its pages: up to four times the time of a sum or an activation. Variables
    MALLOC_... of the environment have the last word.
    """
    if sys.platform != "linux" or any(name.startswith("MALLOC_") for name in os.environ):
        return
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):  # another C library
        return
    mallopt(M_MMAP_THRESHOLD, 1 << 30)
    mallopt(M_TRIM_THRESHOLD, (1 << 31) - 1)


def _has_gpu() -> bool:
    return paddle.is_compiled_with_cuda() and paddle.device.cuda.device_count() > 0


def _check_gpu(device: str) -> None:
    """ValueError for a GPU that is not there; Paddle's own message names objects of its parser."""
    kind, _, number = device.partition(":")
    if kind != "gpu":
        return
    if not paddle.is_compiled_with_cuda():
        raise ValueError("this PaddlePaddle is built without GPUs, see the extra gpu in README.md")
    count = paddle.device.cuda.device_count()
    if number.isdecimal() and int(number) >= count or not count:
        raise ValueError(f"there are {count} GPUs, counted from 0")
