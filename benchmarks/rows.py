# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""All rows, in the order of the table. Importing this module imports nothing heavy."""

from benchmarks import attention, inference, loading, machine, methods, startup, training
from benchmarks.row import Row

ROWS: dict[str, Row] = {
    row.name: row
    for part in (machine, startup, inference, attention, training, methods, loading)
    for row in part.rows()
}
