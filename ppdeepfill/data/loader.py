# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Load training batches by number, in worker processes."""

import logging
import shutil
import threading
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import count
from operator import itemgetter
from typing import Any

import numpy as np
import paddle
from numpy import ndarray

from ppdeepfill.data.batch import Batch
from ppdeepfill.data.dataset import ORDER_STREAM, InpaintingDataset, Skipped
from ppdeepfill.data.loader_processes import (
    SHARED_MEMORY,
    kill,
    prepare_worker,
    raising_no_signals,
    training_is_gone,
    wake_when_one_dies,
    were_terminated,
)
from ppdeepfill.data.pixels import HALF_RANGE
from ppdeepfill.errors import ConfigError, DataError, UserError

logger = logging.getLogger(__name__)

PREFETCH = 2  # batches per worker, Paddle's default


class Loader:
    """An endless iterator of batches; batch n is a pure function of the seeds and n.

    Batch n contains the samples n*B to n*B+B-1 of an endless sequence that repeats all images, in a
    new random order each time. Each process gets a contiguous share of a batch.

    Args:
        dataset: source of the samples.
        batch_size: images per batch over all processes.
        workers: loader processes per training process; 0 loads in the training process itself.
        seed: determines the order of the images.
        rank, world_size: number of this training process, and of all training processes.
        first_batch: number of the first batch, for a resumed run.

    Raises:
        DataError: the batch is larger than the dataset.
        ConfigError: the processes cannot share a batch evenly.
    """

    def __init__(
        self,
        dataset: InpaintingDataset,
        *,
        batch_size: int,
        workers: int = 0,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
        first_batch: int = 0,
    ):
        if batch_size > len(dataset):
            raise DataError(
                f"the {len(dataset)} images in {dataset.source.spec} cannot fill a batch of "
                f"{batch_size} without repeating: set data.batch_size to {len(dataset)} or less, "
                "or add images"
            )
        if batch_size % world_size:
            raise ConfigError(
                f"data.batch_size must be divisible by the number of processes, {world_size}; "
                f"got {batch_size}"
            )
        share = batch_size // world_size
        self.skipped = Skipped(dataset.source.spec)
        self._recipe = _BatchRecipe(dataset, batch_size, rank * share, share, seed)
        self._workers = workers
        self._next_batch = first_batch
        self._loaded: Any = None

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        if self._loaded is None:
            self._loaded = self._start()
        image, mask, notes = self._receive() if self._workers else next(self._loaded)
        self._next_batch += 1
        if notes.error is not None:
            raise notes.error
        for name, reason in notes.skipped.items():
            self.skipped.note(name, reason)
        image = _to_float(image) / HALF_RANGE - 1
        labels = None if notes.labels is None else paddle.to_tensor(notes.labels).astype("int64")
        return Batch(image, _to_float(mask), notes.bboxes, notes.sample_numbers, labels)

    def close(self) -> None:
        """End the worker processes; the loader cannot be used afterwards."""
        if self._workers and self._loaded is not None:
            # Paddle's reader thread keeps its iterator alive, so `del` would not end them.
            self._loaded._try_shutdown_all()
        self._workers, self._loaded = 0, iter(())

    def _start(self) -> Iterator[list]:
        if not self._workers:
            return map(self._recipe.load, count(self._next_batch))
        with raising_no_signals():
            loaded = iter(
                paddle.io.DataLoader(
                    _WorkerDataset(self._recipe),
                    batch_sampler=([number] for number in count(self._next_batch)),
                    collate_fn=itemgetter(0),
                    num_workers=self._workers,
                    prefetch_factor=PREFETCH,
                    use_shared_memory=self._shared_memory_suffices(),
                    worker_init_fn=prepare_worker,
                )
            )
        wake_when_one_dies(loaded)
        return loaded

    def _receive(self) -> list:
        try:
            return next(self._loaded)
        except (SystemError, RuntimeError, OSError) as error:  # a worker is dead
            terminated = were_terminated(self._loaded)
            kill(self._loaded)
            if not terminated:
                raise DataError(
                    "a loader process died. If memory ran out, lower data.workers or "
                    f"data.batch_size; if {SHARED_MEMORY} is full, enlarge it (docker run "
                    f"--shm-size=2g) or set data.workers=0. Paddle's message: {error}"
                ) from error
        # A scheduler sends SIGTERM to every process of a run, which then finishes its iteration.
        logger.warning("the loader processes got SIGTERM: loading images in the training process")
        self.close()
        self._loaded = self._start()
        return next(self._loaded)

    def _shared_memory_suffices(self) -> bool:
        """Return False if batches could fill /dev/shm, which would kill the workers."""
        if not SHARED_MEMORY.is_dir():
            return False
        height, width = self._recipe.dataset.image_size
        batch_bytes = self._recipe.share * height * width * 4  # RGB and mask
        needed = batch_bytes * (PREFETCH * self._workers + 2)
        free = shutil.disk_usage(SHARED_MEMORY).free
        if needed > free:
            logger.warning(
                "%s has %d MB free, but the batches need %d MB: using pipes instead, which is "
                "slower. Enlarge it (docker run --shm-size=2g) or lower data.workers.",
                SHARED_MEMORY,
                free >> 20,
                needed >> 20,
            )
        return needed <= free


@dataclass(frozen=True)
class _Notes:
    """Data sent along with the two tensors; Paddle passes unknown objects on unchanged."""

    bboxes: ndarray | None = None
    sample_numbers: ndarray | None = None
    labels: ndarray | None = None
    skipped: dict[str, str] = field(default_factory=dict)
    error: Exception | None = None


@dataclass(frozen=True)
class _BatchRecipe:
    """Loads this process's share of a batch, given its number."""

    dataset: InpaintingDataset
    batch_size: int
    first: int  # position of the share in the batch
    share: int
    seed: int

    def load(self, batch_number: int) -> list:
        """Return [image uint8 [B,3,H,W], mask uint8 [B,1,H,W], notes]."""
        start = batch_number * self.batch_size + self.first
        samples = [
            self.dataset[self._image_index(number), number, batch_number]
            for number in range(start, start + self.share)
        ]
        labels = [sample.labels for sample in samples if sample.labels is not None]
        notes = _Notes(
            bboxes=np.array([sample.bbox for sample in samples]),
            sample_numbers=np.array([sample.number for sample in samples], np.int64),
            labels=np.stack(labels) if labels else None,
            skipped={k: v for sample in samples for k, v in sample.skipped.items()},
        )
        image = np.stack([sample.image.transpose(2, 0, 1) for sample in samples])
        return [image, np.stack([sample.mask[None] for sample in samples]), notes]

    def _image_index(self, sample_number: int) -> int:
        epoch, position = divmod(sample_number, len(self.dataset))
        return int(_order(self.seed, epoch, len(self.dataset))[position])


@lru_cache(maxsize=2)  # a batch covers at most two epochs
def _order(seed: int, epoch: int, length: int) -> ndarray:
    """Return the random order of all images in an epoch."""
    return np.random.default_rng([seed, ORDER_STREAM, epoch]).permutation(length)


@dataclass(frozen=True)
class _WorkerDataset:
    """The recipe inside a worker; it sends errors in the notes, because Paddle only prints them."""

    recipe: _BatchRecipe

    def __getitem__(self, batch_number: int) -> list:
        if training_is_gone.is_set():
            threading.Event().wait()  # no further batch: the process is about to end
        try:
            return self.recipe.load(batch_number)
        except UserError as error:
            notes = _Notes(error=error)
        except Exception:  # raised again by the Loader
            report = f"loading batch {batch_number} failed\n{traceback.format_exc()}"
            notes = _Notes(error=RuntimeError(report))
        return [np.zeros(1, np.uint8), np.zeros(1, np.uint8), notes]


def _to_float(pixels: ndarray | paddle.Tensor) -> paddle.Tensor:
    """Convert uint8 to float32 on the device, which makes the transfer four times smaller."""
    if isinstance(pixels, ndarray):
        pixels = paddle.to_tensor(pixels)
    return pixels.astype("float32")
