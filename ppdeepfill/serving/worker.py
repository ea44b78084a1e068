# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""The thread that runs the network, one order at a time.

On a CPU, a batch of pictures takes as long as the pictures one by one, because each keeps all cores
busy (docs/deployment.md), and a picture on its own gives the same result as `ppdeepfill predict`,
bit for bit.
"""

import logging
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from ppdeepfill.parallel import use_device
from ppdeepfill.serving.filling import Filled, Model, Order, fill_order, open_model

logger = logging.getLogger(__name__)


class Worker:
    """A network in its own thread, which fills orders in sequence.

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
        """Fill after the orders that are already waiting, unless the future is cancelled."""
        return self._thread.submit(self._fill, order)

    def close(self) -> None:
        """Cancel waiting orders, and wait for the current one."""
        self._thread.shutdown(cancel_futures=True)

    def _open(self, model_path: Path, device: str) -> Model:
        use_device(device)  # must be here: Paddle's number of threads is set per thread
        return open_model(model_path)

    def _fill(self, order: Order) -> Filled:
        start = time.perf_counter()
        filled = fill_order(self.model, order, self._most_pixels)
        logger.info("filled a photo in %.2f s", time.perf_counter() - start)
        return filled
