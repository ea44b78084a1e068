# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Open the datasets and loaders of a configuration."""

from pathlib import Path

from ppdeepfill import parallel
from ppdeepfill.config import Config
from ppdeepfill.data import InpaintingDataset, open_source
from ppdeepfill.data.labels import LabelMaps
from ppdeepfill.data.loader import Loader
from ppdeepfill.errors import ConfigError, DataError


def open_dataset(config: Config, images: str) -> InpaintingDataset:
    """Return the dataset for `config.data.train` or `config.data.validation`.

    Raises:
        DataError: no images there; the message names the key.
    """
    key = "data.train" if images == config.data.train else "data.validation"
    try:
        source = open_source(images, index_dir=Path(config.output_dir))
    except DataError as error:
        raise DataError(f"{key}: {error} Set it with -o {key}=PATH.") from error
    return InpaintingDataset(
        source,
        image_size=config.data.image_size,
        mask=config.mask,
        random_crop=config.data.random_crop,
        max_crop_scale=config.data.max_crop_scale,
        reduced_decoding=config.data.reduced_decoding,
        horizontal_flip=config.data.horizontal_flip,
        labels=_label_maps(config) if key == "data.train" else None,
        seed=config.seed,
    )


def _label_maps(config: Config) -> LabelMaps | None:
    if config.data.labels is None:
        return None
    try:
        return LabelMaps(config.data.labels, config.network.options.get("classes"))
    except DataError as error:
        raise DataError(f"data.labels: {error} Set it with -o data.labels=PATH.") from error


def open_loader(config: Config, dataset: InpaintingDataset, *, first_batch: int = 0) -> Loader:
    """Return a loader of this process's share of all batches, starting at `first_batch`.

    Raises:
        ConfigError: the processes, or the parts of an accumulated batch, are not of equal size.
        DataError: a batch is larger than the dataset.
    """
    loader = Loader(
        dataset,
        batch_size=config.data.batch_size,
        workers=config.data.workers,
        seed=config.seed,
        rank=parallel.rank(),
        world_size=parallel.world_size(),
        first_batch=first_batch,
    )
    if config.data.batch_size % (parallel.world_size() * config.data.accumulate):
        raise ConfigError(
            f"data.batch_size must be divisible by data.accumulate on each of "
            f"{parallel.world_size()} process(es); got {config.data.batch_size} and "
            f"{config.data.accumulate}"
        )
    return loader
