#!/usr/bin/env bash
# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
#
# Fill the holes of photographs; without arguments those of a small dataset, which is made first
# from the bundled photographs. Results go to output/result.
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 2

if (($# == 0)); then
    python test_tipc/lite_data.py output/lite_data || exit
    set -- --image_path=output/lite_data/val --mask_path=output/lite_data/mask.png
fi
python predict.py "$@"
