# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Map the weights of both reference implementations of DeepFill v1 to ours.

All differences are handled here: names, filter layout (HWIO in TensorFlow, OIHW here), inputs of
linear layers (rows and columns first in TensorFlow, channels first here), channel order (the
authors' images are BGR, ours RGB). This module works on arrays; files are read elsewhere.

Source: variable names of the authors' code (branch v1.0.0) and of the PyTorch port (c6cdaea).
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from math import isqrt
from typing import NamedTuple

import numpy as np
from numpy import ndarray

_ENCODER = ("first", "down1", "half", "down2", "quarter1", "quarter2")
_ENCODER_THEIRS = ("1", "2_downsample", "3", "4_downsample", "5", "6")
_DILATED = ("dilation2", "dilation4", "dilation8", "dilation16")
_DILATED_THEIRS = ("7_atrous", "8_atrous", "9_atrous", "10_atrous")
_DECODER = ("half1", "half2", "full1", "full2", "to_rgb")
_DECODER_THEIRS = ("13", "14", "15", "16", "17")

# (our module, our layers, port's module, port's prefix, TensorFlow's prefix, their layers)
_GENERATOR = (
    ("coarse.encoder", _ENCODER, "coarse_generator", "conv", "conv", _ENCODER_THEIRS),
    ("coarse.dilated", _DILATED, "coarse_generator", "conv", "conv", _DILATED_THEIRS),
    ("coarse.bottleneck", ("conv1", "conv2"), "coarse_generator", "conv", "conv", ("11", "12")),
    ("coarse.decoder", _DECODER, "coarse_generator", "conv", "conv", _DECODER_THEIRS),
    ("refinement.dilated_encoder", _ENCODER, "fine_generator", "conv", "xconv", _ENCODER_THEIRS),
    ("refinement.dilated", _DILATED, "fine_generator", "conv", "xconv", _DILATED_THEIRS),
    (
        "refinement.attention_encoder",
        _ENCODER,
        "fine_generator",
        "pmconv",
        "pmconv",
        _ENCODER_THEIRS,
    ),
    (
        "refinement.after_attention",
        ("conv1", "conv2"),
        "fine_generator",
        "pmconv",
        "pmconv",
        ("9", "10"),
    ),
    (
        "refinement.merge",
        ("conv1", "conv2"),
        "fine_generator",
        "allconv",
        "allconv",
        ("11", "12"),
    ),
    (
        "refinement.decoder",
        _DECODER,
        "fine_generator",
        "allconv",
        "allconv",
        _DECODER_THEIRS,
    ),
)
_UPSAMPLED = {"13": "13_upsample/{0}13_upsample_conv", "15": "15_upsample/{0}15_upsample_conv"}

_FROM_RGB = {
    f"{encoder}.first"
    for encoder in (
        "coarse.encoder",
        "refinement.dilated_encoder",
        "refinement.attention_encoder",
    )
}
_TO_RGB = {"coarse.decoder.to_rgb", "refinement.decoder.to_rgb"}


class Source(NamedTuple):
    """The source of one of our weights.

    Attributes:
        name: its name in the source.
        change: converts its layout to ours; raises ValueError if the shape does not fit.
    """

    name: str
    change: Callable[[ndarray], ndarray]


def generator_names() -> Iterator[tuple[str, str, str]]:
    """Yield (our layer, the port's layer, TensorFlow's layer) of the generator, in order."""
    for ours, layers, port_module, port_prefix, tensorflow_prefix, theirs in _GENERATOR:
        for layer, their in zip(layers, theirs, strict=True):
            upsampled = _UPSAMPLED.get(their, their).format(tensorflow_prefix)
            yield (
                f"{ours}.{layer}.conv",
                f"{port_module}.{port_prefix}{their}.conv",
                f"inpaint_net/{tensorflow_prefix}{upsampled}",
            )


def critics_names() -> Iterator[tuple[str, str, str]]:
    """Yield (our layer, the port's layer, TensorFlow's layer) of both critics, in order."""
    for ours, port, tensorflow in (("local", "localD", "local"), ("whole", "globalD", "global")):
        for number in range(1, 5):
            yield (
                f"{ours}.convolutions.{number - 1}.conv",
                f"{port}.dis_conv_module.conv{number}.conv",
                f"discriminator/discriminator_{tensorflow}/conv{number}",
            )
        yield (
            f"{ours}.to_score",
            f"{port}.linear",
            f"discriminator/dout_{tensorflow}_fc",
        )


def generator_sources(naming: str, *, bgr: bool) -> dict[str, Source]:
    """Return the sources of the generator's weights, by our names.

    Args:
        naming: "tensorflow" or "torch": the source's names and layout.
        bgr: the source is for BGR images, as the authors' code is; the result is for RGB.
    """
    sources = {}
    for ours, port, tensorflow in generator_names():
        turn = _bgr_to_rgb(ours.removesuffix(".conv")) if bgr else _unchanged
        if naming == "tensorflow":
            kernel = _chained(_filter_from_hwio, turn)
            sources[f"{ours}.weight"] = Source(f"{tensorflow}/kernel", kernel)
            sources[f"{ours}.bias"] = Source(f"{tensorflow}/bias", turn)
        else:
            sources[f"{ours}.weight"] = Source(f"{port}.weight", turn)
            sources[f"{ours}.bias"] = Source(f"{port}.bias", turn)
    return sources


def critics_sources(naming: str, *, channels: int = 64) -> dict[str, Source]:
    """Return the sources of both critics' weights, by our names.

    Args:
        naming: "tensorflow" (the authors', for BGR images) or "torch" (the port's, for RGB).
        channels: width n of the critics' first convolution.
    """
    sources = {}
    for ours, port, tensorflow in critics_names():
        if naming == "tensorflow":
            kernel = _critic_kernel(ours, channels)
            sources[f"{ours}.weight"] = Source(f"{tensorflow}/kernel", kernel)
            sources[f"{ours}.bias"] = Source(f"{tensorflow}/bias", _unchanged)
        else:
            weight = np.transpose if ours.endswith("to_score") else _unchanged
            sources[f"{ours}.weight"] = Source(f"{port}.weight", weight)
            sources[f"{ours}.bias"] = Source(f"{port}.bias", _unchanged)
    return sources


def collect(sources: Mapping[str, Source], arrays: Mapping[str, ndarray]) -> dict[str, ndarray]:
    """Return our weights, converted from the source's arrays."""
    return {
        ours: np.ascontiguousarray(change(arrays[theirs]))
        for ours, (theirs, change) in sources.items()
    }


def generator_from_torch(arrays: Mapping[str, ndarray]) -> dict[str, ndarray]:
    """Convert the port's generator (`coarse_generator.conv1.conv.weight`, ...) to ours."""
    return collect(generator_sources("torch", bgr=False), arrays)


def critics_from_torch(arrays: Mapping[str, ndarray]) -> dict[str, ndarray]:
    """Convert the port's critics (`localD.*`, `globalD.*`) to ours."""
    return collect(critics_sources("torch"), arrays)


def generator_from_tensorflow(arrays: Mapping[str, ndarray]) -> dict[str, ndarray]:
    """Convert the authors' generator (`inpaint_net/conv1/kernel`, ...) to ours, for RGB."""
    return collect(generator_sources("tensorflow", bgr=True), arrays)


def critics_from_tensorflow(arrays: Mapping[str, ndarray]) -> dict[str, ndarray]:
    """Convert the authors' critics (`discriminator/...`) to ours, for square RGB images."""
    channels = arrays["discriminator/discriminator_local/conv1/bias"].shape[0]
    return collect(critics_sources("tensorflow", channels=channels), arrays)


def _unchanged(array: ndarray) -> ndarray:
    return array


def _chained(first: Callable, second: Callable) -> Callable[[ndarray], ndarray]:
    return lambda array: second(first(array))


def _filter_from_hwio(kernel: ndarray) -> ndarray:
    return kernel.transpose(3, 2, 0, 1)


def _critic_kernel(layer: str, channels: int) -> Callable[[ndarray], ndarray]:
    if layer.endswith("to_score"):
        last = {"local": 8 * channels, "whole": 4 * channels}[layer.split(".")[0]]
        return partial(_linear_from_nhwc, channels=last)
    if layer.endswith("convolutions.0.conv"):
        return _chained(_filter_from_hwio, np.fliplr)
    return _filter_from_hwio


def _linear_from_nhwc(kernel: ndarray, *, channels: int) -> ndarray:
    """[h * w * c, 1] -> [c * h * w, 1], for h = w."""
    side = isqrt(len(kernel) // channels)
    return kernel.reshape(side, side, channels, -1).transpose(2, 0, 1, 3).reshape(kernel.shape)


def _bgr_to_rgb(layer: str) -> Callable[[ndarray], ndarray]:
    """Return the change from BGR to RGB for weights (OIHW) and bias of a generator layer."""
    if layer in _TO_RGB:
        return _output_reversed
    return _input_reversed if layer in _FROM_RGB else _unchanged


def _input_reversed(array: ndarray) -> ndarray:
    """Reverse the first three input channels of a filter; a bias has none."""
    if array.ndim == 1:
        return array
    return array[:, [2, 1, 0, *range(3, array.shape[1])]]


def _output_reversed(array: ndarray) -> ndarray:
    return array[::-1]
