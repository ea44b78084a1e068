# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Map the weights of RFR's authors, and of U-Nets of partial convolutions, to ours.

There are two public partial convolutions, which differ by a factor: with the same filter, NVIDIA's
and ours return k k C times the port's result (k filter size, C input channels). The names of the
weights tell which one a network uses.

Source: names in `RFR-Inpainting`, and in `pytorch-inpainting-with-partial-conv`, called "port".
"""

from collections.abc import Iterable, Mapping
from math import prod

from numpy import ndarray

from ppdeepfill.weights.converters.deepfill_v1 import Source

RFR_FIRST = "Pconv1.weight"
PORT_FIRST = "enc_1.conv.input_conv.weight"
NVIDIA_FIRST = "enc_1.conv.weight"  # the same U-Net with NVIDIA's layer

_PARTS = {"_mean": "running_mean", "_variance": "running_var"}
_RFR = {
    "first.conv": "Pconv1",
    "first_norm": "bn1",
    "second.conv": "Pconv2",
    "second_norm": "bn20",
    "identify1.conv": "Pconv21",
    "identify2.conv": "Pconv22",
    "identify_norm": "bn2",
    "reasoning.attention": "RFRModule.att.att",
    "reasoning.attention.combine": "RFRModule.att.combiner",
    "up.conv": "Tconv",
    "up.norm": "bn3",
    "tail.conv": "tail1",
    "to_rgb": "out",
}


def rfr_sources(names: Iterable[str]) -> dict[str, Source]:
    """Return the sources of the weights of `Rfr`.

    Args:
        names: of its weights.
    """
    modules = dict(_RFR)
    for number in range(6):
        _add(modules, f"reasoning.encoder.{number}", f"RFRModule.enc_{number + 1}", ("0", "1"))
    for number in range(5):
        _add(modules, f"reasoning.decoder.{number}", f"RFRModule.dec_{5 - number}", ("0", "1"))
    for number, name in enumerate(("narrow", "middle", "widen"), start=1):
        _add(modules, f"bottleneck.{name}", "tail2", (f"conv{number}", f"bn{number}"))
    return {name: Source(_source_name(name, modules), _unchanged) for name in names}


def partial_unet_sources(names: Iterable[str], *, of_nvidia: bool) -> dict[str, Source]:
    """Return the sources of the weights of `PartialUNet`.

    Args:
        names: of its weights.
        of_nvidia: the source uses NVIDIA's layer, instead of the port's without the factor k k C.
    """
    inner, modules, sources = "" if of_nvidia else ".input_conv", {}, {}
    for name in names:
        coder, number, *_ = name.split(".")
        theirs = f"{coder[:3]}_{int(number) + 1}"
        modules[f"{coder}.{number}.conv.conv"] = f"{theirs}.conv{inner}"
        modules[f"{coder}.{number}.conv"] = f"{theirs}.conv{inner}"  # has the bias
        modules[f"{coder}.{number}.norm"] = f"{theirs}.bn"
        scaled = name.endswith("conv.conv.weight") and not of_nvidia
        sources[name] = Source(_source_name(name, modules), _per_input if scaled else _unchanged)
    return sources


def levels_of(arrays: Mapping[str, ndarray], first: str) -> int:
    """Return how many times a U-Net halves the image, from names like that of its first filter."""
    prefix, _, rest = first.partition("enc_1.")
    level = 1
    while f"{prefix}enc_{level + 1}.{rest}" in arrays:
        level += 1
    return level


def _add(modules: dict[str, str], ours: str, theirs: str, parts: tuple[str, str]) -> None:
    """A convolution and its normalisation."""
    modules[f"{ours}.conv"], modules[f"{ours}.norm"] = (f"{theirs}.{part}" for part in parts)


def _source_name(name: str, modules: Mapping[str, str]) -> str:
    module, _, part = name.rpartition(".")
    return f"{modules[module]}.{_PARTS.get(part, part)}"


def _unchanged(array: ndarray) -> ndarray:
    return array


def _per_input(weight: ndarray) -> ndarray:
    """[out, C, k, k] / (k k C)."""
    return weight / prod(weight.shape[1:])
