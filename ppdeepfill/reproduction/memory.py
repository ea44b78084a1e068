# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Split a batch into parts so that an update fits into memory.

Measured on a CPU with Paddle's own kernels, for critic and generator updates of
configs/deepfill_v1_places2.yaml: 0.77, 1.20 and 1.95 GiB for 1, 2 and 4 images, plus 0.37 GiB for
the process. Compiled convolutions need more: 4.8 GB in total for 4 images (docs/performance.md).
"""

import os
from typing import NamedTuple

import paddle

GIB = 1 << 30
SHARE = 0.85  # of a device's memory that training may use


class Need(NamedTuple):
    """GiB that training needs: `fixed`, plus `per_image` in a part of the batch."""

    fixed: float
    per_image: float


# Not measured on a GPU: images as on a CPU, and an allowance for CUDA and cuDNN.
ON_GPU = Need(fixed=2.0, per_image=0.40)
ON_CPU = Need(fixed=0.8, per_image=1.05)


def available_memory(device: str) -> float | None:
    """Return the memory of a device in GiB; None if the system does not say.

    Args:
        device: its name as in `paddle.device.get_device`.
    """
    if device.startswith("gpu"):
        return paddle.device.cuda.get_device_properties(device).total_memory / GIB
    if device == "cpu" and hasattr(os, "sysconf"):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    return None


def parts_for(memory: float | None, need: Need, batch_size: int) -> int:
    """Return the smallest number of equal parts of a batch that fit; 1 if memory is unknown.

    If even one image does not fit, returns `batch_size`, because that may work all the same.

    Args:
        memory: memory of the device in GiB.
        need: what training needs.
        batch_size: images per process.
    """
    if memory is None:
        return 1
    for parts in range(1, batch_size):
        if batch_size % parts == 0 and needed(need, batch_size // parts) <= SHARE * memory:
            return parts
    return batch_size


def needed(need: Need, images: int) -> float:
    """Return the GiB needed for a part of this many images."""
    return need.fixed + images * need.per_image
