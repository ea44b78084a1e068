# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Check that the machine has the memory for a graph that computes contextual attention as a whole.

Such a graph compares every position with every patch, so its memory grows with the square of the
number of pixels: with each pair of pixels.

Letters: B batch, H W image.
"""

from pathlib import Path

from paddle import nn

from ppdeepfill.errors import ExportError
from ppdeepfill.networks import ContextualAttention, size_multiple_of
from ppdeepfill.networks.kernels import whole_memory

GIB = 1 << 30
SYSTEM = Path("/proc/meminfo")  # Linux only


def bytes_per_pixel_pair(network: nn.Layer) -> float:
    """Return how many bytes contextual attention as a whole takes per pair of pixels.

    This is an upper bound, see `whole_memory`; 0.0 if the network has no contextual attention.
    """
    attentions = [x for x in network.sublayers() if isinstance(x, ContextualAttention)]
    needs = []
    for attention in attentions:
        rate = attention.options["rate"]
        one_position = [1, 0, rate, rate]
        needs.append(whole_memory(one_position, one_position, attention.options))
    return max(needs, default=0) / size_multiple_of(network) ** 4


def check_memory(description: dict, batch: int, height: int, width: int) -> None:
    """Raise ExportError if the ONNX graph needs more memory for a batch than there is.

    Args:
        description: the content of deploy.yaml; older exports do not say what they need.
        batch: B.
        height: H.
        width: W.
    """
    needed = description.get("onnx_bytes_per_pixel_pair", 0.0) * batch * (height * width) ** 2
    available = available_memory()
    if available is not None and needed > available:
        raise ExportError(
            f"model.onnx was exported for any size, and needs up to {needed / GIB:.1f} GiB for "
            f"a batch of {batch} at {width} x {height}, but {available / GIB:.1f} GiB are free; "
            f"export with --input_shape 1 3 {height} {width}, or use Paddle Inference"
        )


def available_memory() -> int | None:
    """Bytes that programs can still take without swapping; None where the system does not say."""
    if not SYSTEM.is_file():
        return None
    lines = (line.split() for line in SYSTEM.read_text().splitlines())
    return next((1024 * int(line[1]) for line in lines if line[0] == "MemAvailable:"), None)
