# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Recognise which of our networks a set of arrays belongs to, by names and shapes."""

from collections.abc import Mapping
from math import isqrt
from typing import Any, Literal, NamedTuple

import numpy as np
import paddle
from numpy import ndarray

from ppdeepfill.errors import WeightsError, listed
from ppdeepfill.networks import build_network
from ppdeepfill.networks.critics import Critics
from ppdeepfill.weights.converters.deepfill_v1 import Source, critics_sources, generator_sources
from ppdeepfill.weights.converters.filling import Found, converted, fill, shapes
from ppdeepfill.weights.converters.methods import METHODS

Origin = Literal["tensorflow", "torch", "paddle", "rfr", "partial_conv", "glcic", "shift_net"]

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
NETWORK_OF = {"tensorflow": "deepfill_v1", "torch": "deepfill_v1_torch"}


class FoundGenerator(NamedTuple):
    """A generator that was recognised in a set of arrays.

    Attributes:
        network: a key of `NETWORKS`.
        options: keyword arguments of its builder.
        found: its weights.
    """

    network: str
    options: dict[str, Any]
    found: Found


def recognise_generator(
    arrays: Mapping[str, ndarray],
    origin: Origin,
    network: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> FoundGenerator:
    """Find the network in a set of arrays: DeepFill v1 unless the origin says another.

    Args:
        arrays: by the source's names.
        origin: where the weights come from.
        network: which of our networks, if the names do not show it.
        options: of its builder, where the arrays do not show them; for other methods only.

    Raises:
        WeightsError: it is missing, incomplete, or has values that are not finite.
    """
    if origin in METHODS:
        return _recognise_method(arrays, origin, network, options or {})
    naming, prefix = _naming(arrays, GENERATOR_FIRST, NAMINGS[origin])
    network = _network(origin, naming, network)
    if naming == "paddle":
        with paddle.LazyGuard():
            own_names = build_network(network).state_dict()
        sources = {name: Source(name, np.asarray) for name in own_names}
    else:
        sources = generator_sources(naming, bgr=origin == "tensorflow")
    sources = _prefixed(prefix, sources)
    channels = len(converted(sources["coarse.encoder.first.conv.weight"], arrays))
    options = {"base_channels": channels}
    return FoundGenerator(network, options, fill(shapes(network, options), sources, arrays))


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
        inputs = len(converted(sources[f"{view}.to_score.weight"], arrays))
        sizes[view] = (16 * isqrt(inputs // (width * channels)),) * 2
    with paddle.LazyGuard():
        expected = Critics(sizes["whole"], sizes["local"], channels, reference=origin)
    return fill(expected, sources, arrays)


def _recognise_method(
    arrays: Mapping[str, ndarray], origin: str, network: str | None, options: Mapping[str, Any]
) -> FoundGenerator:
    """Find the network of another method than DeepFill v1."""
    namings = {naming.first: naming for naming in METHODS[origin]}
    ours = METHODS[origin][0].network
    if network not in (None, ours):
        raise WeightsError(f"these are weights for {ours}, not for {network}")
    first, prefix = _naming(arrays, {x: x for x in namings}, tuple(namings), what=ours)
    naming = namings[first]
    options = {"base_channels": len(arrays[prefix + first]), **options}
    options |= naming.options(arrays, prefix)
    expected = shapes(ours, options)
    sources = naming.sources(expected.state_dict(), options)
    return FoundGenerator(ours, options, fill(expected, _prefixed(prefix, sources), arrays))


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
