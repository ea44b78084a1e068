# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The thread in which the network computes, one order after the other.

One at a time: on a processor a batch of pictures takes as long as the pictures one by one, since
each of them keeps all cores busy (docs/deployment.md), and alone a result is that of
`ppdeepfill predict`, to the bit.
"""

import logging
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from ppdeepfill.parallel import use_device
from ppdeepfill.serving.filling import Filled, Model, Order, fill_order, open_model

logger = logging.getLogger(__name__)


class Worker:
    """A network in a thread of its own, which takes orders in their sequence.

    Args:
        model_path: see `open_model`.
        device: see `use_device`.
        most_pixels: see `fill_order`.

    Attributes:
        model: the network.

    Raises:
        UserError: the network or the device cannot be used.
    """

    def __init__(self, model_path: Path, device: str, most_pixels: int):
        self._most_pixels = most_pixels
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="filling")
        try:
            self.model: Model = self._thread.submit(self._open, model_path, device).result()
        except BaseException:
            self.close()
            raise

    def submit(self, order: Order) -> Future[Filled]:
        """Fill after the orders that wait already; a future that is cancelled is passed over."""
        return self._thread.submit(self._fill, order)

    def close(self) -> None:
        """Drop what waits, and end what is computed."""
        self._thread.shutdown(cancel_futures=True)

    def _open(self, model_path: Path, device: str) -> Model:
        use_device(device)  # here, since Paddle keeps a number of threads for each thread
        return open_model(model_path)

    def _fill(self, order: Order) -> Filled:
        start = time.perf_counter()
        filled = fill_order(self.model, order, self._most_pixels)
        logger.info("filled a photo in %.2f s", time.perf_counter() - start)
        return filled
