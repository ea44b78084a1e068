# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Our numbers against those of both reference implementations, step by step.

`arrays/` holds what the references returned for weights and images that `recipes` makes again from
their seeds. `authors` and `port` compute the same with our code, one `Comparison` per step, and
`report` prints and writes them.
"""
