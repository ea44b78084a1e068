# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Compare our numbers with those of both reference implementations, step by step.

`arrays/` contains the references' results for weights and images that `recipes` recreates from
their seeds. `authors` and `port` compute the same with our code, one `Comparison` per step, and
`report` prints and writes them.
"""
