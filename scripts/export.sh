#!/usr/bin/env bash
# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
#
# Export a network for Paddle Inference; without arguments the newest one below output/, or the one
# that ships, to output/inference_model.
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 2

python export.py "$@"
