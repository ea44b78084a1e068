# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Rows: each network of the zoo at 128 pixels, as wide as in its paper: one picture, one update.

RFR also fills a picture of 256 pixels, where the share of its small maps is different.

FLOPs are those of convolutions and linear layers as computed directly, without attention; of an
update, of the network alone, three times its forward pass.
"""

import functools
from math import prod
from pathlib import Path

from benchmarks.row import Call, Row, Skip

# As in `ppdeepfill.networks`, whose import takes long; a test compares them.
NETWORKS = (
    "deepfill_v1",
    "deepfill_v1_torch",
    "glcic",
    "shift_net",
    "semantic_guidance",
    "rfr",
    "partial_unet",
)
CONFIGS = Path(__file__).resolve().parents[1] / "configs"
OTHER_CONFIGS = {"deepfill_v1": "deepfill_v1_places2"}
# Settings of single networks: what 128 pixels need, and what is not there.
SETTINGS = {
    "shift_net": ["network.options.levels=7"],
    "semantic_guidance": ["network.options.attention_grid=32"],
    "rfr": ["objective.options.perceptual_weight=0", "objective.options.style_weight=0"],
    "partial_unet": ["objective.options.vgg_weights=random"],
}
SIZE, HOLE, BATCH = 128, 64, 4
LARGER = 256


def rows() -> list[Row]:
    larger = Row(
        f"method/rfr/forward_{LARGER}",
        functools.partial(_forward, "rfr", LARGER),
        lambda: (LARGER // SIZE) ** 2 * _flops("rfr"),
    )
    return [
        row
        for name in NETWORKS
        for row in (
            Row(
                f"method/{name}/forward",
                functools.partial(_forward, name),
                functools.partial(_flops, name),
            ),
            Row(
                f"method/{name}/update",
                functools.partial(_update, name),
                lambda name=name: 3 * BATCH * _flops(name),
                items=BATCH,
            ),
        )
    ] + [larger]


def _forward(name: str, size: int = SIZE) -> Call:
    """Return a call that fills one picture, from uint8 to uint8."""
    from benchmarks.inference import picture
    from ppdeepfill.inference.inpainter import Inpainter
    from ppdeepfill.parallel import use_device

    use_device("cpu")
    return functools.partial(Inpainter(_network(name)), *picture((size, size)))


def _update(name: str) -> Call:
    """Return a call that trains the network by one update, as its configuration says."""
    from ppdeepfill.errors import UserError
    from ppdeepfill.parallel import use_device
    from ppdeepfill.training.trainer import Trainer

    use_device("cpu", training=True)
    try:
        trainer = Trainer(_config(name))
    except UserError as error:  # no label maps come with the photographs, for example
        raise Skip(str(error).splitlines()[0]) from None
    phase = next(x for x in trainer.phases if x.name == "generator")
    trainer.phases = [phase._replace(repeats=1, fresh_batch=True, start=0, stop=None)]
    return trainer.step


def _config(name: str):
    from ppdeepfill.config import load_config

    settings = ["data.train=bundled:train", "data.validation=null", "data.workers=0"]
    settings += [f"data.image_size={SIZE}", f"mask.size={HOLE}", f"data.batch_size={BATCH}"]
    settings += ["device=cpu", "logging.visualdl=false", *SETTINGS.get(name, [])]
    return load_config(CONFIGS / f"{OTHER_CONFIGS.get(name, name)}.yaml", settings)


def _network(name: str):
    from ppdeepfill.networks import build_network

    return build_network(name, **_config(name).network.options)


def _flops(name: str) -> int:
    """Count one forward pass of one image by watching the layers."""
    import paddle
    from paddle import nn

    network, counted = _network(name), []
    network.eval()

    def count(layer, inputs, output) -> None:
        reads = isinstance(layer, nn.Conv2DTranspose)  # each value times a filter is added
        values = prod((inputs[0] if reads else output).shape)
        shape = layer.weight.shape
        counted.append(2 * values * (shape[0] if len(shape) == 2 else prod(shape[1:])))

    for layer in network.sublayers():
        if isinstance(layer, (nn.Conv2D, nn.Conv2DTranspose, nn.Linear)):
            layer.register_forward_post_hook(count)
    with paddle.no_grad():
        network(paddle.zeros([1, 3, SIZE, SIZE]), paddle.ones([1, 1, SIZE, SIZE]))
    return sum(counted)
