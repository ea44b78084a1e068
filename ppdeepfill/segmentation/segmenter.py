# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""A PaddleSeg model from a configuration and a weight file: image in, class of each pixel out.

Letters: H W image.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import paddle
from numpy import ndarray

from ppdeepfill.errors import ConfigError, UserError
from ppdeepfill.segmentation.model_config import ModelConfig, read_model_config
from ppdeepfill.weight_files import read_arrays
from ppdeepfill.weights.generator_file import load_weights

FIRST_WITHOUT = (3, 13)  # Python: PaddleSeg 2.8.0 needs NumPy 1, which has no wheel there


class Segmenter:
    """Predicts the class of each pixel of an image.

    It runs on the current device, see `parallel.use_device`.

    Args:
        config: a PaddleSeg YAML file.
        weights: a .pdparams file; reading it runs no code.

    Attributes:
        config: as read.
        classes: number of classes.

    Raises:
        ConfigError: the configuration describes no model that can be built.
        UserError: PaddleSeg is not installed, or the weights cannot be read or do not fit.
    """

    def __init__(self, config: Path, weights: Path):
        self.config = read_model_config(config)
        arrays = read_arrays(weights)
        _check_installed()
        self.classes = _count_classes(self.config)
        self._model = _build_model(self.config, self.classes)
        load_weights(self._model, arrays, source=f"{weights}, for the model of {config},")
        self._model.eval()
        self._prepare = _build_transforms(self.config)

    def classes_of(self, image: ndarray) -> ndarray:
        """Return the class of each pixel, int32 [H, W].

        Args:
            image: uint8 [H, W, 3] RGB.
        """
        from paddleseg.core.infer import inference

        # PaddleSeg takes images as OpenCV reads them, BGR.
        prepared = self._prepare({"img": image[..., ::-1].astype(np.float32)})
        window = self.config.window
        sliding = {} if window is None else {"is_slide": True, **window._asdict()}
        with paddle.no_grad():
            classes, _ = inference(
                self._model,
                paddle.to_tensor(prepared["img"][None]),
                trans_info=prepared["trans_info"],
                **sliding,
            )
        found = classes[0, 0].numpy().astype(np.int32)
        height, width = image.shape[:2]
        return cv2.resize(found, (width, height), interpolation=cv2.INTER_NEAREST)


def _check_installed() -> None:
    """Raise UserError, saying what to do, if PaddleSeg is not installed."""
    try:
        import paddleseg  # noqa: F401 only to see whether it is there
    except ImportError as error:
        if sys.version_info >= FIRST_WITHOUT:
            raise UserError(
                "PaddleSeg 2.8.0 cannot be installed on Python 3.13 or newer: it needs NumPy 1, "
                "which has no wheel there. Use Python 3.10 to 3.12, or make the masks elsewhere "
                "and pass them with --mask_path"
            ) from error
        raise UserError(
            f'PaddleSeg cannot be imported ({error}); install it with pip install -e ".[seg]"'
        ) from error


def _build_model(config: ModelConfig, classes: int) -> paddle.nn.Layer:
    import paddleseg.models  # noqa: F401 registers the models by name

    return _built({"num_classes": classes, **config.model}, config, "model")


def _build_transforms(config: ModelConfig) -> Any:
    from paddleseg.transforms import Compose

    steps = [_built(step, config, "transform") for step in config.transforms]
    return Compose(steps, to_rgb=config.dataset.get("to_rgb", True))


def _built(arguments: Mapping[str, Any], config: ModelConfig, what: str) -> Any:
    """Build a PaddleSeg component by its `type`; raise ConfigError if PaddleSeg cannot."""
    from paddleseg.cvlibs import SegBuilder, manager

    known = [manager.MODELS, manager.BACKBONES, manager.TRANSFORMS]
    try:
        return SegBuilder(None, known).build_component(dict(arguments))
    except Exception as error:  # PaddleSeg raises whatever its parts do
        kind = arguments.get("type") if isinstance(arguments, Mapping) else arguments
        reason = ["", *str(error).strip().splitlines()][-1]
        raise ConfigError(f"{config.path}: the {what} {kind} cannot be built: {reason}") from error


def _count_classes(config: ModelConfig) -> int:
    """The number of classes that the model names, or else its data set."""
    import paddleseg.datasets  # noqa: F401 registers the data sets by name
    from paddleseg.cvlibs import manager

    known = manager.DATASETS.components_dict
    dataset = known.get(str(config.dataset.get("type")))
    count = (
        config.model.get("num_classes")
        or config.dataset.get("num_classes")
        or getattr(dataset, "NUM_CLASSES", None)
    )
    if not isinstance(count, int) or count < 1:
        raise ConfigError(
            f"{config.path} does not say how many classes there are; set num_classes in `model`"
        )
    return count
