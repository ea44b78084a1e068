# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Recreate the weights and inputs of the reference runs from their seeds.

The reference implementations were run with weights and images from NumPy's frozen RandomState
streams; their results are in `arrays/`.

Letters: B batch, H W image.
"""

import zlib

import numpy as np
from paddle import nn

from ppdeepfill.weights.converters.deepfill_v1 import (
    critics_from_tensorflow,
    critics_from_torch,
    critics_names,
    generator_from_tensorflow,
    generator_from_torch,
    generator_names,
)

# --- the PyTorch port -------------------------------------------------------------------------


def torch_generator_weights(network: nn.Layer, gain: float = 1.15) -> dict[str, np.ndarray]:
    """Return the weights of the port's generator in the reference runs, under our names."""
    names = [port for _, port, _ in generator_names()]
    shapes = torch_shapes(network, generator_names())
    return generator_from_torch(torch_arrays(names, shapes, seed=1000, gain=gain))


def torch_critics_weights(critics: nn.Layer) -> dict[str, np.ndarray]:
    """Return the weights of the port's critics in the reference runs, under our names."""
    shapes = torch_shapes(critics, critics_names())
    arrays = {}
    for prefix, seed in (("localD", 2000), ("globalD", 3000)):
        names = [port for _, port, _ in critics_names() if port.startswith(prefix)]
        arrays |= torch_arrays(names, shapes, seed)
    return critics_from_torch(arrays)


def blocks(seed: int, shape: tuple[int, int, int, int], cell: int = 16) -> np.ndarray:
    """Draw blocky images [B, 3, H, W] in [-1, 1]."""
    batch, channels, height, width = shape
    random = np.random.RandomState(seed)
    cells = (batch, channels, -(-height // cell), -(-width // cell))
    coarse, fine = random.uniform(-1, 1, cells), random.uniform(-1, 1, shape)
    coarse = coarse.repeat(cell, axis=2).repeat(cell, axis=3)[:, :, :height, :width]
    return (0.8 * coarse + 0.2 * fine).astype(np.float32)


def uniform(seed: int, shape) -> np.ndarray:
    """Draw uniform noise in [-1, 1]."""
    return np.random.RandomState(seed).uniform(-1.0, 1.0, shape).astype(np.float32)


def normal(seed: int, shape, scale: float = 1.0) -> np.ndarray:
    """Draw Gaussian noise."""
    return np.random.RandomState(seed).normal(0.0, scale, shape).astype(np.float32)


def rectangles(size: tuple[int, int], edges) -> np.ndarray:
    """Return masks [B, 1, H, W] with one (top, bottom, left, right) rectangle per sample."""
    mask = np.zeros((len(edges), 1, *size), np.float32)
    for sample, (top, bottom, left, right) in zip(mask, np.asarray(edges).tolist(), strict=True):
        sample[:, top:bottom, left:right] = 1.0
    return mask


def torch_shapes(layer: nn.Layer, names) -> dict[str, tuple[int, ...]]:
    """Return shapes in the port's layout, under the port's names."""
    state = layer.state_dict()
    shapes = {}
    for ours, port, _ in names:
        shape = tuple(state[f"{ours}.weight"].shape)
        shapes[f"{port}.weight"] = shape[::-1] if len(shape) == 2 else shape
        shapes[f"{port}.bias"] = tuple(state[f"{ours}.bias"].shape)
    return shapes


def torch_arrays(
    layers: list[str], shapes: dict, seed: int, gain: float = 1.15
) -> dict[str, np.ndarray]:
    """Draw Gaussian filters and small uniform biases, with one stream per tensor."""
    arrays = {}
    for number, layer in enumerate(layers):
        shape = shapes[f"{layer}.weight"]
        arrays[f"{layer}.weight"] = normal(
            seed + 2 * number, shape, gain / np.sqrt(np.prod(shape[1:]))
        )
        bias = np.random.RandomState(seed + 2 * number + 1)
        arrays[f"{layer}.bias"] = bias.uniform(-0.1, 0.1, shapes[f"{layer}.bias"]).astype(
            np.float32
        )
    return arrays


# --- the authors' TensorFlow code -------------------------------------------------------------


def tensorflow_generator_weights(network: nn.Layer, factor: float = 1.0) -> dict[str, np.ndarray]:
    """Return the weights of the reference checkpoint, under our names; `factor` scales filters."""
    arrays = tensorflow_arrays(network, generator_names(), gain=1.0)
    for name in arrays:
        if name.endswith("/kernel"):
            arrays[name] = arrays[name] * np.float32(factor)
    return generator_from_tensorflow(arrays)


def tensorflow_critics_weights(critics: nn.Layer) -> dict[str, np.ndarray]:
    """Return the critics' weights of the reference run, under our names."""
    return critics_from_tensorflow(tensorflow_arrays(critics, critics_names(), gain=2.0))


def rgb_nchw(images: np.ndarray) -> np.ndarray:
    """Convert BGR images or masks [B, H, W, C] -> RGB [B, C, H, W]."""
    return np.ascontiguousarray(images[..., ::-1].transpose(0, 3, 1, 2))


def smooth_images(seed: int, shape: tuple[int, int, int, int]) -> np.ndarray:
    """Draw uint8 images [B, H, W, 3] of slow waves, twelve rectangles each, and noise."""
    random = np.random.RandomState(seed)
    images = [_smooth_image(random, *shape[1:]) for _ in range(shape[0])]
    return np.stack(images)


def _smooth_image(
    random: np.random.RandomState, height: int, width: int, channels: int
) -> np.ndarray:
    """Draw the next image [H, W, C] from a stream."""
    down = np.arange(height)[:, None] / height
    right = np.arange(width)[None, :] / width
    image = np.zeros((height, width, channels))
    for channel in range(channels):
        for _ in range(6):
            frequencies = random.uniform(-6, 6, 2)
            phase, amplitude = random.uniform(0, 2 * np.pi), random.uniform(10, 40)
            angle = 2 * np.pi * (frequencies[0] * down + frequencies[1] * right) + phase
            image[:, :, channel] += amplitude * np.cos(angle)
    image += 127.5
    for _ in range(12):
        top, left = random.randint(0, height - 8), random.randint(0, width - 8)
        sides = random.randint(8, height // 3 + 9), random.randint(8, width // 3 + 9)
        rectangle = image[top : top + sides[0], left : left + sides[1]]
        rectangle[:] = rectangle * 0.3 + random.uniform(0, 255, 3) * 0.7
    image += random.standard_normal(image.shape) * 6.0
    return np.clip(np.floor(image + 0.5), 0, 255).astype(np.uint8)


def tensorflow_arrays(layer: nn.Layer, names, gain: float) -> dict[str, np.ndarray]:
    """Draw Glorot uniform filters times `gain`, and Gaussian biases; each name has its stream."""
    state = layer.state_dict()
    arrays = {}
    for ours, _, theirs in names:
        shape = tuple(state[f"{ours}.weight"].shape)
        if len(shape) == 4:
            shape = (shape[2], shape[3], shape[1], shape[0])  # OIHW -> HWIO
        field = int(np.prod(shape[:-2]))
        limit = np.sqrt(6.0 / (field * (shape[-2] + shape[-1]))) * gain
        kernel = _tensorflow_stream(f"{theirs}/kernel").random_sample(shape)
        arrays[f"{theirs}/kernel"] = ((kernel * 2.0 - 1.0) * limit).astype(np.float32)
        bias = _tensorflow_stream(f"{theirs}/bias").standard_normal(shape[-1:])
        arrays[f"{theirs}/bias"] = (bias * 0.05).astype(np.float32)
    return arrays


def _tensorflow_stream(name: str) -> np.random.RandomState:
    return np.random.RandomState((1000003 + zlib.crc32(name.encode())) % 2**32)
