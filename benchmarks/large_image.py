# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Measure one image's time and memory: python benchmarks/large_image.py WIDTH HEIGHT [GIB] [WHAT].

GIB is the memory limit of the attention; "plain" means no limit. WHAT is "network" (the default:
everything that deepfill_v1 predicts), "attention" (on features of that image), or the side of a
square hole in px (what `Inpainter` computes to fill it). Weights and image are random. Run each
size in a new process, since a size would reuse memory freed by an earlier one. Linux only.

    python benchmarks/large_image.py WIDTH HEIGHT graph SIDE
    python benchmarks/large_image.py WIDTH HEIGHT onnx SIDE

measure an exported graph of this size, in Paddle Inference with oneDNN or in ONNX Runtime. Memory
is then the peak of the process; another process exports.
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import paddle
from numpy import ndarray
from paddle import Tensor, nn

from ppdeepfill.deployment.exported import onnx_graph, paddle_graph
from ppdeepfill.inference.inpainter import Inpainter
from ppdeepfill.networks import Attended, build_network
from ppdeepfill.networks.kernels import attention_memory_limit

GIB = 1 << 30


def main(width: int, height: int, memory: str = "2", what: str = "network") -> None:
    if memory in ("graph", "onnx"):
        exported(width, height, int(what), onnx=memory == "onnx")
        return
    paddle.seed(0)
    network = build_network("deepfill_v1")
    Inpainter(network)(*_image_and_mask(64, 64, 16))  # so that no first call is measured
    limit = 1e6 if memory == "plain" else float(memory)  # GiB
    attention = network.refinement.attention = Measured(network.refinement.attention)
    if what == "attention":
        shape = [1, 128, -(-height // 8) * 2, -(-width // 8) * 2]
        features = paddle.nn.functional.relu(paddle.randn(shape))
        with paddle.no_grad(), attention_memory_limit(int(limit * GIB)):
            attention(features, features, paddle.zeros([1, 1, *shape[2:]]))
    else:
        inpainter = Inpainter(network, attention_memory=limit)
        side = min(height, width) // 4 if what == "network" else int(what)
        image, mask = _image_and_mask(height, width, side)
        before, watch = _reset_peak(), Stopwatch()
        if what == "network":
            inpainter.predict(image[None], mask[None])
        else:
            inpainter(image, mask)
        took = str(watch)
        print(f"whole: {took}, {(max(_peak(), attention.peak) - before) / GIB:.2f} GiB")
    print(f"attention: {attention.took}, {attention.needed / GIB:.3f} GiB")


def exported(width: int, height: int, side: int, *, onnx: bool) -> None:
    """Fill a square hole once by an exported graph."""
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-c", _EXPORT, folder, str(height), str(width), str(int(onnx))]
        files = json.loads(subprocess.check_output(command, text=True).splitlines()[-1])
        if onnx:
            run = onnx_graph(Path(folder), files)
        else:
            run = paddle_graph(Path(folder), files, onednn=True)
        image, mask = _image_and_mask(height, width, side)
        pair = (
            x.astype(np.float32) for x in (image.transpose(2, 0, 1)[None], mask[None, None] > 0)
        )
        watch = Stopwatch()
        run(*pair)
        print(f"filled: {watch}, {_peak() / GIB:.2f} GiB")


_EXPORT = """
import json, sys
from pathlib import Path
from ppdeepfill.deployment.exporting import write_files
from ppdeepfill.deployment.inference_model import InferenceModel
from ppdeepfill.networks import build_network
folder, height, width, onnx = Path(sys.argv[1]), *map(int, sys.argv[2:])
model = InferenceModel(build_network("deepfill_v1"))
print(json.dumps(write_files(model, folder, (1, 3, height, width), onnx=bool(onnx))))
"""


class Stopwatch:
    """Seconds since its creation, and core seconds."""

    def __init__(self):
        self.start, self.cores_start = time.perf_counter(), time.process_time()

    def __str__(self) -> str:
        seconds, cores = time.perf_counter() - self.start, time.process_time() - self.cores_start
        return f"{seconds:.1f} s ({cores:.1f} core seconds)"


class Measured(nn.Layer):
    """Wraps a layer and measures its time and memory, without the memory of its results."""

    def __init__(self, layer: nn.Layer):
        super().__init__()
        self.layer = layer

    def forward(self, *arguments: Tensor) -> Attended:
        earlier = _peak()
        before, watch = _reset_peak(), Stopwatch()
        attended = self.layer(*arguments)
        self.took = str(watch)
        kept = sum(x.size * x.element_size() for x in attended if x is not None)
        self.needed = _peak() - before - kept
        self.peak = max(earlier, _peak())
        return attended


def _image_and_mask(height: int, width: int, side: int) -> tuple[ndarray, ndarray]:
    mask = np.zeros([height, width], np.uint8)
    mask[height // 4 : height // 4 + side, width // 4 : width // 4 + side] = 255
    return np.random.default_rng(0).integers(0, 256, [height, width, 3], np.uint8), mask


def _reset_peak() -> int:
    """Reset the peak, and return the bytes in use now."""
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _peak() -> int:
    return _status("VmHWM")


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
