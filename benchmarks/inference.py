# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Rows: one picture of the whole network, from uint8 to uint8."""

import functools
import subprocess
import sys

from benchmarks.memory import GIB, require_memory
from benchmarks.row import Call, Row, Skip
from benchmarks.scratch import scratch_folder

NETWORK = "deepfill_v1"
SIZES = {"256": (256, 256), "512": (512, 512), "512x680": (512, 680), "1080p": (1080, 1920)}


def rows() -> list[Row]:
    return [
        Row(
            f"{runtime}/{name}",
            functools.partial(prepare, size),
            functools.partial(_flops, size),
            quick=name == "256",
            most_calls=1 if name == "1080p" else sys.maxsize,
        )
        for runtime, prepare in (("dygraph", _dygraph), ("exported", _exported), ("onnx", _onnx))
        for name, size in SIZES.items()
    ]


def _flops(size: tuple[int, int]) -> int:
    from ppdeepfill.reproduction.costs import generator_layers

    return sum(layer.forward.flops for layer in generator_layers(size))


def _dygraph(size: tuple[int, int]) -> Call:
    from ppdeepfill.inference.inpainter import ATTENTION_MEMORY, Inpainter
    from ppdeepfill.networks import build_network
    from ppdeepfill.parallel import use_device

    use_device("cpu")
    require_memory(size, attention_limit=ATTENTION_MEMORY * GIB)
    return functools.partial(Inpainter(build_network(NETWORK)), *picture(size))


def _exported(size: tuple[int, int]) -> Call:
    from ppdeepfill.inference.inpainter import ATTENTION_MEMORY
    from ppdeepfill.parallel import use_device

    require_memory(size, attention_limit=ATTENTION_MEMORY * GIB)
    exported, folder = _export(onnx=False)
    use_device("cpu")
    graph = exported.paddle_graph(folder, exported.read_description(folder), onednn=True)
    return functools.partial(graph, *_graph_picture(size))


def _onnx(size: tuple[int, int]) -> Call:
    require_memory(size)
    exported, folder = _export(onnx=True)
    graph = exported.onnx_graph(folder, exported.read_description(folder))
    return functools.partial(graph, *_graph_picture(size))


def _export(*, onnx: bool) -> tuple:
    """Return the module ppdeepfill.deployment.exported, and an exported folder for it.

    The folder is written once per run, in a separate process, so that the memory of the export does
    not count for this row.
    """
    try:
        from ppdeepfill.deployment import exported
    except ImportError:
        raise Skip("this version has no ppdeepfill.deployment.exported") from None
    folder = scratch_folder("exported_with_onnx" if onnx else "exported")
    if not (folder / exported.DESCRIPTION).is_file():
        command = [sys.executable, "-c", _EXPORT, NETWORK, str(folder), str(int(onnx))]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Skip((done.stderr.splitlines() or ["the export failed"])[-1])
    return exported, folder


_EXPORT = """
import sys
import tempfile
from ppdeepfill.weights.checkpoint import save_best
from ppdeepfill.deployment.exporting import export_model
from ppdeepfill.weights.generator_file import Generator
from ppdeepfill.networks import build_network
from ppdeepfill.training.state import layer_arrays
name, folder, onnx = sys.argv[1:]
with tempfile.TemporaryDirectory() as weights:
    save_best(weights, Generator(name, {}, 1, layer_arrays(build_network(name))))
    export_model(weights, folder, onnx=onnx == "1")
"""


def picture(size: tuple[int, int]):
    """Return a random image uint8 [H, W, 3], and a mask uint8 [H, W] with a quarter as hole."""
    import numpy as np

    height, width = size
    mask = np.zeros(size, np.uint8)
    mask[height // 4 : 3 * height // 4, width // 4 : 3 * width // 4] = 255
    return np.random.default_rng(0).integers(0, 256, [*size, 3], np.uint8), mask


def _graph_picture(size: tuple[int, int]):
    """Return the same as float32 [1, 3, H, W] in 0..255 and [1, 1, H, W]."""
    image, mask = picture(size)
    return image.transpose(2, 0, 1)[None].astype("float32"), (mask[None, None] / 255).astype("f4")
