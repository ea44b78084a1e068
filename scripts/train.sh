#!/usr/bin/env bash
# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
#
# Train; without arguments the quick start. `bash scripts/train.sh --help` lists the arguments.
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 2

python train.py "$@"

# On several cards:
# python -m paddle.distributed.launch --gpus=0,1 train.py "$@"
