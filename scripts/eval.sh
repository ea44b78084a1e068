#!/usr/bin/env bash
# Copyright (c) 2026 ppdeepfill contributors.
# SPDX-License-Identifier: Apache-2.0
#
# Score a network; without arguments the newest one below output/, or the one that ships, on the
# bundled photographs.
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 2

python eval.py "$@"
