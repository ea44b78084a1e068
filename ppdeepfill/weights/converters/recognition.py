# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Recognise which of our networks a set of arrays belongs to, by names and shapes."""

from collections.abc import Mapping
from math import isqrt
from typing import Literal, NamedTuple

import numpy as np
import paddle
from numpy import ndarray
from paddle import nn

from ppdeepfill.errors import WeightsError, listed
from ppdeepfill.networks import build_network
from ppdeepfill.networks.critics import Critics
from ppdeepfill.weights.converters import partial_networks
from ppdeepfill.weights.converters.deepfill_v1 import Source, critics_sources, generator_sources

Origin = Literal["tensorflow", "torch", "paddle", "rfr", "partial_conv"]

GENERATOR_FIRST = {  # name of the first filter in each naming
    "tensorflow": "inpaint_net/conv1/kernel",
    "torch": "coarse_generator.conv1.conv.weight",
    "paddle": "coarse.encoder.first.conv.weight",
}
CRITICS_FIRST = {
    "tensorflow": "discriminator/discriminator_local/conv1/kernel",
    "torch": "localD.dis_conv_module.conv1.conv.weight",
}
NAMINGS = {  # namings that weights of each origin can use
    "tensorflow": ("tensorflow", "torch"),
    "torch": ("torch",),
    "paddle": ("paddle", "torch"),
}
PARTIAL = {  # our network, and the name of its first filter in each naming
    "rfr": ("rfr", {"rfr": partial_networks.RFR_FIRST}),
    "partial_conv": (
        "partial_unet",
        {"port": partial_networks.PORT_FIRST, "nvidia": partial_networks.NVIDIA_FIRST},
    ),
}
NETWORK_OF = {"tensorflow": "deepfill_v1", "torch": "deepfill_v1_torch"}


class Found(NamedTuple):
    """Weights that were found, in our layout.

    Attributes:
        weights: float32 arrays by our names.
        origins: maps our names to the source's.
    """

    weights: dict[str, ndarray]
    origins: dict[str, str]


class FoundGenerator(NamedTuple):
    """A generator that was recognised in a set of arrays.

    Attributes:
        network: a key of `NETWORKS`.
        options: keyword arguments of its builder.
        found: its weights.
    """

    network: str
    options: dict[str, int]
    found: Found


def recognise_generator(
    arrays: Mapping[str, ndarray], origin: Origin, network: str | None = None
) -> FoundGenerator:
    """Find the network in a set of arrays: DeepFill v1 unless the origin says another.

    Args:
        arrays: by the source's names.
        origin: where the weights come from.
        network: which of our networks, if the names do not show it.

    Raises:
        WeightsError: it is missing, incomplete, or has values that are not finite.
    """
    if origin in ("rfr", "partial_conv"):
        return _recognise_partial(arrays, origin, network)
    naming, prefix = _naming(arrays, GENERATOR_FIRST, NAMINGS[origin])
    network = _network(origin, naming, network)
    if naming == "paddle":
        with paddle.LazyGuard():
            own_names = build_network(network).state_dict()
        sources = {name: Source(name, np.asarray) for name in own_names}
    else:
        sources = generator_sources(naming, bgr=origin == "tensorflow")
    sources = _prefixed(prefix, sources)
    channels = len(_converted(sources["coarse.encoder.first.conv.weight"], arrays))
    options = {"base_channels": channels}
    return FoundGenerator(network, options, _fill(_shapes(network, options), sources, arrays))


def recognise_critics(arrays: Mapping[str, ndarray], origin: Origin) -> Found | None:
    """Find both critics in a set of arrays; return None if there are none.

    Raises:
        WeightsError: they are incomplete, or not for square images.
    """
    if origin not in CRITICS_FIRST or not any(n.endswith(CRITICS_FIRST[origin]) for n in arrays):
        return None
    naming, prefix = _naming(arrays, CRITICS_FIRST, (origin,))
    first = arrays[prefix + CRITICS_FIRST[origin]]
    channels = first.shape[-1] if naming == "tensorflow" else len(first)
    sources = _prefixed(prefix, critics_sources(naming, channels=channels))
    sizes = {}
    for view, width in (("whole", 4), ("local", 8 if origin == "tensorflow" else 4)):
        inputs = len(_converted(sources[f"{view}.to_score.weight"], arrays))
        sizes[view] = (16 * isqrt(inputs // (width * channels)),) * 2
    with paddle.LazyGuard():
        expected = Critics(sizes["whole"], sizes["local"], channels, reference=origin)
    return _fill(expected, sources, arrays)


def _recognise_partial(
    arrays: Mapping[str, ndarray], origin: Origin, network: str | None
) -> FoundGenerator:
    """Find RFR, or a U-Net of either partial convolution."""
    ours, firsts = PARTIAL[origin]
    if network not in (None, ours):
        raise WeightsError(f"these are weights for {ours}, not for {network}")
    naming, prefix = _naming(arrays, firsts, tuple(firsts), what=ours)
    first = prefix + firsts[naming]
    options = {"base_channels": len(arrays[first])}
    if origin == "partial_conv":
        options["levels"] = partial_networks.levels_of(arrays, first)
    expected = _shapes(ours, options)
    names = expected.state_dict()
    if origin == "rfr":
        sources = partial_networks.rfr_sources(names)
    else:
        sources = partial_networks.partial_unet_sources(names, of_nvidia=naming == "nvidia")
    return FoundGenerator(ours, options, _fill(expected, _prefixed(prefix, sources), arrays))


def _shapes(network: str, options: Mapping[str, int]) -> nn.Layer:
    """A network without memory for its weights."""
    with paddle.LazyGuard():
        try:
            return build_network(network, **options)
        except ValueError as error:
            channels = options["base_channels"]
            raise WeightsError(f"its first filter has {channels} outputs: {error}") from None


def _naming(
    arrays: Mapping[str, ndarray],
    first: Mapping[str, str],
    namings: tuple[str, ...],
    *,
    what: str = "DeepFill v1 generator",
) -> tuple[str, str]:
    """Return the naming that the arrays use, and the prefix of all names, such as `netG.`."""
    found = [
        (naming, name.removesuffix(first[naming]))
        for naming in first
        for name in arrays
        if name.endswith(first[naming])
    ]
    if not found:
        raise WeightsError(
            f"it contains no {what}: expected a name like "
            + " or ".join(first[naming] for naming in namings)
            + f"; found {listed(list(arrays)) or 'no arrays'}"
        )
    if len(found) > 1:
        raise WeightsError(f"several networks in it, under {listed([p for _, p in found])}")
    if found[0][0] not in namings:
        raise WeightsError(
            f"its names are those of another implementation: use --from {found[0][0]}"
        )
    return found[0]


def _network(origin: Origin, naming: str, network: str | None) -> str:
    """Return the name of our network; shapes do not tell, since both networks share them."""
    known = NETWORK_OF.get(naming if origin == "paddle" else origin)
    if network not in (None, *NETWORK_OF.values()):
        networks = " and ".join(NETWORK_OF.values())
        raise WeightsError(f"unknown network {network!r}; weights are converted for {networks}")
    if known is None and network is None:
        raise WeightsError(
            "it does not name its network; add --network deepfill_v1 (padding as in the authors' "
            "code) or --network deepfill_v1_torch (as in the PyTorch port)"
        )
    if known is not None and network not in (None, known):
        raise WeightsError(f"these are weights for {known}, not for {network}")
    return known or network


def _prefixed(prefix: str, sources: Mapping[str, Source]) -> dict[str, Source]:
    return {ours: Source(prefix + theirs, change) for ours, (theirs, change) in sources.items()}


def _fill(
    expected: nn.Layer, sources: Mapping[str, Source], arrays: Mapping[str, ndarray]
) -> Found:
    """Fill every weight of a layer.

    Raises:
        WeightsError: lists arrays that are missing, have the wrong shape or are not finite.
    """
    shapes = {name: list(tensor.shape) for name, tensor in expected.state_dict().items()}
    assert shapes.keys() == sources.keys(), "a weight of the network has no source in the table"
    weights, wrong = {}, []
    for name, source in sources.items():
        try:
            weights[name] = _check_shape(_converted(source, arrays), shapes[name], source.name)
        except WeightsError as error:
            wrong.append(str(error))
    if wrong:
        raise WeightsError(
            "it does not match the network that its names suggest:\n  "
            + listed(wrong, separator="\n  ")
        )
    return Found(weights, {name: source.name for name, source in sources.items()})


def _converted(source: Source, arrays: Mapping[str, ndarray]) -> ndarray:
    if source.name not in arrays:
        raise WeightsError(f"{source.name} is missing")
    array = arrays[source.name]
    try:
        changed = source.change(array)
    except (ValueError, IndexError, ZeroDivisionError):
        changed = None
    if changed is None or changed.ndim == 0:
        raise WeightsError(f"{source.name} has the shape {list(array.shape)}, which does not fit")
    return changed


def _check_shape(array: ndarray, shape: list[int], theirs: str) -> ndarray:
    if list(array.shape) != shape:
        raise WeightsError(
            f"{theirs} has the shape {list(array.shape)} in our layout, expected {shape}"
        )
    if array.dtype.kind != "f":
        raise WeightsError(f"{theirs} contains {array.dtype} instead of floating-point numbers")
    with np.errstate(over="ignore"):  # float64 beyond float32 becomes infinite and is refused
        array = np.ascontiguousarray(array, np.float32)
    if bad := np.count_nonzero(~np.isfinite(array)):
        raise WeightsError(f"{theirs} has {bad} values that are nan or infinite")
    return array
