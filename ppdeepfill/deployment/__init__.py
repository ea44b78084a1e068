# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
"""Networks as graphs for Paddle Inference and ONNX Runtime."""
