# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Which weight of the two reference implementations is which of ours, for DeepFill v1.

Both directions of a difference are settled here once: names, filter layout (TensorFlow HWIO, ours
OIHW), linear layers (theirs see rows and columns first, ours channels), channel order (TensorFlow
images are BGR, ours RGB). Arrays in, arrays out; reading files is another matter.

Source: variable names of the authors' code (branch v1.0.0) and of the PyTorch port (c6cdaea).
"""

from collections.abc import Iterator, Mapping

import numpy as np

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


def generator_from_torch(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return our generator's weights from a state dict of the port's generator.

    Args:
        arrays: the port's names (`coarse_generator.conv1.conv.weight`, ...) to arrays.
    """
    state = {}
    for ours, port, _ in generator_names():
        state[f"{ours}.weight"] = arrays[f"{port}.weight"]
        state[f"{ours}.bias"] = arrays[f"{port}.bias"]
    return state


def critics_from_torch(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return our critics' weights from the port's, named `localD.*` and `globalD.*`."""
    state = {}
    for ours, port, _ in critics_names():
        weight = arrays[f"{port}.weight"]
        state[f"{ours}.weight"] = weight.T if weight.ndim == 2 else weight
        state[f"{ours}.bias"] = arrays[f"{port}.bias"]
    return state


def generator_from_tensorflow(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return our generator's weights, for RGB, from variables of the authors' checkpoint.

    Args:
        arrays: TensorFlow's names (`inpaint_net/conv1/kernel`, ...) to arrays, for BGR images.
    """
    state = {}
    for ours, _, tensorflow in generator_names():
        weight = arrays[f"{tensorflow}/kernel"].transpose(3, 2, 0, 1)  # HWIO -> OIHW
        bias = arrays[f"{tensorflow}/bias"]
        layer = ours.removesuffix(".conv")
        if layer in _FROM_RGB:
            weight = weight[:, [2, 1, 0, *range(3, weight.shape[1])]]
        if layer in _TO_RGB:
            weight, bias = weight[::-1], bias[::-1]
        state[f"{ours}.weight"] = np.ascontiguousarray(weight)
        state[f"{ours}.bias"] = np.ascontiguousarray(bias)
    return state


def critics_from_tensorflow(
    arrays: Mapping[str, np.ndarray],
    local_grid: tuple[int, int] = (8, 8),
    whole_grid: tuple[int, int] = (16, 16),
) -> dict[str, np.ndarray]:
    """Return our critics' weights, for RGB, from variables of the authors' checkpoint.

    Args:
        arrays: TensorFlow's names (`discriminator/discriminator_local/conv1/kernel`, ...).
        local_grid: (h, w) of the local critic's last features: its patch size / 16.
        whole_grid: the same for the critic of the whole image.
    """
    state = {}
    for ours, _, tensorflow in critics_names():
        weight, bias = arrays[f"{tensorflow}/kernel"], arrays[f"{tensorflow}/bias"]
        if weight.ndim == 4:
            weight = weight.transpose(3, 2, 0, 1)  # HWIO -> OIHW
            if ours.endswith("convolutions.0.conv"):
                weight = weight[:, ::-1]
        else:
            grid = local_grid if ours.startswith("local.") else whole_grid
            rows_first = weight.reshape(*grid, -1, 1)
            weight = rows_first.transpose(2, 0, 1, 3).reshape(-1, 1)  # (h, w, c) -> (c, h, w)
        state[f"{ours}.weight"] = np.ascontiguousarray(weight)
        state[f"{ours}.bias"] = bias
    return state
