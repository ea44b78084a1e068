# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Measure one row with PyTorch, for `benchmarks/run.py --compare`; see docs/benchmarks.md.

It needs PyTorch and NumPy only, and its own environment if you like:

    python benchmarks/run.py 'attention/*' 'training/*' 'method/rfr/*' --threads 1 \\
        --compare 'TORCH_ENVIRONMENT/bin/python benchmarks/torch_opponents.py'
"""

import functools
import os
import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[1])

import torch  # noqa: E402 needs the path
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from benchmarks import torch_deepfill_rows, torch_methods  # noqa: E402
from benchmarks.measure import measure  # noqa: E402
from benchmarks.protocol import REPEATS, Measurement  # noqa: E402
from benchmarks.row import Row  # noqa: E402

ROWS = {row.name: row for row in torch_deepfill_rows.rows() + torch_methods.rows()}


def counted(row: Row) -> Row:
    """Let PyTorch count the operations of one more call."""
    return row._replace(flops=functools.partial(_flops, row))


def _flops(row: Row) -> int:
    call = row.prepare()
    with FlopCounterMode(display=False) as counter:
        call()
    return counter.get_total_flops()


if __name__ == "__main__":
    torch.manual_seed(0)
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    row = ROWS.get(sys.argv[1])
    if row is None:
        result = Measurement(note="not compared with PyTorch")
    else:
        result = measure(counted(row), int(os.environ.get(REPEATS, "5")))
    print(result.to_json(), flush=True)
    os._exit(0)
