# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Map the weights of the methods around DeepFill v1, under the names of their codes, to ours.

There are two public partial convolutions, which differ by a factor: with the same filter, NVIDIA's
and ours return k k C times the port's result (k filter size, C input channels). The names of the
weights tell which one a network uses.

Source: names in `RFR-Inpainting`; in `pytorch-inpainting-with-partial-conv`, called "port"; in
`GLCIC-PyTorch`; in `Shift-Net_pytorch`.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from math import prod
from typing import Any, NamedTuple

from numpy import ndarray

from ppdeepfill.networks.shift_net import SHIFT_LEVEL
from ppdeepfill.weights.converters.deepfill_v1 import Source

RFR_FIRST = "Pconv1.weight"
PORT_FIRST = "enc_1.conv.input_conv.weight"
NVIDIA_FIRST = "enc_1.conv.weight"  # the same U-Net with NVIDIA's layer
GLCIC_FIRST = "conv1.weight"
SHIFT_NET_FIRST = "model.model.0.weight"

_PARTS = {"_mean": "running_mean", "_variance": "running_var", "scale": "weight"}
_GLCIC = (  # blocks in the order of the port's numbers
    *(f"encoder.{n}" for n in ("first", "down1", "half", "down2", "quarter1", "quarter2")),
    *(f"dilated.dilation{d}" for d in (2, 4, 8, 16)),
    *("bottleneck.conv1", "bottleneck.conv2"),
    *(f"decoder.{n}" for n in ("up1", "half", "up2", "full")),
)
_GLCIC_TRANSPOSED = (13, 15)
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


class Naming(NamedTuple):
    """How one code names the weights of a network.

    Attributes:
        network: ours, a key of `NETWORKS`.
        first: name of its first filter.
        options: (arrays, prefix of all names) -> options of our builder, besides `base_channels`.
        sources: (names of our weights, these options) -> sources.
    """

    network: str
    first: str
    options: Callable[[Mapping[str, ndarray], str], dict[str, Any]]
    sources: Callable[[Iterable[str], Mapping[str, Any]], dict[str, Source]]


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


def glcic_modules() -> dict[str, str]:
    """The layers of `CompletionNetwork`, by our names -> the port's."""
    modules = {"to_rgb": "conv17"}
    for number, block in enumerate(_GLCIC, start=1):
        kind = "deconv" if number in _GLCIC_TRANSPOSED else "conv"
        _add(modules, block, "", (f"{kind}{number}", f"bn{number}"))
    return modules


def shift_net_modules(levels: int) -> dict[str, str]:
    """The layers of a `ShiftNet` of so many levels, by our names -> the authors'.

    In their code, each level is a sequence: convolution, norm, the inner level, up-convolution,
    norm; with activations between them.
    """
    modules = {}
    for level in range(levels):
        down, down_norm, up, up_norm = 1, 2, 5, 6  # places in the sequence
        if level == 0:
            down, down_norm, up, up_norm = 0, None, 3, None
        elif level == SHIFT_LEVEL - 1:  # guidance and shift come before the up-convolution
            up, up_norm = 7, 8
        elif level == levels - 1:
            down_norm, up, up_norm = None, 3, 4
        for direction, places in (("down", (down, down_norm)), ("up", (up, up_norm))):
            for part, place in zip(("conv", "norm"), places, strict=True):
                if place is not None:
                    modules[f"{direction}.{level}.{part}"] = f"{_sequence(level)}.{place}"
    return modules


def _sequence(level: int) -> str:
    """The authors' name of a level of Shift-Net."""
    return "model.model" + ".1.model" * (level > 0) + ".3.model" * (level - 1)


def _no_options(arrays: Mapping[str, ndarray], prefix: str) -> dict[str, Any]:
    return {}


def _order_of_the_port(arrays: Mapping[str, ndarray], prefix: str) -> dict[str, Any]:
    return {"order": "relu_norm"}


def _levels(
    arrays: Mapping[str, ndarray], prefix: str, *, filter_of: Callable[[int], str]
) -> dict[str, Any]:
    """How many times a U-Net halves the image, given the name of a level's filter."""
    level = 1
    while prefix + filter_of(level) in arrays:
        level += 1
    return {"levels": level}


def _unchanged_sources(
    names: Iterable[str], options: Mapping[str, Any], *, modules: Callable[..., dict[str, str]]
) -> dict[str, Source]:
    sizes = {"levels": options["levels"]} if "levels" in options else {}
    places = modules(**sizes)
    return {name: Source(_source_name(name, places), _unchanged) for name in names}


def _partial_unet(of_nvidia: bool) -> Naming:
    first = NVIDIA_FIRST if of_nvidia else PORT_FIRST
    return Naming(
        "partial_unet",
        first,
        partial(_levels, filter_of=lambda level: first.replace("1", str(level + 1))),
        lambda names, _: partial_unet_sources(names, of_nvidia=of_nvidia),
    )


METHODS: dict[str, tuple[Naming, ...]] = {  # by origin
    "rfr": (Naming("rfr", RFR_FIRST, _no_options, lambda names, _: rfr_sources(names)),),
    "partial_conv": (_partial_unet(of_nvidia=False), _partial_unet(of_nvidia=True)),
    "glcic": (
        Naming(
            "glcic",
            GLCIC_FIRST,
            _order_of_the_port,
            partial(_unchanged_sources, modules=glcic_modules),
        ),
    ),
    "shift_net": (
        Naming(
            "shift_net",
            SHIFT_NET_FIRST,
            partial(_levels, filter_of=lambda level: f"{_sequence(level)}.1.weight"),
            partial(_unchanged_sources, modules=shift_net_modules),
        ),
    ),
}


def _add(modules: dict[str, str], ours: str, theirs: str, parts: tuple[str, str]) -> None:
    """A convolution and its normalisation."""
    dot = "." if theirs else ""
    modules[f"{ours}.conv"], modules[f"{ours}.norm"] = (f"{theirs}{dot}{part}" for part in parts)


def _source_name(name: str, modules: Mapping[str, str]) -> str:
    module, _, part = name.rpartition(".")
    return f"{modules[module]}.{_PARTS.get(part, part)}"


def _unchanged(array: ndarray) -> ndarray:
    return array


def _per_input(weight: ndarray) -> ndarray:
    """[out, C, k, k] / (k k C)."""
    return weight / prod(weight.shape[1:])
