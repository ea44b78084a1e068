# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Into how many parts a batch is divided so that an update fits into memory.

Measured on a processor with Paddle's own kernels, critic and generator updates of
configs/deepfill_v1_places2.yaml: 0.77, 1.20 and 1.95 GiB for 1, 2 and 4 images, besides 0.37 GiB
for the process. Compiled convolutions keep more: 4.8 GB in all for 4 images
(docs/performance.md).
"""

import os
from typing import NamedTuple

import paddle

GIB = 1 << 30
SHARE = 0.85  # of a device's memory that a training may take


class Need(NamedTuple):
    """GiB of a training: `fixed`, and `per_image` of a part of the batch."""

    fixed: float
    per_image: float


# Not measured on a GPU: the images as on a processor, and an allowance for CUDA and cuDNN.
ON_GPU = Need(fixed=2.0, per_image=0.40)
ON_CPU = Need(fixed=0.8, per_image=1.05)


def available_memory(device: str) -> float | None:
    """GiB of the device that is in use; None where nobody tells.

    Args:
        device: as `paddle.device.get_device` names it.
    """
    if device.startswith("gpu"):
        return paddle.device.cuda.get_device_properties(device).total_memory / GIB
    if device == "cpu" and hasattr(os, "sysconf"):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    return None


def parts_for(memory: float | None, need: Need, batch_size: int) -> int:
    """The least number of equal parts of a batch that fit; all of it where nothing is known.

    Args:
        memory: of the device in GiB.
        need: of the training.
        batch_size: images of one process.

    Returns:
        `batch_size` where not even one image fits: that may work all the same.
    """
    if memory is None:
        return 1
    for parts in range(1, batch_size):
        if batch_size % parts == 0 and needed(need, batch_size // parts) <= SHARE * memory:
            return parts
    return batch_size


def needed(need: Need, images: int) -> float:
    """GiB for a part of so many images."""
    return need.fixed + images * need.per_image
