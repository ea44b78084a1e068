#!/usr/bin/env bash
# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
#
# Lay out the images of a mode in test_tipc/data.
#
#   bash test_tipc/prepare.sh CONFIG MODE [DATA]
#
# DATA is a folder with train/ and val/, such as Places2; images of val/ are 256 x 256 pixels. For
# semantic_guidance it also holds labels/. What a mode calls whole comes from there. Without it,
# whole_infer and lite_train_whole_infer take the small set; whole_train_whole_infer needs it.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common_func.sh"
whole=${3:+$(realpath "$3")}
begin "$@"

# from_whole PART: take train, labels or val of DATA.
from_whole() {
    [[ -d "$whole/$1" ]] || complain "$whole has no folder $1"
    rm -rf "${data:?}/$1"
    ln -s "$whole/$1" "$data/$1"
}

rm -rf "$data"
mkdir -p "$data"
"$python" test_tipc/lite_data.py "$data"
if [[ -z "$whole" ]]; then
    [[ "$mode" != whole_train* ]] || complain "$mode needs the full data: prepare.sh CONFIG MODE DATA"
else
    [[ "$mode" != whole_train* ]] || from_whole train
    [[ "$mode" != whole_train* || ! -d "$whole/labels" ]] || from_whole labels
    [[ "$mode" != *whole_infer ]] || from_whole val
fi
echo "prepared $data for $mode of $model"
