# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Rows: the best rates of this machine, for the arithmetic that the networks need.

Other rows are compared with the largest of these rates.
"""

import functools
from collections.abc import Callable
from pathlib import Path

from benchmarks.row import Call, Row, Skip
from benchmarks.scratch import scratch_folder

PRODUCT, CONVOLUTION = "machine/product", "machine/convolution"

SIDE = 2048  # side of the matrices
# (channels, side of the map) of 3x3 convolutions, all with the same cost
MAPS = ((64, 256), (128, 128), (256, 64))


def rows() -> list[Row]:
    products = [
        Row(f"{PRODUCT}/{how}", prepare, lambda: 2 * SIDE**3, quick=True)
        for how, prepare in (("eager", _eager_product), ("onednn", _onednn_product))
    ]
    convolutions = [
        Row(
            f"{CONVOLUTION}/{channels}x{side}x{side}",
            functools.partial(_onednn_convolution, channels, side),
            functools.partial(convolution_flops, channels, side),
            quick=True,
        )
        for channels, side in MAPS
    ]
    return products + convolutions


def convolution_flops(channels: int, side: int) -> int:
    """Return the FLOPs of a 3x3 convolution computed directly; faster algorithms need fewer."""
    return 2 * channels * channels * 9 * side * side


def _eager_product() -> Call:
    import paddle

    x, y = paddle.randn([SIDE, SIDE]), paddle.randn([SIDE, SIDE])
    return lambda: paddle.matmul(x, y)


def _onednn_product() -> Call:
    from paddle import nn

    return _onednn(lambda: nn.Linear(SIDE, SIDE, bias_attr=False), [SIDE, SIDE])


def _onednn_convolution(channels: int, side: int) -> Call:
    from paddle import nn

    build = functools.partial(nn.Conv2D, channels, channels, 3, padding=1)
    return _onednn(build, [1, channels, side, side])


def _onednn(build: Callable, shape: list[int]) -> Call:
    """Return a call of one layer in Paddle Inference with oneDNN, on random numbers."""
    import numpy as np
    import paddle

    if not paddle.get_device().startswith("cpu"):
        raise Skip("oneDNN runs on CPUs only")
    path = scratch_folder("machine") / "x".join(map(str, shape))
    spec = paddle.static.InputSpec(shape, "float32", "x")
    paddle.jit.save(paddle.jit.to_static(build(), input_spec=[spec], full_graph=True), str(path))
    predictor = _predictor(path)
    values = np.random.default_rng(0).standard_normal(shape, np.float32)
    predictor.get_input_handle("x").copy_from_cpu(values)
    return predictor.run


def _predictor(path: Path):
    import os

    from paddle import inference

    graph = next(p for p in (path.with_suffix(s) for s in (".json", ".pdmodel")) if p.exists())
    config = inference.Config(str(graph), str(path.with_suffix(".pdiparams")))
    config.disable_glog_info()
    config.enable_mkldnn()
    config.set_cpu_math_library_num_threads(int(os.environ.get("OMP_NUM_THREADS", 1)))
    return inference.create_predictor(config)
